//! What all messages of a process share.
//!
//! Not here: anything of one message.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::amended::Amended;
use super::board::Board;
use super::locks::OrderLocks;
use super::pace::{Pace, Pacing};
use crate::domain::conventions::Conventions;
use crate::domain::order::OrderIdentifier;
use crate::policy::catalogue::{ROWS, Row};
use crate::policy::decide::Limits;
use crate::policy::health::Health;
use crate::ports::{Later, Operation};

/// What all messages of a process share.
#[derive(Debug)]
pub struct Context<A> {
    /// The API.
    pub api: A,
    /// What the store and its shop have agreed on.
    pub conventions: Conventions,
    /// Budgets and delays.
    pub limits: Limits,
    /// Waits inside the process.
    pub timing: Timing,
    /// Bytes of a body that is still read; a larger one is no message of a shop.
    pub max_message_bytes: usize,
    /// What each error means: the catalogue. Tests put other rows here to show that every row matters.
    pub rows: &'static [Row],
    /// What the worker shows of itself.
    pub board: Arc<Board>,
    /// Orders that are being changed.
    pub locks: OrderLocks,
    /// Amendments that this process has done.
    pub amended: Mutex<Amended>,
    /// The pace of all calls.
    pub pace: Arc<Pace>,
    seen: Mutex<Seen>,
    /// When the clock of what was seen began.
    start: Instant,
}

/// Waits inside the process.
#[derive(Clone, Debug)]
pub struct Timing {
    /// After an unknown outcome: how long an effect may take to show in a read.
    pub settle: Duration,
    /// After an unknown outcome of what adds up: how long until the call has certainly ended and shows in a read.
    pub call_ended: Duration,
    /// First wait before a call is made again; doubled each time, with jitter.
    pub first_wait: Duration,
    /// The longest wait before a call is made again; a longer hint of the API goes to a retry queue.
    pub longest_wait: Duration,
    /// How often a call is made again before the message goes to a retry queue.
    pub retries: usize,
    /// How long after its delivery a message's last call may begin; with the time that one call may take, this is
    /// how long a delivery is held.
    pub last_call: Duration,
    /// Messages that may be held in the process for their delay, those behind them included.
    pub hold_at_most: usize,
}

/// Orders that were changed, before those are taken out that have long been shown.
const MANY: usize = 1000;

#[derive(Debug, Default)]
struct Seen {
    health: Health,
    /// The last two orders that are certainly there, with the shop's names for them.
    known: Vec<(String, OrderIdentifier)>,
    /// Orders that were changed, by Buy with Prime's id and by the name in the message: how, and when that shows in a read.
    shown_by: HashMap<String, (Operation, Instant)>,
}

impl<A> Context<A> {
    /// A context in which nothing has been seen yet.
    pub fn new(
        api: A,
        conventions: Conventions,
        limits: Limits,
        timing: Timing,
        pacing: Pacing,
        max_message_bytes: usize,
    ) -> Self {
        Self {
            api,
            conventions,
            limits,
            timing,
            max_message_bytes,
            rows: ROWS,
            board: Arc::default(),
            locks: OrderLocks::default(),
            amended: Mutex::default(),
            pace: Arc::new(Pace::new(pacing)),
            seen: Mutex::default(),
            start: Instant::now(),
        }
    }

    /// How long a message stays away.
    pub fn delay(&self, later: &Later) -> Duration {
        self.limits.delay(later.queue)
    }

    /// An operation succeeded for an order.
    pub fn succeeded(&self, operation: Operation, order: &str) {
        self.board.api_works();
        self.seen().health.succeeded(operation, order, self.start.elapsed());
    }

    /// An order was changed, which has these names; a read shows that after this time.
    pub fn changed(&self, operation: Operation, names: [&str; 2], shows_after: Duration) {
        let (mut seen, now) = (self.seen(), Instant::now());
        if seen.shown_by.len() >= MANY {
            seen.shown_by.retain(|_, (_, shown_by)| *shown_by > now);
        }
        for name in names {
            seen.shown_by.insert(name.into(), (operation, now + shows_after));
        }
    }

    /// How this process last changed an order, by any of its names, and when that shows in a read; none where it has long
    /// since.
    pub fn shown_by(&self, name: &str) -> Option<(Operation, Instant)> {
        self.seen().shown_by.get(name).copied()
    }

    /// Whether an operation succeeded for another order since then.
    pub fn works_for_others(&self, operation: Operation, order: &str, since: Instant) -> bool {
        self.seen().health.works_for_others(operation, order, since.saturating_duration_since(self.start))
    }

    /// An order is certainly there.
    pub fn remember(&self, order: &str, id: &str) {
        let known = &mut self.seen().known;
        known.retain(|(name, _)| name != order);
        known.truncate(1);
        known.insert(0, (order.into(), OrderIdentifier::OrderId(id.into())));
    }

    /// An order other than this one that is certainly there, with its name.
    pub fn known_other(&self, order: &str) -> Option<(String, OrderIdentifier)> {
        self.seen().known.iter().find(|(name, _)| name != order).cloned()
    }

    /// A panic in another task leaves nothing half done in here.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
