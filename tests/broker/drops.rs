//! Connections that are lost over and over, under two workers of which one is restarted now and then.
//! Not here: a single loss, and how soon it is over; see `recovery`.

use std::collections::{BTreeMap, VecDeque};

use bwp_sync::simulator::{Fault, FaultRule, Operation};

use crate::messages::{checkout, checkout_of, fulfillment, json};
use crate::stage::{LETTERS, ORDERS, SOON, Stage, Worker};
use crate::support::broker::Broker;
use crate::support::relay::Relay;

/// Connections that are made and cut. A worker has two, and there are two workers.
const CONNECTIONS: usize = 100;
/// A worker is restarted after each so many of them, alternately killed and asked to end.
const CUTS_A_RESTART: usize = 6;
/// Orders whose calls outlive every session until the cutting ends.
const SLOW_ORDERS: usize = 10;
/// Longer than the time between two cuts takes here, shorter than `api.timeout`.
const SLOW: Fault = Fault::Delay { millis: 600 };

#[tokio::test]
async fn a_hundred_lost_connections_make_no_letter_no_second_order_and_no_second_start() {
    let broker = Broker::shared();
    let relay = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let start = async || stage.worker(&[("BWP__BROKER__URI", &uri), ("BWP__BROKER__PREFETCH", "100")]).await;
    let mut workers: VecDeque<Worker> = [start().await, start().await].into();
    let mut results = stage.results().await;
    stage.simulator.add_fault(FaultRule::always(SLOW).on(Operation::CreateOrder).for_product("slow"));
    let mut orders = Vec::new();
    for number in 0..SLOW_ORDERS {
        orders.push(format!("slow-{number}"));
        stage.publish(&checkout_of(&orders[number], "slow")).await;
    }
    let mut cut = 0;
    while relay.accepted() < CONNECTIONS {
        cut += 1;
        // a session works: it settles a message while others are under way
        let order = format!("fast-{cut}");
        stage.publish(&checkout(&order)).await;
        stage.publish(&fulfillment(&order)).await;
        let is_created = |result: &_| json(result)["subject"] == order && json(result)["type"] == "order-created";
        results.until(SOON, |seen| seen.iter().any(is_created)).await;
        orders.push(order);
        relay.cut().await;
        if cut % CUTS_A_RESTART == 0 {
            let worker = workers.pop_front().expect("there are two");
            match cut / CUTS_A_RESTART % 2 {
                0 => worker.killed().await,
                _ => assert_eq!(worker.terminated().await, Some(0)),
            }
            workers.push_back(start().await);
        }
    }

    let fast = || orders.iter().filter(|order| order.starts_with("fast"));
    let all = orders.len() + fast().count();
    for ((order, kind), ids) in ids(results.until(SOON, |seen| ids(seen).len() == all).await) {
        assert!(ids.iter().all(|id| *id == ids[0]), "{order}, {kind}: {ids:?}");
    }
    // copies of messages whose acknowledgements were lost come again
    stage.queue(ORDERS, "nothing is left", |queue| queue.ready + queue.unacknowledged == 0).await;
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
    assert!(stage.left_in(ORDERS).await.is_empty());
    assert!(stage.left_in(LETTERS).await.is_empty());
    let ledger = stage.simulator.ledger();
    assert_eq!(ledger.orders_created(), orders.len());
    for order in fast() {
        assert_eq!((ledger.creations_of(order), ledger.starts_of(order)), (1, 1), "{order}");
    }
}

/// Ids of the results about each order, by their type.
fn ids(results: &[lapin::message::Delivery]) -> BTreeMap<(String, String), Vec<String>> {
    let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for result in results.iter().map(json) {
        let text = |field: &str| result[field].as_str().unwrap().to_owned();
        assert_ne!(result["type"], "order-failed");
        ids.entry((text("subject"), text("type"))).or_default().push(text("id"));
    }
    ids
}
