//! Four memories of the process: successes, orders that exist, changes that need not show yet, amendments.
//!
//! Not here: decisions. All is forgotten with the process, and no promise hangs on any of it.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::amended::Amended;
use crate::domain::order::OrderIdentifier;
use crate::policy::health::Health;
use crate::ports::Operation;

/// Changes that are remembered, visible or not. Beyond that, those that are visible by now are dropped.
const MANY: usize = 1000;

/// Memory of orders.
#[derive(Debug)]
pub struct Memory {
    recent: Mutex<Recent>,
    amended: Mutex<Amended>,
    /// Start of the clock that successes are told by.
    start: Instant,
}

#[derive(Debug, Default)]
struct Recent {
    health: Health,
    /// The last two orders that certainly exist, with the shop's names for them.
    existing: Vec<(String, OrderIdentifier)>,
    changed: Changed,
}

/// Orders that were changed, by Buy with Prime's id and by the name in the message.
///
/// Thousands are changed within the time until a read shows that, so no change may take a look at all others. Names are
/// kept as hashes: two names with the same one make a message wait for nothing, once.
#[derive(Debug, Default)]
struct Changed {
    hasher: RandomState,
    /// How, and when a read shows that.
    by_name: HashMap<u64, (Operation, Instant)>,
    /// The names in the order of their changes, each with the time at which that change shows.
    by_age: VecDeque<(Instant, u64)>,
}

impl Changed {
    fn insert(&mut self, name: &str, operation: Operation, shown_by: Instant) {
        let name = self.hasher.hash_one(name);
        self.by_name.insert(name, (operation, shown_by));
        self.by_age.push_back((shown_by, name));
    }

    fn drop_visible(&mut self, now: Instant) {
        while self.by_age.len() >= MANY
            && let Some((_, name)) = self.by_age.pop_front_if(|(shown_by, _)| *shown_by <= now)
        {
            // it may have been changed again
            if self.get(name).is_some_and(|(_, shown_by)| shown_by <= now) {
                self.by_name.remove(&name);
            }
        }
    }

    fn get(&self, name: u64) -> Option<(Operation, Instant)> {
        self.by_name.get(&name).copied()
    }
}

impl Memory {
    /// Nothing is remembered yet.
    pub(super) fn new() -> Self {
        Self { recent: Mutex::default(), amended: Mutex::default(), start: Instant::now() }
    }

    /// An operation succeeded for an order.
    pub(super) fn succeeded(&self, operation: Operation, order: &str) {
        self.recent().health.succeeded(operation, order, self.start.elapsed());
    }

    /// Whether an operation succeeded for another order since then.
    pub(super) fn works_for_others(&self, operation: Operation, order: &str, since: Instant) -> bool {
        self.recent().health.works_for_others(operation, order, since.saturating_duration_since(self.start))
    }

    /// An order certainly exists.
    pub(super) fn exists(&self, order: &str, id: &str) {
        let existing = &mut self.recent().existing;
        existing.retain(|(name, _)| name != order);
        existing.truncate(1);
        existing.insert(0, (order.into(), OrderIdentifier::OrderId(id.into())));
    }

    /// An order other than this one that certainly exists, with its name.
    pub(super) fn another_existing(&self, order: &str) -> Option<(String, OrderIdentifier)> {
        self.recent().existing.iter().find(|(name, _)| name != order).cloned()
    }

    /// An order with these names was changed. A read shows that after this time.
    pub(super) fn changed(&self, operation: Operation, names: [&str; 2], shows_after: Duration) {
        let (mut recent, now) = (self.recent(), Instant::now());
        recent.changed.drop_visible(now);
        for name in names {
            recent.changed.insert(name, operation, now + shows_after);
        }
    }

    /// How this process last changed an order, by any of its names, and when a read shows that; none where that was long
    /// ago.
    pub(super) fn shown_by(&self, name: &str) -> Option<(Operation, Instant)> {
        let changed = &self.recent().changed;
        changed.get(changed.hasher.hash_one(name))
    }

    /// Amendments that this process has done.
    pub(super) fn amended(&self) -> MutexGuard<'_, Amended> {
        self.amended.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A panic in another task leaves nothing half done in here.
    fn recent(&self) -> MutexGuard<'_, Recent> {
        self.recent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_known_by_both_names_of_its_order() {
        let (memory, second) = (Memory::new(), Duration::from_secs(1));
        memory.changed(Operation::UpdateOrder, ["SO-1", "322"], second);
        let expected = Some((Operation::UpdateOrder, Instant::now() + second));
        assert_eq!(["SO-1", "322", "SO-2"].map(|name| memory.shown_by(name)), [expected, expected, None]);
    }

    const SHOWS_AFTER: Duration = Duration::from_secs(2);

    fn changes(memory: &Memory, orders: std::ops::Range<usize>) {
        for order in orders {
            memory.changed(Operation::CreateOrder, [&format!("SO-{order}"), &format!("bwp-{order}")], SHOWS_AFTER);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_is_remembered_by_each_name_until_it_shows_however_many_there_are() {
        let memory = Memory::new();
        changes(&memory, 0..10_000);
        for name in ["SO-0", "bwp-0", "SO-9999", "bwp-9999"] {
            assert!(memory.shown_by(name).is_some(), "{name}");
        }
        assert_eq!(memory.shown_by("SO-10000"), None);
    }

    #[tokio::test(start_paused = true)]
    async fn changes_that_show_do_not_pile_up_and_one_that_was_repeated_is_kept() {
        let memory = Memory::new();
        changes(&memory, 0..10_000);
        tokio::time::advance(SHOWS_AFTER / 2).await;
        memory.changed(Operation::UpdateOrder, ["SO-0", "bwp-0"], SHOWS_AFTER);
        tokio::time::advance(SHOWS_AFTER / 2).await;
        changes(&memory, 10_000..10_001);
        let recent = memory.recent();
        assert!(recent.changed.by_age.len() <= MANY + 2 && recent.changed.by_name.len() <= MANY + 2);
        drop(recent);
        assert_eq!(memory.shown_by("SO-0").map(|(operation, _)| operation), Some(Operation::UpdateOrder));
        assert_eq!(memory.shown_by("SO-1"), None);
    }
}
