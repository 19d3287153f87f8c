//! Orders with numbered amendments, and whether all of them were done in the order of their publication.
//! Not here: what goes wrong meanwhile; see `handover`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::time::Duration;

use bwp_sync::simulator::{CallEvent, CallPhase, Effect, Ledger, Operation};
use futures_util::future::join_all;
use lapin::message::Delivery;
use rust_decimal::Decimal;
use tokio::sync::broadcast::Receiver;

use crate::messages::{Told, cause, checkout, numbered, street};
use crate::stage::{LETTERS, SOON, Stage, call};
use crate::support::amqp::Collector;

/// Messages that are published side by side.
const AT_A_TIME: usize = 100;

/// Orders, and how many amendments of each were published.
pub(crate) struct Work {
    pub(crate) orders: Vec<String>,
    amendments: u32,
    /// Messages of other kinds about them, all published.
    others: usize,
    /// Messages of which the results were read by a collector that is gone.
    told: usize,
}

impl Work {
    /// Publishes so many checkouts, and waits until all of them are done.
    pub(crate) async fn begin(stage: &Stage, results: &mut Collector, orders: usize) -> Self {
        let orders: Vec<_> = (1..=orders).map(|number| format!("SO-{number}")).collect();
        let checkouts: Vec<_> = orders.iter().map(|order| checkout(order)).collect();
        for some in checkouts.chunks(AT_A_TIME) {
            join_all(some.iter().map(|message| stage.publish(message))).await;
        }
        let work = Self { others: orders.len(), orders, amendments: 0, told: 0 };
        work.is_done(results, SOON * 2).await;
        work
    }

    /// Counts messages about these orders that the test itself publishes.
    pub(crate) fn also(&mut self, messages: usize) {
        self.others += messages;
    }

    /// Results of all that was published so far have been read; from now on another collector reads.
    pub(crate) fn told_so_far(&mut self) {
        self.told = self.all();
    }

    fn all(&self) -> usize {
        self.others + self.amendments as usize * self.orders.len()
    }

    /// Publishes the next amendments: the next one of every order, then the one after that of every order, and so on. A
    /// third of the orders is told everything about the order of their amendments, a third half of it, a third nothing.
    pub(crate) async fn amend(&mut self, stage: &Stage, times: u32) {
        let mut messages = Vec::new();
        for _ in 0..times {
            self.amendments += 1;
            for (place, order) in self.orders.iter().enumerate() {
                let told = [Told::Nothing, Told::Time, Told::TimeAndSequence][place % 3];
                messages.push(numbered(order, self.amendments, told));
            }
        }
        // faster than a worker can do them: a channel keeps the order in which they are written
        for some in messages.chunks(AT_A_TIME) {
            join_all(some.iter().map(|message| stage.publish(message))).await;
        }
    }

    /// Amends every order, and waits until some more updates have taken effect.
    pub(crate) async fn goes_on(&mut self, stage: &Stage, times: u32, more: usize) {
        let mut calls = stage.simulator.subscribe();
        self.amend(stage, times).await;
        updates(&mut calls, more).await;
    }

    /// Waits until a result has come of every message.
    pub(crate) async fn is_done(&self, results: &mut Collector, within: Duration) {
        let expected = self.all() - self.told;
        results.until(within, |seen| seen.len() >= expected && causes(seen).len() == expected).await;
    }

    /// Waits for the end of the work. Fails unless every order's amendments were done in the order of their publication,
    /// each last one stands, and nobody wrote a letter.
    pub(crate) async fn ends_in_order(&self, stage: &Stage, results: &mut Collector) {
        self.is_done(results, SOON * 2).await;
        let totals = totals(&stage.simulator.ledger());
        for order in &self.orders {
            let totals = &totals[order];
            assert!(in_order(totals), "{order}: {totals:?}");
            self.ends_with_the_last(stage, order);
        }
        assert!(stage.left_in(LETTERS).await.is_empty());
    }

    /// Fails unless the order has the total and the address of its last amendment.
    pub(crate) fn ends_with_the_last(&self, stage: &Stage, order: &str) {
        let totals = &totals(&stage.simulator.ledger())[order];
        assert_eq!(totals.last(), Some(&Decimal::from(self.amendments)), "{order}: {totals:?}");
        let view = stage.simulator.order_by_alias("EXTERNAL_ID", order).expect("it was created");
        let address = view.json["recipient"].to_string();
        assert!(address.contains(&format!("\"{}\"", street(self.amendments))), "{order}: {address}");
    }
}

/// Ids of the messages that results are about.
fn causes(results: &[Delivery]) -> BTreeSet<String> {
    results.iter().map(cause).collect()
}

/// The totals that updates gave each order, by the shop's ids, oldest first.
pub(crate) fn totals(ledger: &Ledger) -> BTreeMap<String, Vec<Decimal>> {
    let (mut names, mut totals) = (HashMap::new(), BTreeMap::<_, Vec<_>>::new());
    for effect in &ledger.effects {
        match effect {
            Effect::Created { order, aliases, .. } => {
                let name = aliases.iter().find(|alias| alias.alias_type == "EXTERNAL_ID").expect("it has its alias");
                names.insert(order, &name.alias_id);
                totals.entry(name.alias_id.clone()).or_default();
            }
            Effect::Updated { order, total: Some(total), .. } => {
                let total = total.parse().expect("a total is a number");
                totals.entry(names[order].clone()).or_default().push(total);
            }
            _ => {}
        }
    }
    totals
}

/// Whether each total came first in its turn. Those whose acknowledgements were lost may come again after a hand-over, and
/// then up to the one that stood.
fn in_order(totals: &[Decimal]) -> bool {
    let (mut highest, mut last) = (Decimal::ZERO, Decimal::ZERO);
    totals.iter().enumerate().all(|(place, total)| {
        let holds = if *total > highest { last == highest } else { totals[..place].contains(total) };
        highest = highest.max(*total);
        last = *total;
        holds
    }) && last == highest
}

#[test]
fn totals_are_in_order_where_those_that_come_again_come_up_to_the_one_that_stood() {
    let in_order = |totals: &[i64]| in_order(&totals.iter().copied().map(Decimal::from).collect::<Vec<_>>());
    assert!(in_order(&[]) && in_order(&[1, 2, 3]) && in_order(&[1, 2, 3, 2, 3, 4]));
    for wrong in [[1, 3, 2, 3], [1, 2, 1, 3], [1, 2, 3, 2]] {
        assert!(!in_order(&wrong), "{wrong:?}");
    }
}

/// Waits until so many more updates have taken effect.
pub(crate) async fn updates(calls: &mut Receiver<CallEvent>, times: usize) {
    for _ in 0..times {
        call(calls, |event| event.operation == Operation::UpdateOrder && event.phase == CallPhase::TookEffect).await;
    }
}
