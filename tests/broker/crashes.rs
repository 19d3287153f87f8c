//! Killed at whatever moment, worker and broker lose nothing and do nothing twice.
//! Not here: a worker that is asked to stop; see `shutdown`. A message that kills it again and again; see `suspects`.

use std::collections::{BTreeMap, BTreeSet};

use bwp_sync::simulator::{CallEvent, CallPhase, Effect, Fault, FaultRule, Operation, Refusal};
use futures_util::future::join_all;
use lapin::message::Delivery;
use tokio::sync::broadcast::Receiver;

use crate::messages::{checkout_of, json, outcomes};
use crate::stage::{LETTERS, ORDERS, PREFETCH, SOON, Stage, Worker, call, call_of};
use crate::support::node::Node;
use crate::support::seed;

const WORKER_KILLS: usize = 20;
/// Published before each kill of the worker, so five hundred in all.
const MESSAGES_A_KILL: usize = 25;
/// Before this one the broker is killed.
const BROKER_KILL: usize = 10;

/// Random choices of one run, drawn from its seed.
struct Dice(fastrand::Rng);

impl Dice {
    /// Mostly good orders, and some of each way in which a call can go wrong.
    fn product(&mut self) -> &'static str {
        match self.0.u32(..20) {
            0 | 1 => REFUSED,
            2 => "sim-Http500-once",
            3 => "sim-DropAfterEffect-once",
            4 => "sim-Http502AfterEffect-once",
            _ => "example-product-id",
        }
    }
}

/// The product whose orders end as letters.
const REFUSED: &str = "refused";
/// The product, and the order of it, whose call outlives the kill of the broker.
const SLOW: &str = "slow";

#[tokio::test]
async fn twenty_kills_of_the_worker_and_one_of_the_broker_lose_and_double_nothing() {
    let mut dice = Dice(seed::dice());
    let node = Node::start().await;
    let mut stage = Stage::on(&node).await;
    stage.keep_results().await;
    // a fixed answer each time: an order cannot fail first and be created then
    let refusal = Fault::refuse(Refusal::validation("ItemOutOfStock"));
    stage.simulator.add_fault(FaultRule::always(refusal).on(Operation::CreateOrder).for_product(REFUSED));
    let slower = FaultRule::always(Fault::Delay { millis: 1900 }).for_product(SLOW);
    stage.simulator.add_fault(slower.on(Operation::CreateOrder));
    // most calls stay open for a while; a rule comes before what a product asks for, so the others have their faults
    let slow = FaultRule { probability: Some(0.7), ..FaultRule::always(Fault::Delay { millis: 200 }) };
    stage.simulator.add_fault(slow.on(Operation::CreateOrder));
    let mut worker = stage.worker(&[]).await;
    let (mut products, mut tags) = (BTreeMap::new(), Vec::new());
    let (mut kill, mut cuts) = (0, 0);
    // on a busy machine the signal may come after the last answer: such a kill is one too many, not one of those
    while cuts < WORKER_KILLS {
        kill += 1;
        tags.push(stage.consumer(PREFETCH, &tags).await);
        if kill == BROKER_KILL {
            kill_broker(&node, &mut stage, &worker).await;
            products.insert(SLOW.to_owned(), SLOW);
            tags.push(stage.consumer(PREFETCH, &tags).await);
        }
        let batch: Vec<_> = (0..MESSAGES_A_KILL).map(|it| (format!("SO-{kill}-{it}"), dice.product())).collect();
        let messages: Vec<_> = batch.iter().map(|(order, product)| checkout_of(order, product)).collect();
        let calls = stage.simulator.subscribe();
        join_all(messages.iter().map(|message| stage.publish(message))).await;
        products.extend(batch);
        cuts += usize::from(kill_with_a_call_open(worker, calls, dice.0.u32(1..10)).await);
        worker = stage.worker(&[]).await;
    }
    assert_all_settled(stage, worker, &products).await;
}

/// Kills the broker while a call is open, starts it again, and waits for worker and shop to come back.
async fn kill_broker(node: &Node, stage: &mut Stage, worker: &Worker) {
    node.persist().await;
    let mut calls = stage.simulator.subscribe();
    stage.publish(&checkout_of(SLOW, SLOW)).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, SLOW).await;
    node.kill().await;
    while let Ok(event) = calls.try_recv() {
        let answered = event.phase == CallPhase::Answered && event.alias.as_deref() == Some(SLOW);
        assert!(!answered, "the call has ended before the broker");
    }
    node.restart().await;
    stage.reconnect().await;
    worker.consumes(2).await;
}

fn is_create(event: &CallEvent) -> bool {
    event.operation == Operation::CreateOrder
}

/// Lets so many creates be answered, then kills the worker while one is open; says whether one was cut off by that.
async fn kill_with_a_call_open(worker: Worker, mut calls: Receiver<CallEvent>, mut answers: u32) -> bool {
    let mut open = BTreeSet::new();
    while answers > 0 || open.is_empty() {
        let event = call(&mut calls, is_create).await;
        match event.phase {
            CallPhase::Opened => drop(open.insert(event.call)),
            CallPhase::TookEffect => {}
            CallPhase::Answered => answers = answers.saturating_sub(1),
            CallPhase::Closed => drop(open.remove(&event.call)),
        }
    }
    worker.killed().await;
    // answers from before the signal arrived were not cut off by it
    while let Ok(event) = calls.try_recv() {
        if event.phase == CallPhase::Answered {
            open.remove(&event.call);
        }
    }
    !open.is_empty()
}

async fn assert_all_settled(stage: Stage, worker: Worker, products: &BTreeMap<String, &str>) {
    let every_order: BTreeSet<_> = products.keys().cloned().collect();
    let mut results = stage.results().await;
    let seen = results.until(SOON * 2, |seen| subjects(seen) == every_order).await;
    assert_same_ids(seen);
    for (order, outcome) in outcomes(seen) {
        let refused = products[&order] == REFUSED;
        assert_eq!(outcome == "ItemOutOfStock", refused, "{order}: {outcome}");
    }
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
    let refused = products.values().filter(|product| **product == REFUSED).count();
    let letters: BTreeSet<_> = stage.left_in(LETTERS).await.into_iter().collect();
    assert_eq!(letters.len(), refused);
    assert_ledger(&stage, products.len() - refused);
}

fn subjects(results: &[Delivery]) -> BTreeSet<String> {
    results.iter().map(|result| json(result)["subject"].as_str().unwrap_or_default().to_owned()).collect()
}

/// A result that was published twice has the same id both times, and no two have the same.
fn assert_same_ids(results: &[Delivery]) {
    let ids: BTreeSet<_> = results
        .iter()
        .map(json)
        .map(|result| (result["subject"].to_string(), result["type"].to_string(), result["id"].to_string()))
        .collect();
    assert_eq!(ids.len(), subjects(results).len());
    assert_eq!(ids.iter().map(|(_, _, id)| id).collect::<BTreeSet<_>>().len(), ids.len());
}

/// Each order was created once, under its name.
fn assert_ledger(stage: &Stage, orders: usize) {
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (orders, 0));
    let names = ledger.effects.iter().filter_map(|effect| match effect {
        Effect::Created { aliases, .. } => aliases.iter().find(|alias| alias.alias_type == "EXTERNAL_ID"),
        _ => None,
    });
    assert_eq!(names.map(|alias| &alias.alias_id).collect::<BTreeSet<_>>().len(), orders);
}
