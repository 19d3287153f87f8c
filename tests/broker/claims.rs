//! Two copies of one message, each with a worker of its own: an order is claimed before it is changed.
//! Not here: copies of a create, which the alias makes harmless; see `updates`.

use bwp_sync::simulator::{Behaviour, CallPhase, Fault, FaultRule, Operation};

use crate::messages::{Message, amendment, checkout, fulfillment, outcomes, refund};
use crate::stage::{SOON, Stage, Worker, call};
use crate::support::amqp::Collector;
use crate::support::until::until;

const ORDERS: usize = 10;
/// How late the API shows an effect.
const SETTLE: (u64, &str) = (500, "500ms");

/// Two workers, and orders that they have created.
async fn with_orders() -> (Stage, [Worker; 2]) {
    let stage = Stage::new().await;
    stage.simulator.behave(Behaviour { settle_millis: SETTLE.0, ..Behaviour::default() });
    let settings = [("BWP__API__SETTLE", SETTLE.1)];
    let workers = [stage.worker(&settings).await, stage.worker(&settings).await];
    let mut results = stage.results().await;
    for order in orders() {
        stage.publish(&checkout(&order)).await;
    }
    results.until(SOON, |seen| seen.len() == ORDERS).await;
    (stage, workers)
}

/// One worker, and the order `SO-1` that it has created and told of.
async fn with_one_order(settings: &[(&str, &str)]) -> (Stage, Worker, Collector) {
    let stage = Stage::new().await;
    let worker = stage.worker(settings).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    (stage, worker, results)
}

fn orders() -> impl Iterator<Item = String> {
    (1..=ORDERS).map(|number| format!("SO-{number}"))
}

/// Publishes each message twice, so that the broker hands one copy to each worker; returns what became of them.
async fn publish_twice(stage: &Stage, message: impl Fn(&str) -> Message) -> Vec<(String, String)> {
    let mut results = stage.results().await;
    for order in orders() {
        for _ in 0..2 {
            stage.publish(&message(&order)).await;
        }
    }
    outcomes(results.until(SOON, |seen| seen.len() == 2 * ORDERS).await)
}

fn both(first: &str, second: &str) -> Vec<(String, String)> {
    let mut both: Vec<_> =
        orders().flat_map(|order| [first, second].map(|it| (order.clone(), it.to_owned()))).collect();
    both.sort();
    both
}

#[tokio::test]
async fn two_workers_with_two_copies_of_a_trigger_start_the_order_once() {
    let (stage, workers) = with_orders().await;
    assert_eq!(publish_twice(&stage, fulfillment).await, both("updated", "already-started"));
    let ledger = stage.simulator.ledger();
    for order in orders() {
        assert_eq!(ledger.starts_of(&order), 1, "{order}");
    }
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
}

#[tokio::test]
async fn two_workers_with_two_copies_of_a_refund_tell_its_payment_once() {
    let (stage, _workers) = with_orders().await;
    let payment = |order: &str| format!("payment of {order}");
    // the second copy's outcome is another in each version of the API: not both show the state of a refund
    publish_twice(&stage, |order| refund(order, &payment(order))).await;
    let ledger = stage.simulator.ledger();
    for order in orders() {
        assert_eq!(ledger.payments_of(&payment(&order)), 1, "{order}");
    }
}

/// The effect of the call that was cut does not show yet when the other copy comes.
#[tokio::test]
async fn a_claim_outlives_its_worker_for_as_long_as_its_call_may_be_under_way() {
    let settings = [("BWP__API__SETTLE", "5s"), ("BWP__BROKER__PREFETCH", "1")];
    let (stage, first, mut results) = with_one_order(&settings).await;
    stage.simulator.behave(Behaviour { settle_millis: 5000, ..Behaviour::default() });
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::first(1, Fault::Hang { after_effect: true }).on(Operation::UpdateOrder));
    stage.publish(&fulfillment("SO-1")).await;
    call(&mut calls, |event| event.operation == Operation::UpdateOrder && event.phase == CallPhase::TookEffect).await;
    let _second = stage.worker(&settings).await;
    // the first holds all that it may, so this copy is the second's, and has not been delivered before
    stage.publish(&fulfillment("SO-1")).await;
    first.killed().await;
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    assert_eq!(
        outcomes(&seen[1..]),
        [("SO-1".to_owned(), "already-started".to_owned()), ("SO-1".to_owned(), "already-started".to_owned())]
    );
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
}

/// Makes another's of a claim, as if it had ended meanwhile.
async fn take_away(stage: &Stage, claim: &str) {
    stage.vhost.delete_queue(claim).await;
    stage.shop.declare_quorum_queue(claim).await;
}

#[tokio::test]
async fn a_worker_that_has_lost_its_claim_makes_no_call() {
    const CLAIM: &str = "bwp.orders.claim.SO-1";
    // so that it is not declared again by itself before the read is over
    let settings = [("BWP__API__TIMEOUT", "10s"), ("BWP__SHUTDOWN__GRACE", "15s")];
    let (stage, worker, mut results) = with_one_order(&settings).await;
    let mut calls = stage.simulator.subscribe();
    // long enough for a claim to be looked at again before the call that follows
    stage.simulator.add_fault(FaultRule::first(1, Fault::Delay { millis: 3500 }).on(Operation::Order));
    stage.publish(&fulfillment("SO-1")).await;
    call(&mut calls, |event| event.operation == Operation::Order && event.phase == CallPhase::Opened).await;
    take_away(&stage, CLAIM).await;
    worker.says(&["ClaimLost"]).await;
    assert_eq!(stage.simulator.ledger().calls_of(Operation::UpdateOrder), 0);
    stage.vhost.delete_queue(CLAIM).await;
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(outcomes(&seen[1..]), [("SO-1".to_owned(), "updated".to_owned())]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
}

/// Two reads and a wait between them take longer than a claim lasts that nobody keeps up.
#[tokio::test]
async fn a_claim_is_kept_up_for_as_long_as_its_message_takes() {
    let (stage, worker, mut results) = with_one_order(&[]).await;
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 1800 }).on(Operation::Order));
    let mut calls = stage.simulator.subscribe();
    stage.publish(&fulfillment("SO-1")).await;
    call(&mut calls, |event| event.operation == Operation::Order && event.phase == CallPhase::Opened).await;
    worker.killed().await;
    let worker = stage.worker(&[]).await;
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(outcomes(&seen[1..]), [("SO-1".to_owned(), "updated".to_owned())]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
    assert_eq!(worker.said("ClaimLost"), 0);
}

#[tokio::test]
async fn a_claim_that_cannot_be_made_is_nobody_elses() {
    let (stage, worker, mut results) = with_one_order(&[]).await;
    stage.vhost.may_have_queues(0).await;
    stage.publish(&fulfillment("SO-1")).await;
    worker.says(&["cannot tell whose a claim is", "limit"]).await;
    assert_eq!(worker.said("ClaimedByAnother"), 0);
    stage.vhost.may_have_queues(-1).await;
    results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
}

#[tokio::test]
async fn what_follows_on_another_worker_is_done_and_claims_go_by_themselves() {
    let (stage, _workers) = with_orders().await;
    let mut results = stage.results().await;
    for order in orders() {
        stage.publish(&fulfillment(&order)).await;
        // likely the other's, and certainly before the first has released the order
        stage.publish(&amendment(&order, "55.00")).await;
    }
    let seen = outcomes(results.until(SOON, |seen| seen.len() == 2 * ORDERS).await);
    assert_eq!(seen, both("updated", "updated"));
    let claims = async || {
        let queues = stage.vhost.queues().await;
        queues.into_iter().filter(|queue| queue.name.starts_with("bwp.orders.claim.")).count()
    };
    until("no claim is left", SOON, claims, |left| *left == 0).await;
}

#[tokio::test]
async fn a_worker_that_may_not_claim_says_so_and_takes_nothing() {
    let stage = Stage::new().await;
    stage.vhost.may_configure(r"^(?!bwp\.orders\.claim\.)").await;
    let worker = stage.starting_worker(&[]);
    let line = worker.says(&["not consuming"]).await;
    for part in ["`bwp.orders.claim.", "ACCESS_REFUSED", "broker.claims = false"] {
        assert!(line.contains(part), "{part} in {line}");
    }
    let mut results = stage.results().await;
    let _alone = stage.worker(&[("BWP__BROKER__CLAIMS", "false")]).await;
    for message in [checkout("SO-1"), fulfillment("SO-1")] {
        stage.publish(&message).await;
    }
    results.until(SOON, |seen| seen.len() == 2).await;
    stage.vhost.may_configure(".*").await;
    worker.consumes(1).await;
}
