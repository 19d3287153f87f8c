//! A stand-in for the broker: delivers in order, delays retries, and redelivers without a confirm.
//! Not here: the choice of messages.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use bwp_sync::api::Client;
use bwp_sync::ports::{History, Inbound, Job, Later, Settlement, Settling};
use bwp_sync::worker::{Context, pool};
use fastrand::Rng;
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use crate::lives::{CHECKOUT, FULFILLMENT};
use crate::plan::Message;

/// Messages in flight at one time.
const PREFETCH: usize = 200;

/// A message, and the end of each of its deliveries.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) message: Message,
    /// Ends in words, oldest first.
    pub(crate) ends: Vec<String>,
    pub(crate) last: Settlement,
}

/// A worker's pool and its queues.
pub(crate) struct Broker {
    context: Arc<Context<Client>>,
    jobs: mpsc::Sender<Job>,
    pool: JoinHandle<()>,
    random: Rng,
}

/// A delivery of a message.
struct Delivery {
    message: Message,
    history: History,
    failed_by: Option<Instant>,
    hopped: bool,
    redelivered: bool,
    ends: Vec<String>,
}

/// A settlement, and when the broker had it.
struct Told {
    settlement: Settlement,
    confirmed: bool,
    at: Instant,
}

/// Contents of the retry queues, sorted by due time.
type Delayed = BTreeMap<(Instant, usize), (Delivery, bool)>;

impl Broker {
    pub(crate) fn start(context: Arc<Context<Client>>, seed: u64) -> Self {
        let (jobs, work) = mpsc::channel(1);
        let pool = tokio::spawn(pool::run(Arc::clone(&context), work, CancellationToken::new()));
        let random = Rng::with_seed(seed);
        Self { context, jobs, pool, random }
    }

    pub(crate) async fn stop(self) {
        drop(self.jobs);
        self.pool.await.unwrap();
    }

    /// Delivers messages until each has ended. When all remaining messages wait for their order, `quiet` is called and
    /// the waiting time passes. Other retries come back at once.
    pub(crate) async fn deliver(&mut self, messages: Vec<Message>, quiet: impl Fn()) -> Vec<Ended> {
        let (mut fresh, mut ended): (VecDeque<Delivery>, _) =
            (messages.into_iter().map(Delivery::first).collect(), vec![]);
        let mut delayed = Delayed::new();
        let mut in_flight = JoinSet::new();
        let mut delays = 0;
        loop {
            while in_flight.len() < PREFETCH
                && let Some(delivery) = next(&mut delayed, &mut fresh, in_flight.is_empty())
            {
                self.take(delivery, &mut in_flight).await;
            }
            if in_flight.is_empty() {
                if delayed.is_empty() {
                    return ended;
                }
                quiet();
                let wait = self.context.limits.wait_for_create;
                for (_, (mut delivery, _)) in std::mem::take(&mut delayed) {
                    delivery.history.awaited = delivery.history.awaited.map(|_| wait);
                    fresh.push_back(delivery);
                }
                continue;
            }
            let due = delayed.first_key_value().map(|((due, _), _)| *due).filter(|_| in_flight.len() < PREFETCH);
            let (mut delivery, Told { settlement, confirmed, at }) = tokio::select! {
                () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => continue,
                Some(settled) = in_flight.join_next() => settled.unwrap(),
            };
            delivery.ends.push(in_words(&settlement, confirmed));
            match settlement {
                _ if !confirmed => fresh.push_front(Delivery { redelivered: true, ..delivery }),
                Settlement::Later(later) => {
                    delays += 1;
                    let due = at + self.context.delay(&later);
                    let Later { history, awaits_create, .. } = later;
                    let failed_by = Some(at);
                    let delivery = Delivery { history, failed_by, hopped: true, redelivered: false, ..delivery };
                    delayed.insert((due, delays), (delivery, awaits_create));
                }
                last => ended.push(Ended { message: delivery.message, ends: delivery.ends, last }),
            }
        }
    }

    /// Gives a message to the pool. Sometimes its settlement is not confirmed, as after a lost connection. That happens
    /// only to creates and starts, which can be redelivered behind later messages without harm.
    async fn take(&mut self, delivery: Delivery, in_flight: &mut JoinSet<(Delivery, Told)>) {
        let (settle, settled) = oneshot::channel();
        let may_be_lost = [CHECKOUT, FULFILLMENT].contains(&delivery.message.kind) && !delivery.redelivered;
        let is_lost = may_be_lost && self.random.u8(0..50) == 0;
        self.jobs.send(Job { inbound: Arc::new(delivery.inbound()), settle, handlings: None }).await.unwrap();
        in_flight.spawn(async move {
            let Settling { settlement, carried_out, .. } = settled.await.expect("the pool settles what it takes");
            let settlement = Settlement::clone(&settlement);
            let confirmed = !(is_lost && matches!(settlement, Settlement::Done(_)));
            // a delay begins when the broker has the message, before the pool hears of that
            let at = Instant::now();
            if confirmed {
                carried_out.send(()).expect("the pool waits until it is carried out");
            }
            (delivery, Told { settlement, confirmed, at })
        });
    }
}

impl Delivery {
    fn first(message: Message) -> Self {
        let redelivered = message.redelivered;
        Self { message, history: History::default(), failed_by: None, hopped: false, redelivered, ends: Vec::new() }
    }

    fn inbound(&self) -> Inbound {
        Inbound {
            body: self.message.body.clone(),
            content_type: Some("application/cloudevents+json".to_owned()),
            hopped: self.hopped,
            redelivered: self.redelivered,
            history: self.history.clone(),
            failed_by: self.failed_by,
            ..Inbound::default()
        }
    }
}

/// The next delivery: one that is due, else a new one. With nothing in flight, the next due one that does not wait for
/// its order.
fn next(delayed: &mut Delayed, fresh: &mut VecDeque<Delivery>, idle: bool) -> Option<Delivery> {
    if let Some(first) = delayed.first_entry()
        && first.key().0 <= Instant::now()
    {
        return Some(first.remove().0);
    }
    if let Some(delivery) = fresh.pop_front() {
        return Some(delivery);
    }
    let key = delayed.iter().find(|(_, (_, awaits_create))| idle && !awaits_create).map(|(key, _)| *key)?;
    delayed.remove(&key).map(|(delivery, _)| delivery)
}

fn in_words(settlement: &Settlement, confirmed: bool) -> String {
    let end = match settlement {
        Settlement::Done(result) => result.data.outcome.map_or("no outcome", |outcome| outcome.name()).to_owned(),
        Settlement::Later(Later { history, queue, .. }) => {
            let why = history.last_error.as_deref().unwrap_or("follows another");
            let unknown = if history.outcome_unknown { ", may be done" } else { "" };
            format!("later by queue {queue}: {why}, {} attempts{unknown}", history.attempts)
        }
        Settlement::DeadLetter(letter, _) => {
            format!("{}/{}: {}", letter.error_type, letter.code, letter.message)
        }
    };
    if confirmed { end } else { format!("{end} (not confirmed)") }
}
