//! Several hand-overs in a row, and whole sets of workers replaced: the order of publication outlives all of them.
//! Not here: what a single hand-over is caused by; see `handover`.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use serde_json::Value;

use crate::messages::{fulfillment, refund};
use crate::stage::{LETTERS, ORDERS, SOON, Stage, Worker};
use crate::support::amqp::Collector;
use crate::support::until::until;
use crate::work::{Work, updates};

const SLOW: Fault = Fault::Delay { millis: 150 };
const NAMES: [&str; 3] = ["one", "two", "three"];

/// Three workers of which the first is in the middle of its work.
async fn three(settings: &[(&str, &str)]) -> (Stage, Vec<Worker>, Collector, Work) {
    let stage = Stage::new().await;
    let mut workers = Vec::new();
    for name in NAMES {
        workers.push(stage.tagged(name, settings).await);
    }
    let mut results = stage.results().await;
    let mut work = Work::begin(&stage, &mut results, 12).await;
    stage.simulator.add_fault(FaultRule::always(SLOW).on(Operation::UpdateOrder));
    let mut calls = stage.simulator.subscribe();
    work.amend(&stage, 10).await;
    updates(&mut calls, 15).await;
    (stage, workers, results, work)
}

#[tokio::test]
async fn a_second_kill_before_the_first_hand_over_is_drained_breaks_no_order() {
    let (stage, mut workers, mut results, mut work) = three(&[]).await;
    workers.remove(0).killed().await;
    workers[0].is_active(true).await;
    workers.remove(0).killed().await;
    workers[0].is_active(true).await;
    work.amend(&stage, 3).await;
    work.ends_in_order(&stage, &mut results).await;
}

#[tokio::test]
async fn a_worker_that_stops_while_it_waits_for_the_last_ones_calls_hands_all_of_it_on_in_order() {
    let (stage, mut workers, mut results, mut work) = three(&[]).await;
    workers.remove(0).killed().await;
    workers[0].is_active(true).await;
    assert_eq!(workers.remove(0).terminated().await, Some(0));
    workers[0].is_active(true).await;
    work.amend(&stage, 3).await;
    work.ends_in_order(&stage, &mut results).await;
}

#[tokio::test]
async fn orderly_stops_and_kills_in_a_row_with_calls_open_break_no_order() {
    let (stage, mut workers, mut results, mut work) = three(&[]).await;
    // enough for each worker to be stopped in the middle of it
    work.amend(&stage, 40).await;
    for turn in 0..6 {
        let active = workers.remove(0);
        if turn % 2 == 0 {
            assert_eq!(active.terminated().await, Some(0));
        } else {
            active.killed().await;
        }
        workers[0].is_active(true).await;
        workers.push(stage.tagged(&format!("turn-{turn}"), &[]).await);
        work.goes_on(&stage, 1, 5).await;
    }
    work.ends_in_order(&stage, &mut results).await;
}

/// Of which the next version of the settings has others, as an update may bring; never a smaller prefetch.
const NEXT_VERSION: [(&str, &str); 3] =
    [("BWP__BROKER__PREFETCH", "40"), ("BWP__API__TIMEOUT", "3s"), ("BWP__RETRY__IN_PROCESS", "1")];

#[tokio::test]
async fn a_rolling_update_of_three_workers_breaks_no_order() {
    let (stage, workers, mut results, mut work) = three(&[]).await;
    let mut next = Vec::new();
    for (old, name) in workers.into_iter().zip(["one-next", "two-next", "three-next"]) {
        next.push(stage.tagged(name, &NEXT_VERSION).await);
        assert_eq!(old.terminated().await, Some(0));
        work.amend(&stage, 1).await;
    }
    work.ends_in_order(&stage, &mut results).await;
    let active: Vec<_> = stage.consumers().await.into_iter().filter(|it| it.active).collect();
    assert!(active.len() == 1 && active[0].tag.ends_with("-next"), "{active:?}");
}

/// The work of three workers, with every way of handing over in the middle.
struct Season {
    stage: Stage,
    workers: Vec<(String, Worker)>,
    started: usize,
    results: Collector,
    /// Hops in the logs of workers that are gone.
    hopped: BTreeSet<String>,
}

impl Season {
    /// The next worker, beside those that run.
    async fn start(&mut self, settings: &[(&str, &str)]) {
        self.started += 1;
        let name = format!("worker-{}", self.started);
        let settings = [&[("BWP__BROKER__PREFETCH", "50"), ("BWP__BROKER__HEARTBEAT", "1s")], settings].concat();
        let worker = self.stage.tagged(&name, &settings).await;
        self.workers.push((name, worker));
    }

    /// Where in the list the active worker is.
    async fn active(&self) -> usize {
        let tag = async || self.stage.consumers().await.into_iter().find(|it| it.active).map(|it| it.tag);
        let place = |tag: &Option<String>| self.workers.iter().position(|(name, _)| Some(name) == tag.as_ref());
        let tag = until("somebody is active", SOON, tag, |tag| place(tag).is_some()).await;
        place(&tag).expect("it was looked for")
    }

    /// Takes the active one out.
    async fn take_active(&mut self) -> Worker {
        let place = self.active().await;
        self.workers.remove(place).1
    }

    /// Waits until so many messages of all are done.
    async fn settled(&mut self, messages: usize) {
        self.results.until(SOON * 2, |seen| seen.len() >= messages).await;
    }

    fn note_hops(&mut self, worker: &Worker) {
        self.hopped.extend(hopped(worker));
    }
}

/// Orders of which a message went through a retry queue.
fn hopped(worker: &Worker) -> Vec<String> {
    let lines = worker.stderr();
    let later = lines.iter().filter(|line| line.contains(r#""message":"later""#));
    let order = |line: &String| Some(serde_json::from_str::<Value>(line).ok()?["order"].as_str()?.to_owned());
    later.filter_map(order).collect()
}

/// Three workers, three hundred orders with three amendments, starts and refunds, throttled, and every hand-over.
#[tokio::test]
async fn whatever_becomes_of_three_workers_every_order_ends_with_its_last_amendment_one_start_and_one_payment() {
    const SHOP_ORDERS: usize = 300;
    const AMENDMENTS: u32 = 3;
    let stage = Stage::new().await;
    let results = stage.results().await;
    let mut season = Season { stage, workers: Vec::new(), started: 0, results, hopped: BTreeSet::new() };
    for _ in 0..3 {
        season.start(&[]).await;
    }
    let mut work = Work::begin(&season.stage, &mut season.results, SHOP_ORDERS).await;
    // the first call of half of them fails; of some by throttling, which slows down all others, too
    for (place, order) in work.orders.iter().enumerate().step_by(2) {
        let status = if place % 10 == 0 { 429 } else { 500 };
        let fails = FaultRule::first(1, Fault::status(status)).on(Operation::UpdateOrder).for_alias(order);
        season.stage.simulator.add_fault(fails);
    }
    season.stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 100 }).on(Operation::UpdateOrder));
    let payment = |order: &str| format!("payment of {order}");
    for _ in 0..AMENDMENTS {
        work.amend(&season.stage, 1).await;
    }
    for order in &work.orders {
        season.stage.publish(&fulfillment(order)).await;
        season.stage.publish(&refund(order, &payment(order))).await;
    }
    work.also(2 * SHOP_ORDERS);

    season.settled(SHOP_ORDERS + 150).await;
    let killed = season.take_active().await;
    season.note_hops(&killed);
    killed.killed().await;
    season.start(&[]).await;

    season.settled(SHOP_ORDERS + 450).await;
    let frozen = season.take_active().await;
    frozen.sigstop();
    let next = season.active().await;
    season.workers[next].1.is_active(true).await;
    frozen.sigcont();
    frozen.says(&["not consuming"]).await;
    frozen.consumes(2).await;
    season.note_hops(&frozen);
    assert_eq!(frozen.terminated().await, Some(0));
    season.start(&[]).await;

    season.settled(SHOP_ORDERS + 750).await;
    let stopped = season.take_active().await;
    season.note_hops(&stopped);
    assert_eq!(stopped.terminated().await, Some(0));
    season.start(&[]).await;

    season.settled(SHOP_ORDERS + 1050).await;
    for _ in 0..3 {
        season.start(&[("BWP__BROKER__PREFETCH", "60"), ("BWP__API__TIMEOUT", "3s")]).await;
        let (_, old) = season.workers.remove(0);
        season.note_hops(&old);
        assert_eq!(old.terminated().await, Some(0));
    }

    work.is_done(&mut season.results, Duration::from_secs(180)).await;
    for worker in season.workers.iter().map(|(_, worker)| hopped(worker)).collect::<Vec<_>>() {
        season.hopped.extend(worker);
    }
    let ledger = season.stage.simulator.ledger();
    let mut said_nothing_and_hopped = 0;
    for (place, order) in work.orders.iter().enumerate() {
        assert_eq!((ledger.creations_of(order), ledger.starts_of(order)), (1, 1), "{order}");
        assert_eq!(ledger.payments_of(&payment(order)), 1, "{order}");
        // of what hops at a hand-over only the shop itself can tell which is the later
        if place % 3 == 0 && season.hopped.contains(order) {
            said_nothing_and_hopped += 1;
        } else {
            work.ends_with_the_last(&season.stage, order);
        }
    }
    assert!(said_nothing_and_hopped < SHOP_ORDERS / 10, "{said_nothing_and_hopped} orders went through a retry queue");
    assert!(season.stage.left_in(LETTERS).await.is_empty());
    for (_, worker) in season.workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
    assert!(season.stage.left_in(ORDERS).await.is_empty());
}
