//! What is kept of the order in which a shop publishes: with one worker, and with several.
//! Not here: messages of one order within the pool; see `tests/it/pool.rs`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use lapin::types::{AMQPValue, FieldTable};

use crate::messages::{amendment, checkout, fulfillment, json, outcomes};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};

/// Every failure goes to a retry queue.
const AT_ONCE_TO_THE_QUEUES: [(&str, &str); 1] = [("BWP__RETRY__IN_PROCESS", "0")];

#[tokio::test]
async fn one_worker_keeps_the_order_of_an_orders_messages_also_when_the_first_is_delayed() {
    let stage = Stage::new().await;
    let worker = stage.worker(&AT_ONCE_TO_THE_QUEUES).await;
    let mut results = stage.results().await;
    for operation in [Operation::CreateOrder, Operation::UpdateOrder] {
        stage.simulator.add_fault(FaultRule::first(2, Fault::status(500)).on(operation).for_alias("SO-1"));
    }
    for message in [checkout("SO-1"), amendment("SO-1", "51.00"), fulfillment("SO-1"), amendment("SO-1", "52.00")] {
        stage.publish(&message).await;
    }
    stage.publish(&checkout("SO-2")).await;
    let seen = results.until(SOON, |seen| seen.len() == 5).await;
    let causes: Vec<_> = seen.iter().map(|result| json(result)["data"]["causationId"].clone()).collect();
    let of = |message: crate::messages::Message| message.properties.message_id().clone().unwrap().to_string();
    let expected = [
        of(checkout("SO-2")),
        of(checkout("SO-1")),
        of(amendment("SO-1", "51.00")),
        of(fulfillment("SO-1")),
        of(amendment("SO-1", "52.00")),
    ];
    assert_eq!(causes, expected, "an order waits for no other, and its own messages keep their order");
    assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("52.00"));
    assert_eq!(worker.terminated().await, Some(0));
}

/// As one does that was sent to a retry queue while the broker's answer got lost.
#[tokio::test]
async fn a_copy_of_an_amendment_that_comes_after_the_next_one_changes_nothing() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let (first, second) = (amendment("SO-1", "51.00"), amendment("SO-1", "52.00"));
    for message in [&checkout("SO-1"), &first, &first, &second, &first] {
        stage.publish(message).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 5).await;
    let outcomes: Vec<_> = seen.iter().map(|result| json(result)["data"]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["created", "updated", "unchanged", "updated", "superseded"]);
    assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("52.00"));

    // a replay is no copy: somebody wants it to be the last
    let mut replayed = FieldTable::default();
    replayed.insert("bwp-replays".into(), AMQPValue::LongUInt(1));
    stage.shop.publish("", ORDERS, first.properties.clone().with_headers(replayed), &first.body).await;
    let seen = results.until(SOON, |seen| seen.len() == 6).await;
    assert_eq!(json(&seen[5])["data"]["outcome"], "updated");
    assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("51.00"));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn of_several_workers_the_one_that_comes_last_wins_and_nothing_is_done_twice() {
    const SHOP_ORDERS: usize = 20;
    const TOTALS: [&str; 3] = ["51.00", "52.00", "53.00"];
    let stage = Stage::new().await;
    // each takes one at a time, so that an order's messages come to different workers
    let one = [("BWP__BROKER__PREFETCH", "1")];
    let workers = [stage.starting_worker(&one), stage.starting_worker(&one), stage.starting_worker(&one)];
    for worker in &workers {
        worker.consumes(1).await;
    }
    let mut results = stage.results().await;
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 20 }));
    let names: Vec<_> = (0..SHOP_ORDERS).map(|order| format!("SO-{order}")).collect();
    for order in &names {
        for message in [fulfillment(order), checkout(order), checkout(order)] {
            stage.publish(&message).await;
        }
        for total in TOTALS {
            stage.publish(&amendment(order, total)).await;
        }
    }
    let seen = results.until(SOON, |seen| seen.len() == (3 + TOTALS.len()) * SHOP_ORDERS).await;
    assert!(outcomes(seen).iter().all(|(_, outcome)| outcome != "order-failed"), "{:?}", outcomes(seen));
    let ledger = stage.simulator.ledger();
    for order in &names {
        assert_eq!((ledger.creations_of(order), ledger.starts_of(order)), (1, 1), "{order}");
        let last = ledger.last_total_of(order).expect("it was amended");
        assert!(TOTALS.contains(&last), "{order}: {last}");
    }
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
    for queue in [ORDERS, LETTERS] {
        assert!(stage.left_in(queue).await.is_empty(), "{queue}");
    }
}
