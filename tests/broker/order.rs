//! The order in which a shop publishes is kept by one worker.
//! Not here: another that takes over; see `handover`. Messages of one order within the pool; see `tests/it/pool.rs`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use lapin::types::{AMQPValue, FieldTable};

use crate::messages::{amendment, checkout, fulfillment, json};
use crate::stage::{ORDERS, SOON, Stage};

/// Every failure is held for its delay.
const HELD: [(&str, &str); 2] = [("BWP__RETRY__IN_PROCESS", "0"), ("BWP__BROKER__PREFETCH", "20")];
/// Every failure goes to a retry queue: of one message that may be in flight none is held.
const HOPS: [(&str, &str); 2] = [("BWP__RETRY__IN_PROCESS", "0"), ("BWP__BROKER__PREFETCH", "1")];

#[tokio::test]
async fn one_worker_keeps_the_order_of_an_orders_messages_also_when_the_first_is_delayed() {
    for settings in [HELD, HOPS] {
        keeps_the_order(&settings).await;
    }
}

async fn keeps_the_order(settings: &[(&str, &str)]) {
    let stage = Stage::new().await;
    let worker = stage.worker(settings).await;
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
