//! All four kinds of messages, cut at the worst moment, and two workers beside the same messages.
//! Not here: what an update sends; see `tests/it/scenarios`.

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};
use futures_util::future::join_all;

use crate::messages::{amendment, checkout, fulfillment, outcomes, refund};
use crate::stage::{SOON, Stage, call};

#[tokio::test]
async fn a_worker_killed_between_an_effect_and_its_ack_does_nothing_twice() {
    let stage = Stage::new().await;
    let mut worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let mut calls = stage.simulator.subscribe();
    let steps = [
        (Operation::CreateOrder, checkout("SO-1"), "already-existed"),
        (Operation::UpdateOrder, fulfillment("SO-1"), "already-started"),
        (Operation::UpdateOrder, amendment("SO-1", "55.00"), "updated"),
        (Operation::UpdateOrder, refund("SO-1", "payment-1"), "updated"),
    ];
    for (done, (operation, message, outcome)) in steps.iter().enumerate() {
        stage.simulator.add_fault(FaultRule::first(1, Fault::Hang { after_effect: true }).on(*operation));
        stage.publish(message).await;
        call(&mut calls, |event| event.operation == *operation && event.phase == CallPhase::TookEffect).await;
        worker.killed().await;
        worker = stage.worker(&[]).await;
        let seen = results.until(SOON, |seen| seen.len() == done + 1).await;
        assert_eq!(outcomes(&seen[done..]), [("SO-1".to_owned(), (*outcome).to_owned())]);
    }
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.creations_of("SO-1"), ledger.starts_of("SO-1"), ledger.payments_of("payment-1")), (1, 1, 1));
    assert_eq!(ledger.last_total_of("SO-1"), Some("55.00"));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn two_workers_that_race_on_duplicates_make_one_order_of_each() {
    const ORDERS: usize = 20;
    let stage = Stage::new().await;
    // slow enough for both copies to be under way at the same time
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 200 }).on(Operation::CreateOrder));
    let workers = [stage.worker(&[]).await, stage.worker(&[]).await];
    let mut results = stage.results().await;
    let messages: Vec<_> = (0..ORDERS).map(|number| checkout(&format!("SO-{number}"))).collect();
    join_all(messages.iter().chain(&messages).map(|message| stage.publish(message))).await;
    let seen = results.until(SOON, |seen| seen.len() == 2 * ORDERS).await;
    for number in 0..ORDERS {
        let order = format!("SO-{number}");
        let of_order: Vec<_> = outcomes(seen).into_iter().filter(|(name, _)| *name == order).collect();
        let expected = ["already-existed", "created"].map(|outcome| (order.clone(), outcome.to_owned()));
        assert_eq!(of_order, expected);
    }
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (ORDERS, 0));
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
}
