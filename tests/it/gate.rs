//! A pool whose API answers when the test lets it.
//! Not here: what a test expects of it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bwp_sync::domain::input::{CreateOrderInput, UpdateOrderInput};
use bwp_sync::domain::order::OrderIdentifier;
use bwp_sync::domain::stored::StoredOrder;
use bwp_sync::ports::{ApiError, ErrorFact, Inbound, Job, OrderApi, Purpose, Settlement, Settling};
use bwp_sync::worker::{Pace, Pacing, Status, Timing, pool};
use tokio::sync::oneshot::error::RecvError;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::context;
use crate::scenario::{event, plain_checkout};

/// Far beyond what any of this takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Says which order's call has begun, and ends it when the test says so. Orders named `panic…` make it panic, those named
/// `denied…` are denied in the end, and the one named `there` can be read.
#[derive(Clone, Debug)]
pub(crate) struct Gate {
    begun: mpsc::UnboundedSender<String>,
    open: Arc<Mutex<HashMap<String, Arc<Notify>>>>,
    /// Whether the order named `flaky` has failed, as it does the first time.
    pub(crate) failed: Arc<Mutex<bool>>,
    /// Sessions with the broker that it was told of.
    pub(crate) sessions: Arc<Mutex<usize>>,
}

impl Gate {
    pub(crate) fn of(&self, order: &str) -> Arc<Notify> {
        Arc::clone(self.open.lock().unwrap().entry(order.into()).or_default())
    }
}

impl OrderApi for Gate {
    async fn create_order(&self, input: &CreateOrderInput) -> Result<StoredOrder, ApiError> {
        let order = input.aliases[0].alias_id.clone();
        tracing::info!("called");
        assert!(!order.starts_with("panic"), "an order that makes the worker panic");
        if order == "flaky" && !std::mem::replace(&mut *self.failed.lock().unwrap(), true) {
            return Err(ApiError::Answered { status: 200, retry_after: None, errors: vec![denied()] });
        }
        if order == "refused" {
            return Err(ApiError::Answered { status: 200, retry_after: None, errors: vec![refused()] });
        }
        self.begun.send(order.clone()).unwrap();
        self.of(&order).notified().await;
        if order.starts_with("denied") {
            return Err(ApiError::Answered { status: 200, retry_after: None, errors: vec![denied()] });
        }
        Ok(StoredOrder { id: format!("bwp-{order}"), ..StoredOrder::default() })
    }

    async fn update_order(&self, _: &OrderIdentifier, _: &UpdateOrderInput) -> Result<StoredOrder, ApiError> {
        Err(ApiError::NotSent { reason: "no updates here".into() })
    }

    async fn order(&self, identifier: &OrderIdentifier, _: Purpose) -> Result<Option<StoredOrder>, ApiError> {
        let OrderIdentifier::Alias(alias) = identifier else { return Ok(None) };
        let there = StoredOrder { id: "322".into(), ..StoredOrder::default() };
        Ok((alias.alias_id == "there").then_some(there))
    }

    fn session_began(&self) {
        *self.sessions.lock().unwrap() += 1;
    }
}

/// Not tried again at once, but after a delay.
fn denied() -> ErrorFact {
    ErrorFact { error_type: Some("AccessDeniedError".into()), ..ErrorFact::default() }
}

/// A refusal that repeats what the shopper entered, in many words.
fn refused() -> ErrorFact {
    ErrorFact {
        error_type: Some("ValidationError".into()),
        code: Some("InvalidRecipientAddressInput".into()),
        message: format!("no way to John Smith in Seattle{}", ", alas".repeat(1000)),
        ..ErrorFact::default()
    }
}

pub(crate) struct Stage {
    pub(crate) gate: Gate,
    pub(crate) begun: mpsc::UnboundedReceiver<String>,
    pub(crate) jobs: mpsc::Sender<Job>,
    pub(crate) stop: CancellationToken,
    pub(crate) status: Arc<Status>,
    pub(crate) pace: Arc<Pace>,
    pub(crate) pool: Option<tokio::task::JoinHandle<()>>,
}

impl Stage {
    /// A pool that holds nothing for a delay.
    pub(crate) fn new() -> Self {
        Self::holding(0)
    }

    /// A pool that holds as many messages for a delay.
    pub(crate) fn holding(hold_at_most: usize) -> Self {
        let (stage, pool) = Self::apart(hold_at_most, context::pacing());
        Self { pool: Some(tokio::spawn(pool)), ..stage }
    }

    /// A stage and its pool, which somebody else runs.
    pub(crate) fn apart(hold_at_most: usize, pacing: Pacing) -> (Self, impl Future<Output = ()>) {
        let (sender, begun) = mpsc::unbounded_channel();
        let gate = Gate { begun: sender, open: Arc::default(), failed: Arc::default(), sessions: Arc::default() };
        let mut context = context::paced(gate.clone(), pacing);
        context.limits.panics = 2;
        context.limits.delays = vec![Duration::from_secs(5), Duration::from_secs(70)];
        context.limits.wait_for_create = Duration::from_secs(60);
        context.timing = Timing {
            visible_after: Duration::ZERO,
            call_ended: Duration::ZERO,
            first_wait: Duration::from_millis(1),
            longest_wait: Duration::from_millis(2),
            retries: 1,
            last_call: Duration::from_secs(60),
            hold_at_most,
        };
        let (jobs, work) = mpsc::channel(1);
        let (status, pace) = (Arc::clone(&context.status), Arc::clone(&context.pace));
        let stop = CancellationToken::new();
        let pool = pool::run(Arc::new(context), work, stop.clone());
        (Self { gate, begun, jobs, stop, status, pace, pool: None }, pool)
    }

    /// The settlement of a message, which the receiver carries out.
    pub(crate) async fn send(&self, inbound: Inbound) -> impl Future<Output = Result<Settlement, RecvError>> + use<> {
        let (settle, settled) = oneshot::channel();
        self.jobs.send(Job { inbound: Arc::new(inbound), settle, handlings: None }).await.unwrap();
        async move {
            let Settling { settlement, carried_out, .. } = settled.await?;
            let settlement = Settlement::clone(&settlement);
            carried_out.send(()).expect("the pool waits until it is carried out");
            Ok(settlement)
        }
    }

    pub(crate) async fn begun(&mut self) -> String {
        tokio::time::timeout(Duration::from_secs(10), self.begun.recv()).await.expect("no call began").unwrap()
    }
}

/// A plain checkout in a message with this id.
pub(crate) fn checkout(order: &str, message: &str) -> Inbound {
    event(message, "checkout-completed", &plain_checkout(order))
}
