//! Queues and exchanges that the worker declares, and those that it leaves alone.
//! Not here: what is declared again after a loss; see `recovery`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use lapin::ExchangeKind;
use lapin::options::ExchangeDeclareOptions;
use lapin::types::FieldTable;
use serde_json::{Value, json};

use crate::messages::checkout;
use crate::stage::{ORDERS, SOON, Stage};

const PARKED: &str = "bwp.dead-letters.parked";

/// The arguments of every queue, by name, with the delays of these tests.
fn declared() -> Value {
    let quorum = json!({ "x-queue-type": "quorum", "x-delivery-limit": 1_000_000 });
    let dead_lettering = |arguments: Value| {
        let mut all = quorum.clone();
        all["x-dead-letter-strategy"] = json!("at-least-once");
        all["x-overflow"] = json!("reject-publish");
        all.as_object_mut().unwrap().extend(arguments.as_object().unwrap().clone());
        all
    };
    let retry = |millis: u64| {
        let back =
            json!({ "x-dead-letter-exchange": "", "x-dead-letter-routing-key": ORDERS, "x-message-ttl": millis });
        dead_lettering(back)
    };
    let parked = json!({ "x-dead-letter-exchange": "", "x-dead-letter-routing-key": PARKED });
    let mut tries = quorum.clone();
    tries["x-message-ttl"] = json!(24 * 60 * 60 * 1000);
    json!({
        "bwp.dead-letters": dead_lettering(parked),
        PARKED: quorum,
        "bwp.orders": dead_lettering(json!({ "x-dead-letter-exchange": "bwp.dead", "x-single-active-consumer": true })),
        "bwp.orders.retry.1s": retry(1000),
        "bwp.orders.retry.200ms": retry(200),
        "bwp.orders.retry.500ms": retry(500),
        "bwp.orders.tries": tries,
    })
}

async fn arguments(stage: &Stage) -> Value {
    stage.vhost.queues().await.into_iter().map(|queue| (queue.name, queue.arguments)).collect()
}

#[tokio::test]
async fn queues_exchanges_and_bindings_are_as_documented_and_can_be_declared_again() {
    let stage = Stage::new().await;
    let first = stage.worker(&[]).await;
    assert_eq!(arguments(&stage).await, declared());
    let exchanges = stage.vhost.exchanges().await;
    for name in ["shop.events", "bwp.results", "bwp.dead"] {
        assert!(exchanges.contains(&(name.into(), true)), "{name} in {exchanges:?}");
    }
    let mut expected = vec![("bwp.dead".to_owned(), "#".to_owned(), "bwp.dead-letters".to_owned())];
    for kind in ["checkout-completed", "fulfillment-triggered", "order-amended", "refund-updated"] {
        for key in [kind.to_owned(), kind.replace('-', ".")] {
            expected.push(("shop.events".into(), key, ORDERS.into()));
        }
    }
    expected.sort();
    let mut bindings = stage.vhost.bindings().await;
    bindings.sort();
    assert_eq!(bindings, expected);

    let second = stage.worker(&[]).await;
    for worker in [first, second] {
        assert_eq!(worker.said("WARN"), 0, "{:#?}", worker.stderr());
        assert_eq!(worker.terminated().await, Some(0));
    }
}

#[tokio::test]
async fn the_shops_own_exchange_is_used_as_it_is() {
    let stage = Stage::new().await;
    let options = ExchangeDeclareOptions { durable: false, ..ExchangeDeclareOptions::default() };
    let (channel, none) = (&stage.shop.channel, FieldTable::default());
    channel.exchange_declare("shop.events".into(), ExchangeKind::Topic, options, none).await.unwrap();
    let _worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    assert!(stage.vhost.exchanges().await.contains(&("shop.events".into(), false)));
}

#[tokio::test]
async fn a_queue_with_another_argument_is_named_and_waited_for() {
    let stage = Stage::new().await;
    // without a delivery limit
    stage.shop.declare_quorum_queue_with(PARKED, &[]).await;
    let worker = stage.starting_worker(&[]);
    let line = worker.says(&["not consuming"]).await;
    for part in
        ["`bwp.dead-letters.parked`", "x-delivery-limit", "hint: it exists with another argument", "broker.declare"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    stage.vhost.delete_queue(PARKED).await;
    worker.consumes(1).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

#[tokio::test]
async fn a_worker_that_may_not_declare_declares_nothing_and_waits() {
    let stage = Stage::new().await;
    let worker = stage.starting_worker(&[("BWP__BROKER__DECLARE", "false")]);
    worker.says(&["not consuming", "bwp.orders", "NOT_FOUND"]).await;
    assert_eq!(arguments(&stage).await, json!({}));
    let exchanges = stage.vhost.exchanges().await;
    assert!(exchanges.iter().all(|(name, _)| !name.starts_with("bwp") && name != "shop.events"), "{exchanges:?}");

    // somebody else does
    let other = stage.worker(&[]).await;
    worker.consumes(1).await;
    assert_eq!(other.terminated().await, Some(0));
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

#[tokio::test]
async fn printed_definitions_are_enough_for_a_worker_that_may_declare_nothing() {
    let stage = Stage::new().await;
    let uri = stage.vhost.user().await;
    let settings = [("BWP__BROKER__URI", uri.as_str()), ("BWP__BROKER__DECLARE", "false")];
    let mut printing = stage.program(&["topology", "--format", "definitions"], &settings);
    assert_eq!(printing.wait(SOON).await.code(), Some(0), "{:?}", printing.stderr());
    let definitions = printing.stdout().join("\n");
    assert!(!definitions.contains("secret"), "{definitions}");
    stage.vhost.import(serde_json::from_str(&definitions).unwrap()).await;
    assert_eq!(arguments(&stage).await, declared());

    let management = crate::check::management();
    let delays = ("BWP__RETRY__DELAYS", "200ms,500ms,1s");
    let all = [settings[0], settings[1], delays, ("BWP__BROKER__MANAGEMENT_URI", &management)];
    let (code, found) = crate::check::findings(&stage, &all).await;
    let others: Vec<_> = found.iter().filter(|it| it["verdict"] != "holds").collect();
    assert_eq!((code, others.len()), (Some(0), 0), "{others:#?}");

    let _worker = stage.worker(&settings).await;
    let mut results = stage.results().await;
    stage.simulator.add_fault(FaultRule::first(1, Fault::status(500)).on(Operation::CreateOrder));
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}
