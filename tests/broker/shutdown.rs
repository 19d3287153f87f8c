//! A worker that is asked to stop: what is under way ends well, the rest goes back.
//! Not here: a worker that is killed; see `crashes`.

use std::time::Duration;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation, Refusal};

use crate::messages::{amendment, checkout, fulfillment, outcomes};
use crate::stage::{ORDERS, SOON, Stage, Worker, call_of};
use crate::support::broker::Broker;
use crate::support::process::Process;
use crate::support::relay::Relay;

/// Long enough for the broker's figures, which come every half second, to show what is in flight; more on a busy machine.
const SLOW: Fault = Fault::Delay { millis: 12_000 };

/// Asks a worker to stop while a call is open and more messages of the same order have not begun.
async fn stops_well(ask: impl Fn(&Process)) {
    let stage = Stage::new().await;
    let mut worker = stage.worker(&[("BWP__API__TIMEOUT", "30s"), ("BWP__SHUTDOWN__GRACE", "40s")]).await;
    let mut results = stage.results().await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::always(SLOW).on(Operation::CreateOrder));
    let waiting = fulfillment("SO-1");
    stage.publish(&checkout("SO-1")).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, "SO-1").await;
    // behind the create, so it has not begun when the signal comes
    stage.publish(&waiting).await;
    stage.queue(ORDERS, "both are in flight", |queue| queue.unacknowledged == 2).await;
    ask(&worker);
    worker.says(&["nothing new is taken"]).await;
    let late = checkout("SO-2");
    stage.publish(&late).await;

    assert_eq!(worker.wait(SOON).await.code(), Some(0));
    let results = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(outcomes(results), [("SO-1".into(), "created".into())]);
    let mut left = stage.left_in(ORDERS).await;
    let mut given_back = vec![waiting.body, late.body];
    left.sort();
    given_back.sort();
    assert!(left == given_back, "{} messages are left", left.len());
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 0);
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
}

#[tokio::test]
async fn sigterm_lets_the_call_under_way_end_and_gives_the_rest_back() {
    stops_well(Process::sigterm).await;
}

#[tokio::test]
async fn sigint_does_the_same() {
    stops_well(Process::sigint).await;
}

/// A worker in the middle of a call that is not answered in time.
async fn in_a_long_call(settings: &[(&str, &str)]) -> (Stage, Worker) {
    let stage = Stage::new().await;
    let worker = stage.worker(settings).await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: true }).on(Operation::CreateOrder));
    stage.publish(&checkout("SO-1")).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::TookEffect, "SO-1").await;
    (stage, worker)
}

/// The message comes again to the next worker, which does what the first one did not, and finds what it did.
async fn comes_again(stage: &Stage, outcome: &str) {
    stage.simulator.clear_faults();
    let mut results = stage.results().await;
    let worker = stage.worker(&[]).await;
    results.until(SOON, |seen| outcomes(seen) == [("SO-1".into(), outcome.into())]).await;
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// A worker in a wait of a minute: between two reads before a letter, after an outcome that is unknown.
pub(crate) async fn in_a_long_wait(settings: &[(&str, &str)]) -> (Stage, Worker) {
    let timing = [("BWP__API__SETTLE", "60s"), ("BWP__API__TIMEOUT", "900ms"), ("BWP__SHUTDOWN__GRACE", "30s")];
    let stage = Stage::new().await;
    let worker = stage.worker(&[&timing, settings].concat()).await;
    let mut calls = stage.simulator.subscribe();
    for fault in [Fault::Hang { after_effect: false }, Fault::refuse(Refusal::validation("ItemOutOfStock"))] {
        stage.simulator.add_fault(FaultRule::first(1, fault).on(Operation::CreateOrder));
    }
    stage.publish(&checkout("SO-1")).await;
    call_of(&mut calls, Operation::Order, CallPhase::Answered, "SO-1").await;
    (stage, worker)
}

#[tokio::test]
async fn a_wait_between_two_calls_is_cut_short_and_its_message_comes_again() {
    let (stage, mut worker) = in_a_long_wait(&[]).await;
    worker.sigterm();
    assert_eq!(worker.wait(Duration::from_secs(15)).await.code(), Some(0), "long before the grace period is over");
    comes_again(&stage, "created").await;
}

/// A standby waits, and more lies in the queue than the worker may have in flight.
#[tokio::test]
async fn what_is_given_back_comes_to_a_standby_in_the_order_of_the_queue() {
    let (stage, mut worker) = in_a_long_wait(&[("BWP__BROKER__PREFETCH", "20")]).await;
    let mut messages = vec![checkout("SO-1")];
    messages.extend((1..=40).map(|dollars| amendment("SO-1", &format!("{dollars}.00"))));
    for amendment in &messages[1..] {
        stage.publish(amendment).await;
    }
    stage.queue(ORDERS, "as many are in flight as may be", |queue| queue.unacknowledged == 20).await;
    let mut standby = stage.shop.collect(ORDERS).await;
    worker.sigterm();
    let came = standby.until(SOON, |seen| seen.len() == messages.len()).await;
    let place = |body: &[u8]| messages.iter().position(|message| message.body == body).expect("one of these");
    let places: Vec<_> = came.iter().map(|delivery| place(&delivery.data)).collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(worker.wait(SOON).await.code(), Some(0));
}

/// Nothing passes between worker and broker any more, so the last result is not confirmed.
#[tokio::test]
async fn what_cannot_be_settled_within_the_grace_period_is_left_and_its_message_comes_again() {
    let broker = Broker::shared();
    let wire = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&wire.address());
    let settings = [("BWP__BROKER__URI", uri.as_str()), ("BWP__SHUTDOWN__GRACE", "3s")];
    let worker = stage.worker(&settings).await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::first(1, Fault::Delay { millis: 1000 }).on(Operation::CreateOrder));
    stage.publish(&checkout("SO-1")).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, "SO-1").await;
    wire.stall(true);
    assert_eq!(worker.terminated().await, Some(1));
    comes_again(&stage, "already-existed").await;
}

#[tokio::test]
async fn a_second_signal_ends_the_worker_at_once_and_its_message_comes_again() {
    let timing = [("BWP__API__TIMEOUT", "60s"), ("BWP__SHUTDOWN__GRACE", "120s")];
    let (stage, mut worker) = in_a_long_call(&timing).await;
    worker.sigterm();
    worker.says(&["nothing new is taken"]).await;
    worker.sigint();
    assert_eq!(worker.wait(Duration::from_secs(10)).await.code(), Some(1));
    comes_again(&stage, "already-existed").await;
}
