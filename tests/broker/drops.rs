//! Connections that are lost over and over, under one worker that lives on.
//! Not here: a single loss, and how soon it is over; see `recovery`.

use std::collections::BTreeMap;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};

use crate::messages::{checkout, checkout_of, json};
use crate::stage::{LETTERS, ORDERS, SOON, Stage, call_of};
use crate::support::broker::Broker;
use crate::support::relay::Relay;
use crate::support::until::until;

/// A worker has two connections, so this makes a hundred.
const CUTS: usize = 50;
/// Orders whose calls outlive every session until the cutting ends.
const SLOW_ORDERS: usize = 10;
/// Longer than the time between two cuts takes here, shorter than `api.timeout`.
const SLOW: Fault = Fault::Delay { millis: 600 };

#[tokio::test]
async fn a_hundred_lost_connections_make_no_letter_and_no_second_order() {
    let broker = Broker::shared();
    let relay = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let worker = stage.worker(&[("BWP__BROKER__URI", &uri), ("BWP__BROKER__PREFETCH", "100")]).await;
    let mut results = stage.results().await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::always(SLOW).on(Operation::CreateOrder).for_product("slow"));
    let mut orders = Vec::new();
    for number in 0..SLOW_ORDERS {
        orders.push(format!("slow-{number}"));
        stage.publish(&checkout_of(&orders[number], "slow")).await;
    }
    for cut in 0..CUTS {
        // this session works: it settles a message while others are under way
        let order = format!("fast-{cut}");
        stage.publish(&checkout(&order)).await;
        call_of(&mut calls, Operation::CreateOrder, CallPhase::Answered, &order).await;
        results.until(SOON, |seen| seen.iter().any(|result| json(result)["subject"] == order)).await;
        orders.push(order);
        until("both connections are open", SOON, async || relay.open(), |open| *open == 2).await;
        relay.cut().await;
        worker.consumes(cut + 2).await;
    }
    assert!(relay.accepted() >= 2 * (CUTS + 1), "{}", relay.accepted());

    let settled = |id: &str, ids: &BTreeMap<String, Vec<String>>| ids.get(id).is_some_and(|ids| !ids.is_empty());
    let seen = results.until(SOON, |seen| orders.iter().all(|order| settled(order, &ids(seen)))).await;
    for (order, ids) in ids(seen) {
        assert!(ids.iter().all(|id| *id == ids[0]), "{order}: {ids:?}");
    }
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
    assert!(stage.left_in(LETTERS).await.is_empty());
    assert_eq!(stage.simulator.ledger().orders_created(), orders.len());
}

/// Ids of the results about each order.
fn ids(results: &[lapin::message::Delivery]) -> BTreeMap<String, Vec<String>> {
    let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for result in results.iter().map(json) {
        let text = |field: &str| result[field].as_str().unwrap().to_owned();
        assert_eq!(result["type"], "order-created");
        ids.entry(text("subject")).or_default().push(text("id"));
    }
    ids
}
