//! For how long a message is handled, without the time in which all calls are held back.
//!
//! Not here: when they are.

use std::time::Duration;

use tokio::time::Instant;

use crate::policy::call_queue::Rank;

/// The time in which all calls have been held back. Time is an argument.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct HeldBack {
    before: Duration,
    since: Option<Duration>,
}

impl HeldBack {
    /// The sum, up to now.
    pub(super) fn total(self, now: Duration) -> Duration {
        self.before + self.since.map(|since| now.saturating_sub(since)).unwrap_or_default()
    }

    /// Whether they are held back at present.
    pub(super) fn is_on(self) -> bool {
        self.since.is_some()
    }

    /// From now on they are held back, or not.
    pub(super) fn set(&mut self, on: bool, now: Duration) {
        match (on, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(_)) => *self = Self { before: self.total(now), since: None },
            (true, Some(_)) | (false, None) => {}
        }
    }
}

/// A message's clock: it stands still while all calls are held back.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    began: Instant,
    held_back_before: Duration,
    /// Its rank among messages that wait for a call.
    rank: Rank,
}

impl Clock {
    pub(super) fn new(began: Instant, held_back_before: Duration, rank: Rank) -> Self {
        Self { began, held_back_before, rank }
    }

    /// This clock with another rank.
    pub(super) fn with(self, rank: Rank) -> Self {
        Self { rank, ..self }
    }

    /// The message's rank among those that wait for a call.
    pub(super) fn rank(&self) -> Rank {
        self.rank
    }

    /// Its time, when all calls have been held back for so long in all.
    pub(super) fn shows(&self, held_back: Duration) -> Duration {
        self.began.elapsed().saturating_sub(held_back.saturating_sub(self.held_back_before))
    }
}
