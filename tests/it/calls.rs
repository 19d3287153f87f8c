//! Single calls of a message: when one may begin, and what is kept of those that failed.
//! Not here: how long a message is held; see `hold`.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bwp_sync::domain::input::{CreateOrderInput, UpdateOrderInput};
use bwp_sync::domain::order::OrderIdentifier;
use bwp_sync::domain::stored::{ExecutionState, StoredOrder};
use bwp_sync::policy::breaker::Waits;
use bwp_sync::policy::catalogue::Class;
use bwp_sync::policy::sign::{Cause, Sign};
use bwp_sync::ports::{
    ApiError, ApiState, ErrorFact, History, Inbound, Operation, OrderApi, Purpose, Session, Settlement, TokenError,
    WaitReason,
};
use bwp_sync::worker::pace::Attempt;
use bwp_sync::worker::{Context, Pace, Pacing, handle};
use serde_json::json;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, timeout};

use crate::context::{context, paced, pacing};
use crate::gate::{SOON, checkout};
use crate::scenario::event;

type Answer = Result<StoredOrder, ApiError>;

/// The answer to each create, by its number from zero on.
type Creates = fn(usize) -> Answer;

/// An API that answers each create by its number, and each read by the name of the order.
struct Script {
    create: Creates,
    /// Orders of the creates so far.
    orders: Mutex<Vec<String>>,
    /// Time that creates of the order named `slow` take.
    slow: Duration,
    /// Paused with the first create.
    pauses: Mutex<Option<Arc<Pace>>>,
}

impl Script {
    fn new(create: Creates) -> Self {
        Self { create, orders: Mutex::default(), slow: Duration::ZERO, pauses: Mutex::default() }
    }

    fn creates(&self) -> usize {
        self.orders.lock().unwrap().len()
    }
}

impl OrderApi for Script {
    async fn create_order(&self, input: &CreateOrderInput) -> Answer {
        if let Some(pace) = self.pauses.lock().unwrap().take() {
            pause(&pace);
        }
        let order = input.aliases[0].alias_id.clone();
        let number = self.creates();
        self.orders.lock().unwrap().push(order.clone());
        if order == "slow" {
            sleep(self.slow).await;
        }
        let fails = order == "fails-once" && self.orders.lock().unwrap().iter().filter(|it| **it == order).count() == 1;
        if fails { not_sent() } else { (self.create)(number) }
    }

    async fn update_order(&self, _: &OrderIdentifier, _: &UpdateOrderInput) -> Answer {
        Err(ApiError::NotSent { reason: "no updates here".into() })
    }

    async fn order(&self, by: &OrderIdentifier, _: Purpose) -> Result<Option<StoredOrder>, ApiError> {
        let started = || StoredOrder {
            id: "322".into(),
            execution_state: Some(ExecutionState::Started),
            ..StoredOrder::default()
        };
        match by {
            OrderIdentifier::OrderId(_) => Ok(Some(started())),
            OrderIdentifier::Alias(alias) => match alias.alias_id.as_str() {
                "started" => Ok(Some(started())),
                "unreadable" => no_answer().map(Some),
                "denied" => denied().map(Some),
                _ => Ok(None),
            },
        }
    }
}

fn pause(pace: &Pace) {
    let sign = Sign::Fails(Cause::CredentialsRefused);
    let (operation, class, answer) = (Operation::Order, Some(Class::Denied), "NoToken");
    pace.ended(Attempt { operation, order: "another", began: Instant::now(), class, sign, answer });
    assert!(pace.holds_back());
}

fn created() -> Answer {
    Ok(StoredOrder { id: "322".into(), ..StoredOrder::default() })
}

fn not_sent() -> Answer {
    Err(ApiError::NotSent { reason: "refused".into() })
}

fn no_answer() -> Answer {
    Err(ApiError::NoAnswer { reason: "timeout".into() })
}

fn refused() -> Answer {
    answered("ValidationError", Some("ItemOutOfStock"))
}

fn denied() -> Answer {
    answered("AccessDeniedError", None)
}

fn answered(error_type: &str, code: Option<&str>) -> Answer {
    let (error_type, code) = (Some(error_type.into()), code.map(Into::into));
    let errors = vec![ErrorFact { error_type, code, ..ErrorFact::default() }];
    Err(ApiError::Answered { status: 200, retry_after: None, errors })
}

fn start_of(order: &str) -> Inbound {
    event(order, "fulfillment-triggered", &json!({ "order": { "id": order } }))
}

/// A checkout of a session whose broker says until when calls may begin.
fn of_session(calls_until: watch::Receiver<Instant>) -> Inbound {
    let session = Session { calls_until: Some(calls_until), ..Session::default() };
    Inbound { session, ..checkout("SO-1", "m-1") }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_after_a_lost_answer_or_of_a_replay_is_believed_when_two_reads_find_nothing() {
    let two = Duration::from_secs(2);
    for (lost, replays, looks) in [(false, 0, Duration::ZERO), (true, 0, two), (false, 1, two)] {
        let create = if lost { |number| if number == 0 { no_answer() } else { refused() } } else { |_| refused() };
        let mut context = context(Script::new(create));
        context.timing.visible_after = two;
        let history = History { replays, ..History::default() };
        let began = Instant::now();
        let settlement = handle(&context, &Inbound { history, ..checkout("SO-1", "m-1") }).await;
        assert!(matches!(settlement, Settlement::DeadLetter(..)), "{settlement:?}");
        let took = began.elapsed();
        assert!(
            took >= looks && took < looks + Duration::from_secs(1),
            "lost: {lost}, replays: {replays}, took {took:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_order_is_changed_before_the_broker_has_said_that_this_worker_is_the_active_one() {
    let context = Arc::new(context(Script::new(|_| created())));
    let (confirm, calls_until) = watch::channel(Instant::now());
    let handled = tokio::spawn({
        let context = Arc::clone(&context);
        async move { handle(&context, &of_session(calls_until)).await }
    });
    sleep(Duration::from_secs(1)).await;
    assert_eq!(context.api.creates(), 0);
    // without a permit, for which others wait
    let reasons: Vec<_> = context.status.held(&context.pace).iter().map(|waiting| waiting.reason).collect();
    assert_eq!(reasons, [WaitReason::Active]);
    confirm.send_replace(Instant::now() + SOON);
    let settlement = timeout(SOON, handled).await.unwrap().unwrap();
    assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
    assert_eq!(context.api.creates(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_permit_is_not_used_when_the_brokers_word_has_lapsed_while_it_was_waited_for() {
    let pacing = Pacing { max_calls_per_second: Some(1.0), ..pacing() };
    let context = Arc::new(paced(Script::new(|_| created()), pacing));
    let (confirm, calls_until) = watch::channel(Instant::now() + SOON);
    use_up(&context).await;
    let made = context.api.creates();
    let handled = tokio::spawn({
        let context = Arc::clone(&context);
        async move { handle(&context, &of_session(calls_until)).await }
    });
    sleep(Duration::from_millis(1)).await;
    confirm.send_replace(Instant::now());
    sleep(Duration::from_secs(10)).await;
    assert_eq!(context.api.creates(), made, "the permit came meanwhile");
    confirm.send_replace(Instant::now() + SOON);
    let settlement = timeout(SOON, handled).await.unwrap().unwrap();
    assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_cannot_be_repeated_is_remembered_by_its_failure() {
    let context = context(Script::new(|_| no_answer()));
    // it is not confirmed again, so that the call cannot be made a second time
    let (_confirm, calls_until) = watch::channel(Instant::now() + Duration::from_millis(1));
    let settlement = handle(&context, &of_session(calls_until)).await;
    let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
    assert!(later.history.outcome_unknown);
    assert_eq!(context.api.creates(), 1);
}

/// Its process may end meanwhile for another reason, which would be blamed on it.
#[tokio::test(start_paused = true)]
async fn a_suspect_does_not_wait_for_the_end_of_a_pause() {
    let hour = Duration::from_secs(3600);
    let pacing = Pacing { max_calls_per_second: None, waits: Waits { first: hour, longest: hour } };
    let context = paced(Script::new(|_| not_sent()), pacing);
    *context.api.pauses.lock().unwrap() = Some(Arc::clone(&context.pace));
    let began = Instant::now();
    let settlement = handle(&context, &Inbound { suspect: true, ..checkout("SO-1", "m-1") }).await;
    assert!(matches!(settlement, Settlement::Later(_)), "{settlement:?}");
    assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    assert_eq!(context.api.creates(), 1);
}

/// An attempt counts when the operation works for others meanwhile, unless it is paused by then.
#[tokio::test(start_paused = true)]
async fn an_attempt_does_not_count_while_its_operation_is_paused() {
    for (paused, counted) in [(false, 1), (true, 0)] {
        let script = Script::new(|number| if number == 0 { denied() } else { created() });
        let context = Arc::new(context(Script { slow: Duration::from_secs(1), ..script }));
        let slow = tokio::spawn({
            let context = Arc::clone(&context);
            async move { handle(&context, &checkout("slow", "m-1")).await }
        });
        sleep(Duration::from_millis(1)).await;
        handle(&context, &checkout("SO-2", "m-2")).await;
        for order in ["SO-3", "SO-4"].iter().filter(|_| paused) {
            let sign = Sign::Fails(Cause::CreatesDenied);
            let (operation, class, answer) = (Operation::CreateOrder, Some(Class::Denied), "HTTP 403");
            context.pace.ended(Attempt { operation, order, began: Instant::now(), class, sign, answer });
        }
        assert_eq!(context.pace.is_paused(Operation::CreateOrder), paused);
        let settlement = timeout(SOON, slow).await.unwrap().unwrap();
        let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
        assert_eq!(later.history.attempts, counted, "paused: {paused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_made_again_goes_behind_those_of_others() {
    let pacing = Pacing { max_calls_per_second: Some(1.0), ..pacing() };
    let context = Arc::new(paced(Script::new(|_| created()), pacing));
    use_up(&context).await;
    context.api.orders.lock().unwrap().clear();
    let handled = ["fails-once", "SO-2"].map(|order| {
        let context = Arc::clone(&context);
        async move { handle(&context, &checkout(order, order)).await }
    });
    let [first, second] = handled;
    tokio::join!(first, async {
        sleep(Duration::from_millis(1)).await;
        second.await
    });
    assert_eq!(*context.api.orders.lock().unwrap(), ["fails-once", "SO-2", "fails-once"]);
}

/// Uses the calls that the rate allows at once.
async fn use_up(context: &Context<Script>) {
    for number in 0.. {
        let began = Instant::now();
        handle(context, &checkout(&format!("other-{number}"), "other")).await;
        if began.elapsed() > Duration::ZERO {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_without_an_answer_leaves_no_unknown_outcome() {
    let context = context(Script::new(|_| created()));
    let settlement = handle(&context, &start_of("unreadable")).await;
    let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
    assert!(!later.history.outcome_unknown, "{later:?}");
}

#[tokio::test(start_paused = true)]
async fn a_message_whose_time_is_over_is_held_all_the_same_while_calls_are_paused() {
    let hour = Duration::from_secs(3600);
    let pacing = Pacing { waits: Waits { first: hour, longest: hour }, ..pacing() };
    let context = paced(Script::new(|_| created()), pacing);
    let taken_at = Some(Instant::now());
    sleep(context.timing.last_call * 2).await;
    pause(&context.pace);
    let inbound = Inbound { taken_at, ..checkout("SO-1", "m-1") };
    assert!(timeout(hour / 2, handle(&context, &inbound)).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_denied_read_means_that_the_order_is_not_there_once_another_order_was_read() {
    let context = context(Script::new(|_| created()));
    for (read_before, awaits_create) in [(false, false), (true, true)] {
        if read_before {
            let settlement = handle(&context, &start_of("started")).await;
            assert!(matches!(settlement, Settlement::Done(_)), "{settlement:?}");
        }
        let settlement = handle(&context, &start_of("denied")).await;
        let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
        assert_eq!(later.awaits_create, awaits_create);
    }
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_told_as_the_apis_when_it_is_no_matter_of_its_order() {
    let no_token = |_| Err(ApiError::NoToken(TokenError::Unavailable { reason: "HTTP 503".into() }));
    let unlisted = |_| answered("StrangeError", Some("Odd"));
    let apis: [(Creates, usize, bool); 4] = [
        (|_| refused(), 8, false),
        (no_token, 1, true),
        // an answer that nobody understands is its order's until several orders have met it
        (unlisted, 1, false),
        (unlisted, 8, true),
    ];
    for (number, (create, orders, fails)) in apis.into_iter().enumerate() {
        let context = context(Script::new(create));
        for order in 0..orders {
            let message = checkout(&format!("SO-{order}"), &format!("m-{order}"));
            // it may be held in a pause
            drop(timeout(SOON, handle(&context, &message)).await);
        }
        let api = context.status.api();
        assert_eq!(matches!(api, ApiState::Fails(_)), fails, "{number}: {api:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_that_is_given_up_is_no_letter_when_its_order_shows_it_or_cannot_be_read() {
    for (order, expected) in [("started", "done"), ("unreadable", "later"), ("absent", "letter")] {
        let context = context(Script::new(|_| created()));
        let settlement = handle(&context, &Inbound { unended: 3, ..start_of(order) }).await;
        let end = match settlement {
            Settlement::Done(_) => "done",
            Settlement::Later(_) => "later",
            Settlement::DeadLetter(..) => "letter",
        };
        assert_eq!(end, expected, "{order}");
    }
}
