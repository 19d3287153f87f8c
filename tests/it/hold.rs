//! How long a message is held: its calls take their time, and those that change something have no answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::input::{CreateOrderInput, UpdateOrderInput};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::stored::{ExecutionState, StoredLine, StoredOrder};
use bwp_sync::policy::breaker::Waits;
use bwp_sync::ports::{
    ApiError, ErrorFact, Inbound, Job, Operation, OrderApi, Purpose, Session, Settlement, WaitReason,
};
use bwp_sync::worker::{Context, Pace, Pacing, Timing, handle, pool};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

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
    reads: AtomicUsize,
}

impl Slow {
    fn new(read: Duration, there: bool) -> Self {
        Self { refuses: false, read, there, updates: AtomicUsize::new(0), reads: AtomicUsize::new(0) }
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
        self.reads.fetch_add(1, Ordering::Relaxed);
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

const SECOND: Duration = Duration::from_secs(1);

/// Handles a message for a while, in which it waits for this; returns the rest of its handling.
async fn waits<'a>(
    context: &'a Context<Slow>,
    inbound: &'a Inbound,
    time: Duration,
    reason: WaitReason,
) -> impl Future<Output = Settlement> + 'a {
    let mut handled = Box::pin(handle(context, inbound));
    tokio::select! {
        settlement = &mut handled => panic!("it does not wait for {reason:?}: {settlement:?}"),
        () = sleep(time) => {}
    }
    let shown: Vec<_> = context.status.held(&context.pace).into_iter().map(|waiting| waiting.reason).collect();
    assert_eq!(shown, [reason]);
    handled
}

/// The reason of a message that comes again, which was held until its last call was due.
async fn comes_again(began: Instant, handled: impl Future<Output = Settlement>) -> WaitReason {
    let settlement = handled.await;
    assert_eq!(began.elapsed(), HOLD - TIMEOUT);
    let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
    later.reason
}

/// One call a second.
fn slow_pace() -> Pace {
    let waits = Waits { first: SECOND, longest: SECOND };
    Pace::new(Pacing { max_calls_per_second: Some(1.0), waits })
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_an_effect_to_show_says_so() {
    let context = context(Slow { refuses: true, ..Slow::new(Duration::ZERO, false) }, HOLD);
    let message = message(MESSAGES[0], true);
    let handled = waits(&context, &message, SECOND, WaitReason::Effect).await;
    assert!(matches!(handled.await, Settlement::DeadLetter(..)));
    assert_eq!(context.status.held(&context.pace), []);
}

#[tokio::test(start_paused = true)]
async fn a_wait_between_two_calls_ends_with_the_session_of_its_message() {
    let context = context(Slow { refuses: true, ..Slow::new(Duration::ZERO, false) }, HOLD);
    let session = Session::default();
    let (lost, began) = (session.lost.clone(), Instant::now());
    let message = Inbound { session, ..message(MESSAGES[0], true) };
    let handled = waits(&context, &message, SECOND, WaitReason::Effect).await;
    lost.cancel();
    let Settlement::Later(later) = handled.await else { panic!("it is a letter") };
    assert_eq!((later.reason, began.elapsed()), (WaitReason::GivenBack, SECOND));
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_made_again_soon_says_that_it_waits_for_a_delay() {
    let (context, message) = (context(Slow::new(Duration::ZERO, false), HOLD), message(MESSAGES[0], false));
    // the first of these waits is twice as long or longer
    drop(waits(&context, &message, TIMEOUT + Duration::from_millis(100), WaitReason::Delay).await);
}

#[tokio::test(start_paused = true)]
async fn an_update_waits_for_another_of_its_order_and_looks_again_after_it_but_no_longer_than_max_hold() {
    for file in &MESSAGES[1..] {
        let (context, message) = (context(Slow::new(Duration::ZERO, true), HOLD), message(file, false));
        let lock = context.locks.lock("322").await;
        let handled = waits(&context, &message, SECOND, WaitReason::Order).await;
        assert_eq!(context.api.reads.load(Ordering::Relaxed), 1);
        drop(lock);
        tokio::select! {
            settlement = handled => panic!("{file}: {settlement:?}"),
            () = sleep(SECOND) => {}
        }
        assert_eq!((context.api.reads.load(Ordering::Relaxed), context.api.updates.load(Ordering::Relaxed)), (2, 1));

        let _lock = context.locks.lock("322").await;
        let began = Instant::now();
        let handled = waits(&context, &message, SECOND, WaitReason::Order).await;
        assert_eq!(comes_again(began, handled).await, WaitReason::Order, "{file}");
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_changed_by_a_worker_of_which_the_broker_has_not_said_lately_that_it_is_the_active_one() {
    let message = |file, for_millis| {
        let (sender, calls_until) = watch::channel(Instant::now() + Duration::from_millis(for_millis));
        let session = Session { calls_until: Some(calls_until), ..Session::default() };
        (Inbound { session, ..message(file, false) }, sender)
    };
    // the second is told so while it waits for its turn: its read takes the first one, and its update may have the next
    for (file, for_millis) in [(MESSAGES[1], 0), (MESSAGES[1], 500)] {
        let began = Instant::now();
        let mut context = context(Slow::new(Duration::ZERO, true), HOLD);
        context.pace = slow_pace().into();
        let (inbound, calls_until) = message(file, for_millis);
        let handled = waits(&context, &inbound, 5 * SECOND, WaitReason::Active).await;
        assert_eq!(context.api.updates.load(Ordering::Relaxed), 0);
        assert_eq!(comes_again(began, handled).await, WaitReason::Active);

        let (inbound, again) = message(file, for_millis);
        drop(calls_until);
        let handled = waits(&context, &inbound, 5 * SECOND, WaitReason::Active).await;
        again.send_replace(Instant::now() + HOLD);
        tokio::select! {
            settlement = handled => panic!("{settlement:?}"),
            () = sleep(2 * SECOND) => {}
        }
        assert_eq!(context.api.updates.load(Ordering::Relaxed), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_for_its_turn_to_call_says_so() {
    let mut context = context(Slow::new(Duration::ZERO, true), HOLD);
    context.pace = slow_pace().into();
    let clock = context.pace.clock(Instant::now());
    context.pace.permit(Operation::Order, &clock, HOLD, &CancellationToken::new()).await.unwrap();
    for file in MESSAGES {
        drop(waits(&context, &message(file, false), Duration::from_millis(100), WaitReason::Rate).await);
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_without_an_answer_is_looked_at_when_its_effect_must_show_a_refund_when_its_call_must_have_ended() {
    for (file, shows_after) in [(MESSAGES[1], VISIBLE_AFTER), (MESSAGES[2], VISIBLE_AFTER), (MESSAGES[3], CALL_ENDED)] {
        let (context, message) = (context(Slow::new(Duration::ZERO, true), HOLD), message(file, false));
        let almost = TIMEOUT + shows_after - Duration::from_millis(1);
        let handled = waits(&context, &message, almost, WaitReason::Effect).await;
        assert_eq!((context.api.updates.load(Ordering::Relaxed), context.api.reads.load(Ordering::Relaxed)), (1, 1));
        handled.await;
        assert_eq!((context.api.updates.load(Ordering::Relaxed), context.api.reads.load(Ordering::Relaxed)), (1, 2));
        // the next message of the order waits until that call must have ended, whatever a look has shown
        let ended = (TIMEOUT + CALL_ENDED).saturating_sub(TIMEOUT + shows_after);
        let began = Instant::now();
        let next = handle(&context, &message);
        tokio::pin!(next);
        while context.api.reads.load(Ordering::Relaxed) == 2 {
            tokio::select! {
                settlement = &mut next => panic!("{file}: {settlement:?}"),
                () = sleep(Duration::from_millis(1)) => {}
            }
        }
        let waited = began.elapsed();
        assert!(waited >= ended && waited < ended + Duration::from_millis(10), "{file}: {waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_that_was_delivered_before_keeps_that_over_its_hop() {
    for redelivered in [false, true] {
        let context = context(Slow::new(Duration::ZERO, false), HOLD);
        let settlement = handle(&context, &message(MESSAGES[1], redelivered)).await;
        let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
        assert_eq!((later.reason, later.history.outcome_unknown), (WaitReason::Create, redelivered));
    }
}

/// Its reads have no answer, and are tried again after a delay that it is held for.
#[tokio::test(start_paused = true)]
async fn a_message_that_is_held_for_a_delay_is_held_no_longer_in_all() {
    let mut context = context(Slow::new(TIMEOUT, true), HOLD);
    context.timing.hold_at_most = 1;
    let (jobs, work) = mpsc::channel(1);
    let pool = tokio::spawn(pool::run(Arc::new(context), work, CancellationToken::new()));
    let (settle, settled) = oneshot::channel();
    let began = Instant::now();
    let inbound = Arc::new(Inbound { taken_at: Some(began), ..message(MESSAGES[1], false) });
    jobs.send(Job { inbound, settle, handlings: None }).await.unwrap();
    let settling = timeout(10 * HOLD, settled).await.expect("it is held for ever").unwrap();
    assert!(matches!(*settling.settlement, Settlement::Later(_)), "{:?}", settling.settlement);
    // four reads, the delay, and one more read
    assert!(began.elapsed() > 5 * TIMEOUT && began.elapsed() <= HOLD, "{:?}", began.elapsed());
    settling.carried_out.send(()).unwrap();
    drop(jobs);
    pool.await.unwrap();
}
