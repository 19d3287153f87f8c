//! Which operations work at present, told by their last successes.
//!
//! Not here: what follows from it.

use std::time::Duration;

use crate::ports::Operation;

/// A time, by a clock that only goes forward.
type Time = Duration;

/// The last successes of each operation, for the two orders that had them last.
///
/// Two are enough to answer for any order whether *another* one was served.
#[derive(Clone, Debug, Default)]
pub struct Health {
    successes: Vec<Success>,
}

#[derive(Clone, Debug)]
struct Success {
    operation: Operation,
    order: String,
    at: Time,
}

impl Health {
    /// An operation succeeded for an order.
    pub fn succeeded(&mut self, operation: Operation, order: &str, at: Time) {
        self.successes.retain(|seen| seen.operation != operation || seen.order != order);
        self.successes.push(Success { operation, order: order.into(), at });
        if self.successes.iter().filter(|seen| seen.operation == operation).count() > 2
            && let Some(oldest) = self.successes.iter().position(|seen| seen.operation == operation)
        {
            self.successes.remove(oldest);
        }
    }

    /// Whether the operation succeeded for an order other than this one, at `since` or later.
    pub fn works_for_others(&self, operation: Operation, order: &str, since: Time) -> bool {
        self.successes.iter().any(|seen| seen.operation == operation && seen.order != order && seen.at >= since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u64) -> Time {
        Duration::from_secs(second)
    }

    #[test]
    fn an_orders_own_success_does_not_speak_for_others() {
        let mut health = Health::default();
        health.succeeded(Operation::CreateOrder, "SO-1", at(5));
        assert!(!health.works_for_others(Operation::CreateOrder, "SO-1", at(0)));
        assert!(health.works_for_others(Operation::CreateOrder, "SO-2", at(5)));
        assert!(!health.works_for_others(Operation::CreateOrder, "SO-2", at(6)));
        assert!(!health.works_for_others(Operation::UpdateOrder, "SO-2", at(0)));
    }

    #[test]
    fn two_orders_are_remembered_for_each_operation() {
        let mut health = Health::default();
        health.succeeded(Operation::Order, "SO-9", at(1));
        for (second, order) in [(1, "SO-1"), (2, "SO-2"), (3, "SO-3"), (4, "SO-3")] {
            health.succeeded(Operation::CreateOrder, order, at(second));
        }
        assert_eq!(health.successes.len(), 3);
        assert!(health.works_for_others(Operation::CreateOrder, "SO-3", at(2)));
        assert!(health.works_for_others(Operation::CreateOrder, "SO-2", at(4)));
        assert!(health.works_for_others(Operation::Order, "SO-1", at(1)));
    }
}
