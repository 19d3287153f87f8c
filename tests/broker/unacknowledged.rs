//! A broker that dies when it has confirmed the end of a message and has not heard the acknowledgement.
//! Not here: a broker that dies while a call is open; see `crashes`.

use std::collections::{BTreeMap, BTreeSet};

use bwp_sync::simulator::{Fault, FaultRule, Operation, Refusal};
use lapin::message::Delivery;

use crate::messages::{amendment, checkout, checkout_of, fulfillment, header, json, refund};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::support::node::Node;
use crate::support::relay::Relay;

/// The head of a `basic.ack`: length, class and method.
const ACK: &[u8] = &[0, 0, 0, 13, 0, 60, 0, 80];
/// The product whose orders end as letters.
const REFUSED: &str = "refused";
/// One order for each end of a message: created, started, amended, refunded, failed.
const TOLD: [&str; 5] = ["SO-new", "SO-started", "SO-amended", "SO-refunded", "SO-failed"];

#[tokio::test]
async fn a_broker_that_dies_between_confirm_and_acknowledgement_has_nothing_done_twice() {
    let node = Node::start().await;
    let mut stage = Stage::on(&node).await;
    let wire = Relay::start(&node.address());
    let uri = stage.vhost.amqp_uri_through(&wire.address());
    let worker = stage.worker(&[("BWP__BROKER__URI", &uri), ("BWP__RETRY__DELAYS", "5s")]).await;
    let refusal = Fault::refuse(Refusal::validation("ItemOutOfStock"));
    stage.simulator.add_fault(FaultRule::always(refusal).on(Operation::CreateOrder).for_product(REFUSED));
    let mut results = stage.results().await;
    for order in &TOLD[1..4] {
        stage.publish(&checkout(order)).await;
    }
    let created = results.until(SOON, |seen| seen.len() == 3).await.len();

    // every result, letter and hop is confirmed, and no acknowledgement arrives
    let mut held_back = wire.trip_on_bytes(&[ACK]);
    for message in [
        fulfillment("SO-late"),
        checkout("SO-new"),
        fulfillment("SO-started"),
        amendment("SO-amended", "55.00"),
        refund("SO-refunded", "payment-1"),
        checkout_of("SO-failed", REFUSED),
    ] {
        stage.publish(&message).await;
    }
    let first = results.until(SOON, |seen| told(&seen[created..]).len() == TOLD.len()).await;
    let first = ids(first);
    stage.queue("bwp.orders.retry.5s", "the hop is there", |queue| queue.ready > 0).await;
    held_back.recv().await.expect("the relay tells");
    node.persist().await;
    node.kill().await;
    drop(held_back);
    node.restart().await;
    stage.reconnect().await;

    // all of them come again, with the same ids, and of the hop there are two copies or more
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-late")).await;
    let again = results.until(SOON, |seen| TOLD.iter().all(|order| told(seen).contains(*order))).await;
    for (order, these) in ids(again) {
        if let Some(those) = first.get(&order) {
            assert!(those.is_superset(&these), "{order}: {those:?} and then {these:?}");
        }
    }
    let starts = |seen: &[Delivery]| seen.iter().filter(|it| subject(it) == "SO-late").count();
    results.until(SOON, |seen| starts(seen) >= 3).await;
    let ledger = stage.simulator.ledger();
    for order in ["SO-new", "SO-started", "SO-amended", "SO-refunded", "SO-late"] {
        assert_eq!(ledger.creations_of(order), 1, "{order}");
    }
    for order in ["SO-started", "SO-late"] {
        assert_eq!(ledger.starts_of(order), 1, "{order}");
    }
    assert_eq!(ledger.payments_of("payment-1"), 1);
    assert_eq!(ledger.last_total_of("SO-amended"), Some("55.00"));
    assert_eq!(worker.terminated().await, Some(0));
    // a copy of the hop that comes back after the worker has ended stays
    let copy = fulfillment("SO-late").body;
    assert!(stage.left_in(ORDERS).await.iter().all(|body| *body == copy));
    let mut letters = stage.letters().await;
    let letters = stage.rest_of(LETTERS, &mut letters).await;
    let ids: Vec<_> = letters.iter().map(|letter| header(letter, "bwp-letter-id")).collect();
    // once before the kill, once after it, and again for each session that is lost on the way
    let is_one = ids.len() >= 2 && ids[0].is_some() && ids.iter().all(|id| *id == ids[0]);
    assert!(is_one, "a letter that is written again has the same id: {ids:?}");
}

fn subject(result: &Delivery) -> String {
    json(result)["subject"].as_str().unwrap_or_default().to_owned()
}

/// Orders of the results that were not collected before.
fn told(results: &[Delivery]) -> BTreeSet<String> {
    results.iter().filter(|result| !result.redelivered).map(subject).collect()
}

/// Ids of the results of each order.
fn ids(results: &[Delivery]) -> BTreeMap<String, BTreeSet<String>> {
    let mut ids = BTreeMap::<_, BTreeSet<_>>::new();
    for result in results {
        ids.entry(subject(result)).or_default().insert(json(result)["id"].to_string());
    }
    ids
}
