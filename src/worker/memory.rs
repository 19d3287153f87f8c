//! Four memories of the process: successes, orders that exist, changes that need not show yet, amendments.
//!
//! Not here: decisions. All is forgotten with the process, and no promise hangs on any of it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::amended::Amended;
use crate::domain::order::OrderIdentifier;
use crate::policy::health::Health;
use crate::ports::Operation;

/// Size at which entries whose change is visible by now are dropped.
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
    /// Orders that were changed, by Buy with Prime's id and by the name in the message: how, and when a read shows that.
    changed: HashMap<String, (Operation, Instant)>,
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
        if recent.changed.len() >= MANY {
            recent.changed.retain(|_, (_, shown_by)| *shown_by > now);
        }
        for name in names {
            recent.changed.insert(name.into(), (operation, now + shows_after));
        }
    }

    /// How this process last changed an order, by any of its names, and when a read shows that; none where that was long
    /// ago.
    pub(super) fn shown_by(&self, name: &str) -> Option<(Operation, Instant)> {
        self.recent().changed.get(name).copied()
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

    #[tokio::test(start_paused = true)]
    async fn changes_that_are_visible_by_now_are_forgotten_when_there_are_many() {
        let (memory, second) = (Memory::new(), Duration::from_secs(1));
        for number in 0..MANY {
            let name = number.to_string();
            memory.changed(Operation::UpdateOrder, [&name, &name], second);
        }
        tokio::time::advance(2 * second).await;
        memory.changed(Operation::UpdateOrder, ["SO-1", "322"], second);
        assert_eq!(memory.recent().changed.len(), 2);
    }
}
