//! The pool: lanes, the fence around a message, the way it stops. Its API answers when the test lets it.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bwp_sync::ports::{History, Inbound, Session, Settlement, WaitReason, Waiting};
use serde_json::json;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::gate::{SOON, Stage, checkout};
use crate::output::listen;
use crate::private::assert_nothing_private;
use crate::scenario::event;
use crate::until::until;

/// The log of one thread.
#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Begins; until the guard is dropped, this thread logs here.
    fn begin() -> (Self, tracing::subscriber::DefaultGuard) {
        let log = Self::default();
        let writer = log.clone();
        let format = tracing_subscriber::fmt().json().flatten_event(true).with_span_list(false);
        let filter = bwp_sync::telemetry::filter("info").unwrap();
        let subscriber = format.with_env_filter(filter).with_writer(move || writer.clone()).finish();
        listen();
        (log, tracing::subscriber::set_default(subscriber))
    }

    fn lines(&self) -> Vec<serde_json::Value> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        assert_nothing_private("log", &text);
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl std::io::Write for Log {
    fn write(&mut self, text: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn messages_of_one_order_are_handled_one_at_a_time_others_side_by_side() {
    let mut stage = Stage::new();
    let first = stage.send(checkout("SO-1", "first")).await;
    let second = stage.send(checkout("SO-1", "second")).await;
    let other = stage.send(checkout("SO-2", "other")).await;
    let mut begun = [stage.begun().await, stage.begun().await];
    begun.sort();
    assert_eq!(begun, ["SO-1", "SO-2"], "the second message of SO-1 must wait");
    stage.gate.of("SO-2").notify_one();
    assert!(matches!(other.await, Ok(Settlement::Done(_))), "an order waits for no other");
    stage.gate.of("SO-1").notify_one();
    let Ok(Settlement::Done(result)) = first.await else { panic!("not done") };
    assert_eq!(result.data.causation_id, "first");
    assert_eq!(stage.begun().await, "SO-1");
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(second.await, Ok(Settlement::Done(_))));
}

#[tokio::test]
async fn a_panic_is_a_failed_attempt_of_its_message_and_ends_as_a_poison_letter() {
    let mut stage = Stage::new();
    let panicked = stage.send(checkout("panic-1", "poison")).await.await;
    let Ok(Settlement::Later(later)) = panicked else { panic!("{panicked:?}") };
    assert_eq!((later.history.attempts, later.history.outcome_unknown), (1, true));

    let again = Inbound { history: later.history, ..checkout("panic-2", "poison") };
    let panicked = stage.send(again).await.await;
    let Ok(Settlement::DeadLetter(letter, result)) = panicked else { panic!("{panicked:?}") };
    assert_eq!((letter.code.as_str(), letter.attempts), ("PoisonMessage", 2));
    assert_eq!(result.data.failure.unwrap().letter_id, letter.id);

    let good = stage.send(checkout("SO-1", "good")).await;
    stage.begun().await;
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(good.await, Ok(Settlement::Done(_))), "the process goes on");
}

#[tokio::test]
async fn a_message_is_given_up_after_three_handlings_that_ended_with_their_process_and_not_before() {
    let mut stage = Stage::new();
    let handled = stage.send(Inbound { unended: 2, suspect: true, ..checkout("SO-1", "m") }).await;
    assert_eq!(stage.begun().await, "SO-1");
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(handled.await, Ok(Settlement::Done(_))));
    let letter = async |inbound| {
        let settled = stage.send(inbound).await.await;
        let Ok(Settlement::DeadLetter(letter, _)) = settled else { panic!("{settled:?}") };
        assert_eq!(letter.code, "PoisonMessage");
        (letter.order, letter.bare)
    };
    let order = || Some("SO-1".to_owned());
    assert_eq!(letter(Inbound { unended: 3, suspect: true, ..checkout("SO-1", "m") }).await, (order(), false));
    // a message that ends its reader is not read for ever
    assert_eq!(letter(Inbound { unended: 5, suspect: true, ..checkout("SO-1", "m") }).await, (None, false));
    // a message whose copies the broker refuses is sent on without its headers
    assert_eq!(letter(Inbound { blames: 3, ..checkout("SO-1", "m") }).await, (order(), true));
}

#[tokio::test]
async fn a_message_that_is_given_up_is_no_letter_when_its_order_is_there() {
    let stage = Stage::new();
    let settled = stage.send(Inbound { unended: 3, suspect: true, ..checkout("there", "m") }).await.await;
    let Ok(Settlement::Done(result)) = settled else { panic!("{settled:?}") };
    assert_eq!(result.data.outcome.map(|outcome| outcome.name()), Some("already-existed"));
}

#[tokio::test]
async fn a_follower_waits_until_the_one_before_is_carried_out() {
    let mut stage = Stage::new();
    let first = stage.send(checkout("SO-1", "first")).await;
    let second = stage.send(checkout("SO-1", "second")).await;
    stage.begun().await;
    stage.gate.of("SO-1").notify_one();
    let other = stage.send(checkout("SO-2", "other")).await;
    assert_eq!(stage.begun().await, "SO-2", "the second of SO-1 waits for the broker, SO-2 does not");
    first.await.unwrap();
    assert_eq!(stage.begun().await, "SO-1");
    for order in ["SO-1", "SO-2"] {
        stage.gate.of(order).notify_one();
    }
    second.await.unwrap();
    other.await.unwrap();
}

#[tokio::test]
async fn stopping_ends_what_has_begun_and_gives_the_rest_back() {
    let mut stage = Stage::new();
    let first = stage.send(checkout("SO-1", "first")).await;
    let waiting = stage.send(checkout("SO-1", "waiting")).await;
    stage.begun().await;
    let held = async || stage.status.held(&stage.pace).len();
    until("the second waits for the first", SOON, held, |held| *held == 1).await;
    stage.stop.cancel();
    let given_back = tokio::time::timeout(SOON, waiting).await.unwrap();
    assert!(given_back.is_err(), "dropped unsettled, so that the broker keeps it");
    assert!(stage.send(checkout("SO-2", "late")).await.await.is_err(), "nothing new is begun");
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(first.await, Ok(Settlement::Done(_))), "no call is cut");
    drop(stage.jobs);
    stage.pool.unwrap().await.unwrap();
}

#[tokio::test]
async fn followers_of_a_delayed_order_take_the_same_retry_queue() {
    let stage = Stage::new();
    let history = History { delays: 1, ..History::default() };
    let delayed = stage.send(Inbound { history, ..checkout("panic-1", "leader") }).await.await;
    let Ok(Settlement::Later(leader)) = delayed else { panic!("{delayed:?}") };
    assert_eq!(leader.queue, 1);
    let follower = event("f", "fulfillment-triggered", &json!({ "order": { "id": "panic-1" } }));
    let followed = stage.send(follower).await.await;
    let Ok(Settlement::Later(follower)) = followed else { panic!("{followed:?}") };
    assert_eq!((follower.queue, follower.history), (1, History::default()));
}

/// Nobody can take a message out of a retry queue. One that is sent there for another must not lie there long after that
/// one is settled.
#[tokio::test(start_paused = true)]
async fn a_follower_is_back_soon_after_the_delayed_message_and_not_before() {
    // the first is to be back after 70 s, and may be late
    for (later, expected) in [(0, 1), (64, 1), (66, 0), (69, 0), (74, 0), (80, 1), (500, 1)] {
        let stage = Stage::new();
        let history = History { delays: 1, ..History::default() };
        let delayed = stage.send(Inbound { history, ..checkout("panic-1", "leader") }).await.await;
        assert!(matches!(delayed, Ok(Settlement::Later(_))), "{delayed:?}");
        until("it is away", SOON, async || stage.status.oldest_delayed(), Option::is_some).await;
        tokio::time::advance(Duration::from_secs(later)).await;
        let follower = event("f", "fulfillment-triggered", &json!({ "order": { "id": "panic-1" } }));
        let followed = stage.send(follower).await.await;
        let Ok(Settlement::Later(follower)) = followed else { panic!("{followed:?}") };
        assert_eq!((follower.queue, follower.reason), (expected, WaitReason::Order), "{later} s later");
    }
}

// one thread, so that all of it is logged here
#[tokio::test]
async fn a_letter_is_logged_with_type_code_and_message_as_its_headers_have_them_and_nothing_private() {
    let (log, _here) = Log::begin();
    let stage = Stage::new();
    let settled = stage.send(checkout("refused", "m-1")).await.await;
    assert!(matches!(settled, Ok(Settlement::DeadLetter(..))), "{settled:?}");
    drop(stage.jobs);
    stage.pool.unwrap().await.unwrap();
    let said: Vec<_> = log.lines().into_iter().filter(|line| line["message"] == "dead-lettered").collect();
    let [said] = said.as_slice() else { panic!("{said:?}") };
    assert_eq!(
        (&said["error_type"], &said["code"]),
        (&"ValidationError".into(), &"InvalidRecipientAddressInput".into())
    );
    assert_eq!((&said["order"], &said["message_id"]), (&"refused".into(), &"m-1".into()));
    let error = said["error"].as_str().unwrap();
    assert!(error.contains("no way to […] in […], alas") && error.len() <= 1024, "{error}");
}

// one thread, so that all of it is logged here
#[tokio::test]
async fn every_log_line_of_a_message_carries_its_id_and_its_order() {
    let (log, _here) = Log::begin();
    let stage = Stage::new();
    stage.gate.of("SO-1").notify_one();
    let settled = [stage.send(checkout("SO-1", "m-1")).await, stage.send(checkout("refused", "m-2")).await];
    for settled in settled {
        settled.await.unwrap();
    }
    drop(stage.jobs);
    stage.pool.unwrap().await.unwrap();
    let text = |value: &serde_json::Value| value.as_str().unwrap_or("none").to_owned();
    let lines = log.lines();
    let of =
        |line: &serde_json::Value| [&line["message"], &line["span"]["message.id"], &line["span"]["order.id"]].map(text);
    let mut said: Vec<_> = lines.iter().map(of).collect();
    said.sort_unstable();
    let expected = [
        ["called", "m-1", "SO-1"],
        ["called", "m-2", "refused"],
        ["dead-lettered", "m-2", "refused"],
        ["done", "m-1", "SO-1"],
    ];
    assert_eq!(said, expected);
}

#[tokio::test]
async fn whatever_waits_in_the_pool_says_why() {
    let mut stage = Stage::holding(2);
    let in_an_hour = Instant::now() + Duration::from_secs(3600);
    let session = Session { took_over_at: Some(in_an_hour), ..Session::default() };
    let held = async |stage: &Stage, order: &str, message: &str| {
        let of = |held: &Waiting| held.order.as_deref() == Some(order) && held.message_id.as_deref() == Some(message);
        let look = async || stage.status.held(&stage.pace).into_iter().find(of).map(|held| held.reason);
        until(&format!("{order} waits"), SOON, look, Option::is_some).await
    };
    // one whose call is under way waits for nothing, the one behind it does
    let mut settled = Vec::new();
    for message in ["first", "second"] {
        settled.push(stage.send(checkout("SO-1", message)).await);
    }
    stage.begun().await;
    assert_eq!(held(&stage, "SO-1", "second").await, Some(WaitReason::Order));
    assert_eq!(stage.status.held(&stage.pace).len(), 1);
    // one that failed
    let failed = stage.send(checkout("flaky", "delayed")).await;
    assert_eq!(held(&stage, "flaky", "delayed").await, Some(WaitReason::Delay));
    // one that another worker may have begun
    let start = event("start", "fulfillment-triggered", &json!({ "order": { "id": "SO-2" } }));
    let taken_over = stage.send(Inbound { session, ..start }).await;
    assert_eq!(held(&stage, "SO-2", "start").await, Some(WaitReason::Takeover));
    // one whose result is not published yet
    stage.gate.of("SO-1").notify_one();
    assert_eq!(held(&stage, "SO-1", "first").await, Some(WaitReason::Confirm));
    assert_eq!(stage.status.held(&stage.pace).len(), 4);
    stage.stop.cancel();
    drop((settled, failed, taken_over));
    drop(stage.jobs);
    stage.pool.unwrap().await.unwrap();
    assert_eq!(stage.status.held(&stage.pace), [], "and nothing waits in the end");
}

#[tokio::test]
async fn a_delay_that_fits_is_held_with_its_followers_behind_it() {
    let mut stage = Stage::holding(2);
    tokio::time::pause();
    let began = Instant::now();
    let first = stage.send(checkout("flaky", "first")).await;
    let second = stage.send(checkout("flaky", "second")).await;
    let other = stage.send(checkout("SO-2", "other")).await;
    assert_eq!(stage.begun().await, "SO-2", "others flow");
    stage.gate.of("SO-2").notify_one();
    assert!(matches!(other.await, Ok(Settlement::Done(_))));
    for (message, held) in [(first, Duration::from_secs(5)), (second, Duration::from_secs(5))] {
        assert_eq!(stage.begun().await, "flaky");
        assert!(began.elapsed() >= held, "{:?}", began.elapsed());
        stage.gate.of("flaky").notify_one();
        assert!(matches!(message.await, Ok(Settlement::Done(_))));
    }
}

#[tokio::test]
async fn after_a_takeover_the_next_call_waits_for_the_first_answer() {
    let mut stage = Stage::new();
    let session = Session { number: 1, took_over_at: Some(Instant::now()), ..Session::default() };
    let of_session = |order| Inbound { session: session.clone(), ..checkout(order, "m") };
    let first = stage.send(of_session("SO-1")).await;
    assert_eq!(stage.begun().await, "SO-1");
    let second = stage.send(of_session("SO-2")).await;
    let reasons = async || stage.status.held(&stage.pace).iter().map(|held| held.reason).collect::<Vec<_>>();
    until("the second waits", SOON, reasons, |reasons| *reasons == [WaitReason::Takeover]).await;
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(first.await, Ok(Settlement::Done(_))));
    assert_eq!(stage.begun().await, "SO-2");
    stage.gate.of("SO-2").notify_one();
    assert!(matches!(second.await, Ok(Settlement::Done(_))));
}

/// As after a hop: others that pass while it is held show that it is its own fault.
#[tokio::test]
async fn a_message_that_is_held_counts_what_passed_for_others_meanwhile() {
    let mut stage = Stage::holding(2);
    tokio::time::pause();
    let failing = stage.send(checkout("flaky", "failing")).await;
    let reasons = async || stage.status.held(&stage.pace).iter().map(|held| held.reason).collect::<Vec<_>>();
    until("it is held", SOON, reasons, |reasons| *reasons == [WaitReason::Delay]).await;
    let other = stage.send(checkout("SO-2", "other")).await;
    assert_eq!(stage.begun().await, "SO-2");
    stage.gate.of("SO-2").notify_one();
    assert!(matches!(other.await, Ok(Settlement::Done(_))));
    *stage.gate.failed.lock().unwrap() = false;
    // its second delay is too long to be held
    let Ok(Settlement::Later(later)) = failing.await else { panic!("it is done") };
    assert_eq!((later.history.delays, later.history.attempts), (2, 1));
}

#[tokio::test]
async fn a_follower_that_was_delivered_before_keeps_that_over_its_hop() {
    for redelivered in [false, true] {
        let stage = Stage::new();
        assert!(matches!(stage.send(checkout("panic-1", "leader")).await.await, Ok(Settlement::Later(_))));
        let follower = event("f", "fulfillment-triggered", &json!({ "order": { "id": "panic-1" } }));
        let followed = stage.send(Inbound { redelivered, ..follower }).await.await;
        let Ok(Settlement::Later(follower)) = followed else { panic!("{followed:?}") };
        assert_eq!((follower.reason, follower.history.outcome_unknown), (WaitReason::Order, redelivered));
    }
}

#[tokio::test]
async fn a_delay_that_does_not_fit_goes_through_its_retry_queue() {
    for (most, delays, suspect) in [(0, 0, false), (2, 1, false), (2, 0, true)] {
        let mut stage = Stage::holding(most);
        let history = History { delays, ..History::default() };
        let sent = stage.send(Inbound { history, suspect, ..checkout("flaky", "first") }).await;
        let settled = tokio::time::timeout(SOON, sent).await.expect("it is held");
        let Ok(Settlement::Later(later)) = settled else { panic!("{settled:?}") };
        assert_eq!(later.queue, delays as usize, "none may be held; 70 s are too long; all wait for a suspect");
        assert!(stage.begun.try_recv().is_err());
    }
}

#[tokio::test]
async fn a_message_that_is_held_goes_back_when_its_session_is_lost_or_the_process_stops() {
    let lost = CancellationToken::new();
    let (one, other) = (Stage::holding(2), Stage::holding(2));
    let session = Session { lost: lost.clone(), ..Session::default() };
    let of_session = one.send(Inbound { session, ..checkout("flaky", "m") }).await;
    lost.cancel();
    assert!(of_session.await.is_err());
    let held = other.send(checkout("flaky", "m")).await;
    other.stop.cancel();
    assert!(held.await.is_err());
}

#[tokio::test]
async fn a_message_of_a_new_session_waits_for_the_call_of_the_last_one_and_for_nothing_else() {
    let mut stage = Stage::new();
    let of =
        |number, message| Inbound { session: Session { number, ..Session::default() }, ..checkout("SO-1", message) };
    let under_way = stage.send(of(1, "first")).await;
    let waiting = stage.send(of(1, "second")).await;
    stage.begun().await;
    drop(under_way);
    let again = stage.send(Inbound { redelivered: true, ..of(2, "first") }).await;
    let second = stage.send(Inbound { redelivered: true, ..of(2, "second") }).await;
    assert!(waiting.await.is_err(), "the broker delivers it again");
    for message in [None, Some(again), Some(second)] {
        stage.gate.of("SO-1").notify_one();
        match message {
            None => assert_eq!(stage.begun().await, "SO-1"),
            Some(message) => assert!(matches!(message.await, Ok(Settlement::Done(_)))),
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(*stage.gate.sessions.lock().unwrap(), 2, "the API is told of each session once");
}

#[tokio::test]
async fn the_same_message_gives_the_same_result_id() {
    let mut stage = Stage::new();
    let mut ids = Vec::new();
    for _ in 0..2 {
        let settled = stage.send(checkout("SO-1", "m")).await;
        stage.begun().await;
        stage.gate.of("SO-1").notify_one();
        let Ok(Settlement::Done(result)) = settled.await else { panic!("not done") };
        ids.push(result.id);
    }
    assert_eq!(ids[0], ids[1]);
}
