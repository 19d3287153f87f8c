//! How long a message is held: its calls take their time, and those that change something have no answer.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::input::{CreateOrderInput, UpdateOrderInput};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::stored::{ExecutionState, StoredLine, StoredOrder};
use bwp_sync::ports::{ApiError, ErrorFact, Inbound, OrderApi, Purpose, Settlement};
use bwp_sync::worker::{Context, Timing, handle};
use tokio::time::{Instant, sleep};

use crate::context;

const TIMEOUT: Duration = Duration::from_secs(10);
const VISIBLE_AFTER: Duration = Duration::from_secs(2);
const CALL_ENDED: Duration = Duration::from_secs(12);
/// The default of `broker.max_hold`.
const HOLD: Duration = Duration::from_secs(60);

struct Slow {
    /// Whether creates are refused at once, rather than without an answer.
    refuses: bool,
    /// Duration of a read; from `TIMEOUT` on it has no answer.
    read: Duration,
    /// Whether orders are there.
    there: bool,
    updates: AtomicUsize,
}

impl Slow {
    fn new(read: Duration, there: bool) -> Self {
        Self { refuses: false, read, there, updates: AtomicUsize::new(0) }
    }
}

impl OrderApi for Slow {
    async fn create_order(&self, _: &CreateOrderInput) -> Result<StoredOrder, ApiError> {
        if self.refuses {
            let refusal = ErrorFact {
                error_type: Some("ValidationError".into()),
                code: Some("ItemOutOfStock".into()),
                ..ErrorFact::default()
            };
            return Err(ApiError::Answered { status: 200, retry_after: None, errors: vec![refusal] });
        }
        sleep(TIMEOUT).await;
        Err(ApiError::NoAnswer { reason: "timeout".into() })
    }

    async fn update_order(&self, _: &OrderIdentifier, _: &UpdateOrderInput) -> Result<StoredOrder, ApiError> {
        self.updates.fetch_add(1, Ordering::Relaxed);
        sleep(TIMEOUT).await;
        Err(ApiError::NoAnswer { reason: "timeout".into() })
    }

    async fn order(&self, _: &OrderIdentifier, _: Purpose) -> Result<Option<StoredOrder>, ApiError> {
        sleep(self.read).await;
        if self.read >= TIMEOUT {
            return Err(ApiError::NoAnswer { reason: "timeout".into() });
        }
        let alias_type = Conventions::default().aliases.line;
        let line = Alias { alias_type, alias_id: "external-line-item-id".into() };
        let order = StoredOrder {
            id: "322".into(),
            execution_state: Some(ExecutionState::NotStarted),
            lines: Some(vec![StoredLine {
                id: Some("322-1".into()),
                aliases: Some(vec![line]),
                ..StoredLine::default()
            }]),
            refunds: Some(Vec::new()),
            ..StoredOrder::default()
        };
        Ok(self.there.then_some(order))
    }
}

fn context(api: Slow, hold: Duration) -> Context<Slow> {
    let mut context = context::context(api);
    context.timing = Timing {
        visible_after: VISIBLE_AFTER,
        call_ended: CALL_ENDED,
        first_wait: Duration::from_millis(200),
        longest_wait: Duration::from_secs(2),
        retries: 3,
        last_call: hold - TIMEOUT,
        hold_at_most: 0,
    };
    context
}

fn message(file: &str, redelivered: bool) -> Inbound {
    let path = format!("{}/tests/fixtures/messages/{file}.json", env!("CARGO_MANIFEST_DIR"));
    Inbound { body: std::fs::read(path).unwrap(), redelivered, ..Inbound::default() }
}

const MESSAGES: [&str; 4] =
    ["create-merchant-fulfilled", "trigger-merchant-fulfilled", "amend-order-level", "refund-external"];

#[tokio::test(start_paused = true)]
async fn nothing_is_held_longer_than_max_hold() {
    for file in MESSAGES {
        for (redelivered, there) in [(false, false), (false, true), (true, false), (true, true)] {
            for read in [0, 100, 4_000, 9_000, 9_999, 10_000].map(Duration::from_millis) {
                // it may have waited for others of its order before
                for waited in [0, 20, 29, 38, 45, 49, 50].map(Duration::from_secs) {
                    let context = context(Slow::new(read, there), HOLD);
                    let taken_at = Instant::now();
                    sleep(waited).await;
                    let inbound = Inbound { taken_at: Some(taken_at), ..message(file, redelivered) };
                    let settlement = handle(&context, &inbound).await;
                    // its time begins when a call that another process may have begun for it has ended
                    let longest = if redelivered && file != MESSAGES[0] { HOLD + CALL_ENDED } else { HOLD };
                    let held = taken_at.elapsed();
                    assert!(held <= longest, "{file}, {redelivered}, {there}, {read:?} after {waited:?}: {held:?}");
                    assert!(!matches!(settlement, Settlement::DeadLetter(..)), "{file}: {settlement:?}");
                }
            }
        }
    }
}

/// A refusal after an unknown outcome is believed only when two reads have found nothing, for which there must be time.
#[tokio::test(start_paused = true)]
async fn a_refused_create_that_cannot_be_looked_for_in_time_is_no_letter() {
    for (waited, is_letter) in [(0, true), (47, true), (49, false)] {
        let context = context(Slow { refuses: true, ..Slow::new(Duration::ZERO, false) }, HOLD);
        let taken_at = Instant::now();
        sleep(Duration::from_secs(waited)).await;
        let inbound = Inbound { taken_at: Some(taken_at), ..message(MESSAGES[0], true) };
        let settlement = handle(&context, &inbound).await;
        assert_eq!(matches!(settlement, Settlement::DeadLetter(..)), is_letter, "{waited}: {settlement:?}");
        let looked = if is_letter { VISIBLE_AFTER } else { Duration::ZERO };
        assert_eq!(taken_at.elapsed(), Duration::from_secs(waited) + looked);
    }
}

#[tokio::test(start_paused = true)]
async fn the_shortest_max_hold_is_long_enough_for_what_may_have_been_done_already() {
    let hold = 4 * TIMEOUT + VISIBLE_AFTER + Duration::from_millis(1);
    for file in &MESSAGES[1..] {
        let context = context(Slow::new(TIMEOUT - Duration::from_millis(1), true), hold);
        handle(&context, &message(file, true)).await;
        assert_eq!(context.api.updates.load(Ordering::Relaxed), 1, "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_begins_when_a_call_that_another_process_may_have_begun_has_ended() {
    for file in &MESSAGES[1..] {
        for (redelivered, begins) in [(false, Duration::ZERO), (true, CALL_ENDED)] {
            let context = context(Slow::new(Duration::ZERO, true), HOLD);
            let (began, message) = (Instant::now(), message(file, redelivered));
            let handled = handle(&context, &message);
            tokio::pin!(handled);
            while context.api.updates.load(Ordering::Relaxed) == 0 {
                tokio::select! {
                    settlement = &mut handled => panic!("{file}: {settlement:?}"),
                    () = sleep(Duration::from_millis(1)) => {}
                }
            }
            let waited = began.elapsed();
            assert!(waited >= begins && waited < begins + Duration::from_millis(10), "{file}: {waited:?}");
        }
    }
}
