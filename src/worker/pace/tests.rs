use super::*;
use crate::policy::sign::Cause;
use Operation::{CreateOrder, Order, UpdateOrder};

const SECOND: Duration = Duration::from_secs(1);
const REFUSED: Sign = Sign::Fails(Cause::CredentialsRefused);
const DENIED: Sign = Sign::Fails(Cause::CreatesDenied);

fn pace(max_calls_per_second: Option<f64>) -> Pace {
    Pace::new(Pacing { max_calls_per_second, waits: Waits { first: SECOND, longest: 4 * SECOND } })
}

fn seen(pace: &Pace, order: &str, class: Option<Class>, sign: Sign) {
    let (operation, answer) = (CreateOrder, "HTTP 200 AccessDeniedError");
    pace.ended(Attempt { operation, order, began: Instant::now(), class, sign, answer });
}

/// The turn of a call for a message that is delivered now and may be handled for so many seconds.
async fn turn(pace: &Pace, operation: Operation, seconds: u32) -> Result<Permit<'_>, PutOff> {
    pace.permit(operation, &pace.clock(Instant::now()), seconds * SECOND, &CancellationToken::new()).await
}

#[tokio::test(start_paused = true)]
async fn a_healthy_api_costs_no_wait() {
    let (pace, began) = (pace(None), Instant::now());
    for _ in 0..1000 {
        assert!(turn(&pace, Order, 0).await.is_ok());
    }
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn calls_begin_in_the_order_of_asking_and_none_waits_longer_than_told() {
    let (pace, began) = (pace(Some(1.0)), Instant::now());
    let turns = futures_util::future::join_all((0..6).map(|_| turn(&pace, Order, 3)));
    let ends: Vec<_> = turns.await.into_iter().map(|turn| turn.is_ok()).collect();
    assert_eq!(ends, [true, true, true, true, false, false], "at 0, 1, 2 and 3 s");
    assert!(began.elapsed() <= 4 * SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_message_that_is_handled_for_longer_goes_first_unless_it_has_failed() {
    let pace = pace(Some(1.0));
    let lost = CancellationToken::new();
    let [old, young] = [pace.clock(Instant::now()), pace.clock(Instant::now())];
    let made = Mutex::new(Vec::new());
    let call = async |name: &'static str, clock: &Clock| {
        pace.permit(Order, clock, 60 * SECOND, &lost).await.unwrap();
        made.lock().unwrap().push(name);
    };
    let calls_of_the_old_one = async {
        call("old", &old).await;
        call("old again", &old).await;
        call("old, failed", &pace.behind_others(&old)).await;
    };
    // who asks first makes the first call, there being no other
    tokio::join!(call("young", &young), call("young", &young), call("young", &young), calls_of_the_old_one);
    assert_eq!(*made.lock().unwrap(), ["young", "old", "old again", "young", "young", "old, failed"]);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_no_longer_lets_the_next_one_go() {
    let pace = pace(Some(1.0));
    turn(&pace, Order, 0).await.unwrap();
    let began = Instant::now();
    let (impatient, patient) = tokio::join!(turn(&pace, Order, 0), turn(&pace, Order, 60));
    assert_eq!(impatient.err(), Some(PutOff::NoTurn));
    assert!(patient.is_ok() && began.elapsed() == SECOND, "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_process_is_to_end_and_when_the_session_is_lost() {
    let pace = pace(Some(1.0));
    turn(&pace, Order, 0).await.unwrap();
    let lost = CancellationToken::new();
    let clock = pace.clock(Instant::now());
    let (waiting, ()) = tokio::join!(pace.permit(Order, &clock, 60 * SECOND, &lost), async { lost.cancel() });
    assert_eq!(waiting.err(), Some(PutOff::SessionLost));
    let (waiting, ()) = tokio::join!(turn(&pace, Order, 60), async { pace.stop() });
    assert_eq!(waiting.err(), Some(PutOff::Stopping));
}

#[tokio::test(start_paused = true)]
async fn a_pause_holds_every_call_lets_one_try_and_does_not_use_up_a_message() {
    let pace = pace(None);
    seen(&pace, "SO-1", Some(Class::Denied), REFUSED);
    assert_eq!(pace.pause().map(|pause| pause.cause), Some("credentials-refused"));
    let began = Instant::now();
    let mut other = Box::pin(turn(&pace, UpdateOrder, 1));
    let probe = turn(&pace, CreateOrder, 0);
    let probe = tokio::select! { biased; probe = probe => probe.unwrap(), _ = &mut other => panic!("two probes") };
    assert_eq!(began.elapsed(), SECOND, "the first wait");
    seen(&pace, "SO-1", Some(Class::Denied), REFUSED);
    drop(probe);
    let probe = (&mut other).await.unwrap();
    assert_eq!(began.elapsed(), 3 * SECOND, "the second wait is longer, and no time of the message's own");
    let mut third = Box::pin(turn(&pace, Order, 0));
    assert!(futures_util::poll!(&mut third).is_pending());
    seen(&pace, "SO-2", None, Sign::Works(Order));
    drop(probe);
    assert!(third.await.is_ok() && pace.pause().is_none());
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_given_up_lets_the_next_one_try() {
    let pace = pace(None);
    seen(&pace, "SO-1", Some(Class::Denied), REFUSED);
    drop(turn(&pace, Order, 0).await.unwrap());
    assert!(turn(&pace, Order, 0).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn denied_creates_are_put_off_and_updates_flow() {
    let pace = pace(None);
    ["SO-1", "SO-2"].iter().for_each(|order| seen(&pace, order, Some(Class::Denied), DENIED));
    assert_eq!(pace.pause().map(|pause| pause.cause), Some("creates-denied"));
    assert_eq!(turn(&pace, CreateOrder, 60).await.err(), Some(PutOff::Paused));
    assert!(turn(&pace, UpdateOrder, 0).await.is_ok());
    seen(&pace, "SO-3", None, Sign::Works(UpdateOrder));
    tokio::time::advance(SECOND).await;
    let probe = turn(&pace, CreateOrder, 0).await.unwrap();
    assert_eq!(turn(&pace, CreateOrder, 60).await.err(), Some(PutOff::Paused), "one at a time");
    seen(&pace, "SO-3", None, Sign::Works(CreateOrder));
    drop(probe);
    assert!(turn(&pace, CreateOrder, 0).await.is_ok() && pace.pause().is_none());
}

#[tokio::test(start_paused = true)]
async fn after_a_takeover_one_call_at_a_time_is_made_until_one_is_answered() {
    let pace = pace(None);
    pace.took_over();
    let first = turn(&pace, Order, 0).await.unwrap();
    let mut second = Box::pin(turn(&pace, Order, 0));
    assert!(futures_util::poll!(&mut second).is_pending());
    seen(&pace, "SO-1", None, Sign::Works(Order));
    drop(first);
    assert!(second.await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn messages_share_the_calls_that_are_made_again_and_successes_bring_them_back() {
    let pace = pace(None);
    assert_eq!((0..1000).filter(|_| pace.may_repeat()).count(), 50);
    (0..10).for_each(|_| seen(&pace, "SO-1", None, Sign::Works(CreateOrder)));
    assert!(pace.may_repeat() && !pace.may_repeat());
}

#[tokio::test(start_paused = true)]
async fn a_throttled_call_slows_all_down_and_a_refused_order_does_not() {
    let (pace, began) = (pace(None), Instant::now());
    seen(&pace, "SO-1", Some(Class::Rejected), Sign::Works(CreateOrder));
    assert!(turn(&pace, Order, 0).await.is_ok());
    assert_eq!(began.elapsed(), Duration::ZERO);
    seen(&pace, "SO-1", Some(Class::Throttled), Sign::Nothing);
    assert!(turn(&pace, Order, 60).await.is_ok());
    assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    // nor does it keep the rate down, since its call got through
    tokio::time::advance(10 * SECOND).await;
    let rate = pace.state().limiter.rate();
    seen(&pace, "SO-1", Some(Class::Rejected), Sign::Works(CreateOrder));
    assert!(pace.state().limiter.rate() > rate);
}
