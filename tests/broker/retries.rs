//! Messages that come back later: after being held, or through the retry queues.
//! Not here: what is tried again within the process; see `tests/it`.

use bwp_sync::simulator::{CallPhase, Effect, Fault, FaultRule, Operation};
use lapin::BasicProperties;
use serde_json::json as value;

use crate::messages::{Message, checkout, checkout_event, checkout_of, fulfillment, header, json, outcomes, untidy};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};

/// Every failure goes to a retry queue: of one message that may be in flight none is held.
const AT_ONCE_TO_THE_QUEUES: [(&str, &str); 2] = [("BWP__RETRY__IN_PROCESS", "0"), ("BWP__BROKER__PREFETCH", "1")];

fn fails(times: u32, order: &str) -> FaultRule {
    FaultRule::first(times, Fault::status(500)).on(Operation::CreateOrder).for_alias(order)
}

#[tokio::test]
async fn a_create_that_fails_for_a_while_comes_back_until_it_is_done() {
    let stage = Stage::new().await;
    let worker = stage.worker(&AT_ONCE_TO_THE_QUEUES).await;
    let mut results = stage.results().await;
    stage.simulator.add_fault(fails(3, "SO-1"));
    // nothing but the routing key says what this is, and the hop has another
    let body = checkout_event("SO-1")["data"].to_string().into_bytes();
    let bare = Message { key: "checkout.completed".into(), properties: BasicProperties::default(), body };
    stage.publish(&bare).await;
    let results = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(outcomes(results)[0].0, "SO-1");
    assert_eq!(worker.said(r#""message":"later""#), 3);
    assert_eq!(worker.terminated().await, Some(0));
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    for queue in [ORDERS, "bwp.orders.retry.200ms", "bwp.orders.retry.500ms", "bwp.orders.retry.1s"] {
        assert!(stage.left_in(queue).await.is_empty(), "{queue}");
    }
}

/// Shorter stays, a queue that is full at once, and a limit that no message of a retry queue comes near.
#[tokio::test]
async fn a_policy_on_the_retry_queues_loses_nothing_and_a_queue_that_is_full_is_told() {
    let stage = Stage::new().await;
    let worker = stage.worker(&AT_ONCE_TO_THE_QUEUES).await;
    let mut results = stage.results().await;
    let (mut orders, mut refused) = (0, Vec::new());
    for policy in [value!({ "message-ttl": 50 }), value!({ "delivery-limit": 1 }), value!({ "max-length": 1 })] {
        stage.vhost.set_policy(r"^bwp\.orders\.retry\.", policy).await;
        let some: Vec<_> = (orders..orders + 10).map(|number| format!("SO-{number}")).collect();
        orders += some.len();
        // each waits for its order, which is no outage
        for order in &some {
            stage.publish(&fulfillment(order)).await;
        }
        for order in &some {
            stage.publish(&checkout(order)).await;
        }
        results.until(SOON, |seen| seen.len() >= 2 * orders).await;
        refused.push(worker.said("the broker refused a message to `` with key `bwp.orders.retry."));
    }
    assert!(refused[..2] == [0, 0] && refused[2] > 0, "{refused:?}");
    assert_eq!(worker.said("not consuming"), 0, "it waits for its turn, and nothing else suffers");
    assert_eq!(worker.terminated().await, Some(0));
    let ledger = stage.simulator.ledger();
    let started = (0..orders).filter(|number| ledger.starts_of(&format!("SO-{number}")) == 1).count();
    assert_eq!((ledger.orders_created(), started), (orders, orders));
    for queue in [ORDERS, LETTERS, "bwp.orders.retry.200ms", "bwp.orders.retry.500ms", "bwp.orders.retry.1s"] {
        assert!(stage.left_in(queue).await.is_empty(), "{queue}");
    }
}

#[tokio::test]
async fn attempts_and_origin_travel_with_a_message_to_its_letter() {
    let stage = Stage::new().await;
    let slow = [("BWP__RETRY__DELAYS", "3s,4s"), ("BWP__API__TIMEOUT", "20s"), ("BWP__SHUTDOWN__GRACE", "25s")];
    let worker = stage.worker(&[&AT_ONCE_TO_THE_QUEUES[..], &slow].concat()).await;
    let (mut results, mut letters) = (stage.results().await, stage.letters().await);
    stage.simulator.add_fault(fails(2, "SO-1"));
    let refused = untidy(checkout_of("SO-1", "sim-ItemOutOfStock"));
    stage.publish(&refused).await;
    // an attempt counts when the operation worked for another order since the last failure, of which only the delay is
    // certain. This success is neither too early for a message that comes late, nor too late for the next attempt
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 2000 }).for_alias("SO-2"));
    worker.says(&[r#""message":"later""#]).await;
    stage.publish(&checkout("SO-2")).await;
    let letter = &letters.until(SOON, |seen| !seen.is_empty()).await[0];
    let is = |name, expected| assert_eq!(header(letter, name).as_deref(), Some(expected), "{name}");
    assert!(letter.data == refused.body, "the hops have changed the body");
    is("bwp-attempts", "2");
    is("bwp-source-exchange", "shop.events");
    is("bwp-source-routing-key", "checkout-completed");
    is("bwp-source-queue", ORDERS);
    let time = |name| header(letter, name).unwrap().parse::<jiff::Timestamp>().unwrap();
    let took = time("bwp-dead-lettered-at").duration_since(time("bwp-first-failed-at"));
    // two stays in retry queues, of 3 and 4 s
    assert!(took.as_secs() >= 7, "{took:?}");
    let results = results.until(SOON, |seen| seen.len() == 2).await;
    let failed = results.iter().map(json).find(|result| result["type"] == "order-failed").unwrap();
    assert_eq!(failed["data"]["attempts"], 2);
}

#[tokio::test]
async fn a_fulfillment_that_comes_before_its_order_waits_for_it() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    stage.publish(&fulfillment("SO-1")).await;
    worker.says(&["OrderNotFound"]).await;
    stage.publish(&checkout("SO-1")).await;
    let results = results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(outcomes(results), [("SO-1".into(), "created".into()), ("SO-1".into(), "updated".into())]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
}

#[tokio::test]
async fn a_fulfillment_behind_a_delayed_create_stays_behind_it() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&AT_ONCE_TO_THE_QUEUES).await;
    let mut results = stage.results().await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(fails(2, "SO-1"));
    stage.publish(&checkout("SO-1")).await;
    stage.publish(&fulfillment("SO-1")).await;
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    let kinds: Vec<_> = seen.iter().map(|result| json(result)["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["order-created", "order-updated"]);
    // the order was not even asked for before it was there
    let mut created = false;
    while let Ok(event) = calls.try_recv() {
        created |= event.operation == Operation::CreateOrder && event.phase == CallPhase::TookEffect;
        assert!(created || event.operation != Operation::Order, "read before the create: {event:?}");
    }
    let effects = stage.simulator.ledger().effects;
    assert!(matches!(effects[..], [Effect::Created { .. }, Effect::Started { .. }]), "{effects:?}");
}

/// A hand-over does not know what is in a retry queue.
#[tokio::test]
async fn what_is_put_off_for_seconds_is_held_and_takes_a_retry_queue_where_half_of_the_prefetch_is_held_already() {
    const FAIL: usize = 4;
    let stage = Stage::new().await;
    let settings =
        [("BWP__RETRY__IN_PROCESS", "0"), ("BWP__BROKER__PREFETCH", "4"), ("BWP__RETRY__DELAYS", "9s,10s,11s")];
    let worker = stage.worker(&settings).await;
    let mut results = stage.results().await;
    let orders: Vec<_> = (1..=FAIL).map(|number| format!("SO-{number}")).collect();
    for order in &orders {
        stage.simulator.add_fault(fails(1, order));
        stage.publish(&checkout(order)).await;
    }
    stage.queue(ORDERS, "half of them are held", |queue| (queue.ready, queue.unacknowledged) == (0, 2)).await;
    stage.queue("bwp.orders.retry.9s", "the others wait there", |queue| queue.ready == 2).await;
    // messages that fit flow past them
    stage.publish(&checkout("SO-5")).await;
    let seen = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(json(&seen[0])["subject"], "SO-5");
    results.until(SOON, |seen| seen.len() == FAIL + 1).await;
    assert_eq!(worker.said(r#""message":"later""#), FAIL / 2);
    assert_eq!(worker.terminated().await, Some(0));
}
