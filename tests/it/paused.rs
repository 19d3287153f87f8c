//! Messages in the pool while calls are paused: none is dropped, and no time of theirs passes.
//! Not here: when a pause begins and ends; see `unclear` and the scenarios.

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::policy::breaker::Waits;
use bwp_sync::policy::catalogue::Class;
use bwp_sync::policy::sign::{Cause, Sign};
use bwp_sync::ports::{Handling, History, Inbound, Job, Operation, Session, Settlement, Settling, WaitReason};
use bwp_sync::worker::Pacing;
use bwp_sync::worker::pace::Attempt;
use serde_json::json;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::sync::CancellationToken;

use crate::gate::{SOON, Stage, checkout};
use crate::scenario::event;
use crate::until::until;

/// A pool whose pauses outlast the test, without a probe.
fn stage() -> Stage {
    let hour = Duration::from_secs(3_600);
    let pacing = Pacing { max_calls_per_second: None, waits: Waits { first: hour, longest: hour } };
    let (stage, pool) = Stage::apart(0, pacing);
    tokio::spawn(pool);
    stage
}

fn start_of(order: &str) -> Inbound {
    event(&format!("start of {order}"), "fulfillment-triggered", &json!({ "order": { "id": order } }))
}

fn attempt(operation: Operation, order: &str, class: Option<Class>, sign: Sign) -> Attempt<'_> {
    Attempt { operation, order, began: Instant::now(), class, sign, answer: "HTTP 400 MAINTENANCE" }
}

/// Reads answer as no document lists, creates work.
fn pause_reads(stage: &Stage) {
    for order in ["A", "B", "C", "D", "E", "F"] {
        let works = Sign::Works(Operation::CreateOrder);
        stage.pace.ended(attempt(Operation::CreateOrder, order, None, works));
        let unclear = Sign::Fails(Cause::ApiUnclear);
        stage.pace.ended(attempt(Operation::Order, order, Some(Class::Unlisted), unclear));
    }
    assert!(stage.pace.is_paused(Operation::Order) && !stage.pace.holds_back());
}

fn pause_all(stage: &Stage) {
    let refused = Sign::Fails(Cause::CredentialsRefused);
    stage.pace.ended(attempt(Operation::Order, "A", Some(Class::Denied), refused));
    assert!(stage.pace.holds_back());
}

#[tokio::test]
async fn a_suspect_that_comes_while_reads_are_paused_hops_and_its_handling_ends() {
    let stage = stage();
    pause_reads(&stage);
    let (handlings, mut told) = mpsc::channel(1);
    let (settle, settled) = oneshot::channel();
    let inbound = Arc::new(Inbound { suspect: true, ..start_of("SO-1") });
    stage.jobs.send(Job { inbound, settle, handlings: Some(handlings) }).await.unwrap();
    let records = async {
        let Some(Handling::Begins(answer)) = told.recv().await else { panic!("no handling began") };
        answer.send(0).unwrap();
        let Some(Handling::Ended(answer)) = told.recv().await else { panic!("no handling ended") };
        answer.send(()).unwrap();
    };
    let (settled, ()) = timeout(SOON, async { tokio::join!(settled, records) }).await.unwrap();
    let Settling { settlement, carried_out, .. } = settled.expect("it is settled, not dropped");
    let settlement = Settlement::clone(&settlement);
    carried_out.send(()).unwrap();
    let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
    assert_eq!((later.reason, later.history.attempts), (WaitReason::Pause, 0));
}

#[tokio::test]
async fn a_pause_neither_shortens_nor_ends_the_wait_for_a_create() {
    let stage = stage();
    pause_all(&stage);
    // `wait_for_create` is 60 s here
    for awaited in [5, 59, 60, 600].map(Duration::from_secs) {
        let history = History { awaited: Some(awaited), delays: 1, ..History::default() };
        let settled = stage.send(Inbound { hopped: true, history, ..start_of("SO-1") }).await;
        let settled = timeout(SOON, settled).await.unwrap();
        let Ok(Settlement::Later(later)) = settled else { panic!("{awaited:?}: {settled:?}") };
        assert_eq!((later.history.awaited, later.history.delays, later.awaits_create), (Some(awaited), 1, true));
        assert_eq!(later.reason, WaitReason::Pause);
    }
}

#[tokio::test]
async fn a_pause_does_not_shorten_the_wait_of_what_follows_one_that_waits_for_its_create() {
    let stage = stage();
    let data = json!({ "order": { "id": "SO-1" }, "currency": "USD", "total": "2" });
    let amendment = async |id: &str| {
        let settled = stage.send(event(id, "order-amended", &data)).await;
        let Ok(Settlement::Later(later)) = timeout(SOON, settled).await.unwrap() else { panic!("it does not wait") };
        (later.reason, later.history.awaited)
    };
    assert_eq!(amendment("first").await, (WaitReason::Create, Some(Duration::from_secs(5))));
    pause_all(&stage);
    assert_eq!(amendment("second").await, (WaitReason::Order, None));
}

#[tokio::test]
async fn a_suspect_that_comes_in_a_pause_says_that_it_waits_for_its_end() {
    let stage = stage();
    pause_all(&stage);
    let (handlings, _told) = mpsc::channel(1);
    let (settle, _settled) = oneshot::channel();
    let inbound = Arc::new(Inbound { suspect: true, ..start_of("SO-1") });
    stage.jobs.send(Job { inbound, settle, handlings: Some(handlings) }).await.unwrap();
    let reasons = async || stage.status.held(&stage.pace).iter().map(|held| held.reason).collect::<Vec<_>>();
    until("it waits", SOON, reasons, |reasons| *reasons == [WaitReason::Pause]).await;
}

/// Nothing else flows meanwhile, and a hop would be forgotten at a hand-over.
#[tokio::test]
async fn what_fails_in_a_pause_is_held_however_much_that_is() {
    // outside a pause nothing is held for a delay
    let mut stage = stage();
    let orders = ["denied-1", "denied-2", "denied-3"];
    let mut settled = Vec::new();
    for order in orders {
        settled.push(stage.send(checkout(order, order)).await);
        assert_eq!(stage.begun().await, order);
    }
    pause_all(&stage);
    orders.iter().for_each(|order| stage.gate.of(order).notify_one());
    let reasons = async || stage.status.held(&stage.pace).iter().map(|held| held.reason).collect::<Vec<_>>();
    // first for its delay, then for the end of the pause
    let is_held = |reason: &WaitReason| [WaitReason::Delay, WaitReason::Pause].contains(reason);
    let all = |reasons: &Vec<WaitReason>| reasons.len() == orders.len() && reasons.iter().all(is_held);
    until("all are held", SOON, reasons, all).await;
}

#[tokio::test]
async fn a_message_that_waits_in_a_pause_goes_back_when_the_process_stops_or_its_session_is_lost() {
    for stops in [true, false] {
        let (stage, lost) = (stage(), CancellationToken::new());
        pause_all(&stage);
        let session = Session { lost: lost.clone(), ..Session::default() };
        let waiting = stage.send(Inbound { session, ..start_of("SO-1") }).await;
        let reasons = async || stage.status.held(&stage.pace).iter().map(|held| held.reason).collect::<Vec<_>>();
        until("it waits", SOON, reasons, |reasons| *reasons == [WaitReason::Pause]).await;
        if stops {
            stage.stop.cancel()
        } else {
            lost.cancel()
        }
        let given_back = timeout(SOON, waiting).await.unwrap();
        assert!(given_back.is_err(), "it keeps its place in the queue: {given_back:?}");
    }
}
