//! The right to change an order, which one message of the process has at a time, whatever name it calls the order by.
//!
//! Not here: other processes; the broker feeds one at a time.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OwnedMutexGuard;

/// Size at which the locks that nobody holds are dropped; twice as many as are held then, where that is more.
const MANY: usize = 1000;

/// One lock for each order that is being changed, by Buy with Prime's id.
#[derive(Debug, Default)]
pub struct OrderLocks {
    locks: Mutex<Locks>,
}

#[derive(Debug, Default)]
struct Locks {
    by_order: HashMap<String, Arc<tokio::sync::Mutex<()>>>,
    /// How many were held at the last sweep.
    held: usize,
}

impl OrderLocks {
    /// The lock, if nobody holds it.
    pub fn try_lock(&self, id: &str) -> Option<OwnedMutexGuard<()>> {
        self.of(id).try_lock_owned().ok()
    }

    /// Waits for the lock; whoever asked first gets it first.
    pub async fn lock(&self, id: &str) -> OwnedMutexGuard<()> {
        self.of(id).lock_owned().await
    }

    fn of(&self, id: &str) -> Arc<tokio::sync::Mutex<()>> {
        let mut locks = self.locks.lock().unwrap_or_else(PoisonError::into_inner);
        if locks.by_order.len() >= MANY.max(2 * locks.held) {
            locks.by_order.retain(|_, lock| Arc::strong_count(lock) > 1);
            locks.held = locks.by_order.len();
        }
        Arc::clone(locks.by_order.entry(id.to_owned()).or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn an_order_is_locked_by_one_at_a_time_and_others_are_free() {
        let locks = OrderLocks::default();
        let first = locks.try_lock("322-1").unwrap();
        assert!(locks.try_lock("322-1").is_none() && locks.try_lock("322-2").is_some());
        drop(first);
        drop(locks.lock("322-1").await);
    }

    #[tokio::test]
    async fn locks_that_nobody_holds_do_not_pile_up() {
        let locks = OrderLocks::default();
        let held = locks.lock("0").await;
        for order in 1..10_000 {
            drop(locks.lock(&order.to_string()).await);
        }
        assert!(locks.locks.lock().unwrap().by_order.len() <= MANY + 1);
        assert!(locks.try_lock("0").is_none());
        drop(held);
    }
}
