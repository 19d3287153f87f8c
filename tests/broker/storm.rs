//! Two workers, thousands of messages, an API that answers badly, and kills without end.
//! Not here: kills one by one; see `crashes`.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::simulator::{Effect, Fault, FaultRule, Operation};
use futures_util::future::join_all;

use crate::messages::{cause, checkout, fulfillment};
use crate::stage::{LETTERS, ORDERS, SOON, Stage, Worker};
use crate::support::node::Node;
use crate::support::until::until;

const SHOP_ORDERS: usize = 2000;
/// All of the workers, and of the broker before the fifth.
const KILLS: usize = 8;
const BROKER_KILL: usize = 4;
/// From the end of the faults to the last settlement.
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
/// Longer than anything between two steps takes on a busy machine.
const STEP_WITHIN: Duration = Duration::from_secs(180);

/// Lost answers, server errors and throttling, each for some of the calls. Each throttling makes the worker slower.
fn bad_weather(stage: &Stage) {
    let faults = [
        (Fault::Drop { after_effect: true }, 0.02),
        (Fault::Drop { after_effect: false }, 0.01),
        (Fault::status(500), 0.02),
        (Fault::status(503), 0.02),
        (Fault::status(429), 0.002),
    ];
    for (fault, probability) in faults {
        for operation in [Operation::CreateOrder, Operation::UpdateOrder, Operation::Order] {
            let rule = FaultRule::always(fault.clone()).on(operation);
            stage.simulator.add_fault(FaultRule { probability: Some(probability), ..rule });
        }
    }
}

/// Waits until so many orders and starts are there.
async fn effects(stage: &Stage, least: usize) {
    let count = async || {
        let effects = stage.simulator.ledger().effects;
        effects.iter().filter(|it| matches!(it, Effect::Created { .. } | Effect::Started { .. })).count()
    };
    until(&format!("{least} effects"), STEP_WITHIN, count, |count| *count >= least).await;
}

async fn worker(stage: &Stage, number: usize) -> (String, Worker) {
    let name = format!("worker-{number}");
    let worker = stage.tagged(&name, &[("BWP__BROKER__PREFETCH", "50")]).await;
    (name, worker)
}

#[tokio::test]
async fn a_storm_of_kills_and_bad_answers_creates_and_starts_every_order_once_and_writes_no_letter() {
    let node = Node::start().await;
    let mut stage = Stage::on(&node).await;
    stage.keep_results().await;
    bad_weather(&stage);
    let mut workers = vec![worker(&stage, 1).await, worker(&stage, 2).await];
    node.persist().await;
    let names: Vec<_> = (0..SHOP_ORDERS).map(|number| format!("SO-{number}")).collect();
    for some in names.chunks(100) {
        let messages: Vec<_> = some.iter().flat_map(|order| [checkout(order), fulfillment(order)]).collect();
        join_all(messages.iter().map(|message| stage.publish(message))).await;
    }
    for kill in 0..KILLS {
        // nine tenths of all, in equal steps
        effects(&stage, 2 * SHOP_ORDERS * 9 / 10 * (kill + 1) / KILLS).await;
        if kill == BROKER_KILL {
            node.kill().await;
            node.restart().await;
            stage.reconnect().await;
        }
        let place = |tag: &String| workers.iter().position(|(name, _)| name == tag);
        let active = async || stage.consumers().await.into_iter().find(|it| it.active).map(|it| it.tag);
        let is_ours = |tag: &Option<String>| tag.as_ref().is_some_and(|tag| place(tag).is_some());
        let tag = until("one of the two is active", SOON * 2, active, is_ours).await.expect("it was waited for");
        let place = place(&tag).expect("it was waited for");
        workers.remove(place).1.killed().await;
        workers.push(worker(&stage, kill + 3).await);
    }
    stage.simulator.clear_faults();
    let mut results = stage.results().await;
    let all = |seen: &[lapin::message::Delivery]| {
        seen.len() >= 2 * SHOP_ORDERS && seen.iter().map(cause).collect::<BTreeSet<_>>().len() == 2 * SHOP_ORDERS
    };
    results.until(SETTLED_WITHIN, all).await;

    assert!(stage.left_in(LETTERS).await.is_empty());
    let ledger = stage.simulator.ledger();
    for order in &names {
        assert_eq!((ledger.creations_of(order), ledger.starts_of(order)), (1, 1), "{order}");
    }
    for (_, worker) in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
    assert!(stage.left_in(ORDERS).await.is_empty());
}
