//! What the worker shows of itself while it works: what is in hand, what waits, how the API does.
//!
//! Not here: who looks at it, and what they conclude.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use uuid::Uuid;

use super::lanes::BACK_WITHIN;
use crate::policy::classify::Failure;
use crate::ports::{History, Trouble};

/// What the worker shows of itself.
#[derive(Debug, Default)]
pub struct Board {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    next: u64,
    in_hand: HashMap<u64, Instant>,
    delayed: HashMap<Uuid, Delayed>,
    /// How many there may be before those that are not expected any more are taken out.
    sweep_at: usize,
    trouble: Option<Trouble>,
}

#[derive(Debug)]
struct Delayed {
    first_failed_at: Timestamp,
    expected_by: Instant,
}

impl Board {
    /// A message is in hand until the returned guard is dropped.
    pub fn take(self: &Arc<Self>, since: Option<Instant>) -> InHand {
        let mut state = self.state();
        state.next += 1;
        let key = state.next;
        state.in_hand.insert(key, since.unwrap_or_else(Instant::now));
        InHand { board: Arc::clone(self), key }
    }

    /// For how long the oldest message has been in hand.
    pub fn oldest_in_hand(&self) -> Option<Duration> {
        self.state().in_hand.values().map(Instant::elapsed).max()
    }

    /// A message was sent through a retry queue.
    pub fn delayed(&self, message: Uuid, history: &History, delay: Duration) {
        let first_failed_at = history.first_failed_at.unwrap_or_else(Timestamp::now);
        let (now, expected_by) = (Instant::now(), Instant::now() + delay + BACK_WITHIN);
        let mut state = self.state();
        if state.delayed.len() >= state.sweep_at {
            state.delayed.retain(|_, delayed| delayed.expected_by > now);
            state.sweep_at = state.delayed.len() * 2 + 1000;
        }
        state.delayed.insert(message, Delayed { first_failed_at, expected_by });
    }

    /// A message is back, or settled.
    pub fn back(&self, message: Uuid) {
        self.state().delayed.remove(&message);
    }

    /// For how long the oldest of the messages that wait has been failing.
    pub fn oldest_delayed(&self) -> Option<Duration> {
        let (mut state, now) = (self.state(), Instant::now());
        state.delayed.retain(|_, delayed| delayed.expected_by > now);
        let oldest = state.delayed.values().map(|delayed| delayed.first_failed_at).min()?;
        Duration::try_from(Timestamp::now().duration_since(oldest)).ok()
    }

    /// A call succeeded, so the API is there.
    pub fn api_works(&self) {
        let ended = self.state().trouble.take();
        if let Some(trouble) = ended {
            tracing::info!(cause = trouble.cause, since = %trouble.since, "the API works again");
        }
    }

    /// A call failed for a reason that is not its order's.
    pub fn api_fails(&self, failure: &Failure) {
        let mut state = self.state();
        if state.trouble.is_none() {
            tracing::warn!(operation = failure.operation.name(), cause = failure.code, "the API fails");
            state.trouble = Some(Trouble { cause: failure.code.clone(), since: Timestamp::now() });
        }
    }

    /// What is wrong with the API, if anything.
    pub fn api_trouble(&self) -> Option<Trouble> {
        self.state().trouble.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message in hand.
#[derive(Debug)]
pub struct InHand {
    board: Arc<Board>,
    key: u64,
}

impl InHand {
    /// For how long.
    pub fn elapsed(&self) -> Duration {
        self.board.state().in_hand.get(&self.key).map(Instant::elapsed).unwrap_or_default()
    }
}

impl Drop for InHand {
    fn drop(&mut self) {
        self.board.state().in_hand.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_oldest_message_in_hand_is_known_until_it_is_let_go() {
        let board = Arc::new(Board::default());
        assert_eq!(board.oldest_in_hand(), None);
        let first = board.take(None);
        tokio::time::advance(Duration::from_secs(3)).await;
        let second = board.take(None);
        assert_eq!(board.oldest_in_hand(), Some(Duration::from_secs(3)));
        drop(first);
        assert_eq!(board.oldest_in_hand(), Some(Duration::ZERO));
        drop(second);
        assert_eq!(board.oldest_in_hand(), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_another_replica_took_is_forgotten() {
        let board = Board::default();
        let failed_at = Timestamp::now() - jiff::SignedDuration::from_secs(100);
        let history = History { first_failed_at: Some(failed_at), ..History::default() };
        board.delayed(Uuid::nil(), &history, Duration::from_secs(5));
        assert!(board.oldest_delayed().is_some_and(|age| age >= Duration::from_secs(100)));
        tokio::time::advance(Duration::from_secs(5) + BACK_WITHIN).await;
        assert_eq!(board.oldest_delayed(), None);
        board.delayed(Uuid::nil(), &history, Duration::from_secs(5));
        board.back(Uuid::nil());
        assert_eq!(board.oldest_delayed(), None);
    }
}
