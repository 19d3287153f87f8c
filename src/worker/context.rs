//! State that all messages of a process share.
//!
//! Not here: anything of one message.

use std::sync::Arc;
use std::time::Duration;

use super::locks::OrderLocks;
use super::memory::Memory;
use super::pace::{Pace, Pacing};
use super::status::Status;
use crate::domain::conventions::Conventions;
use crate::policy::catalogue::{Row, rows};
use crate::policy::decide::Limits;
use crate::ports::{Later, Operation};
use crate::trace::Relation;

/// State that all messages of a process share.
#[derive(Debug)]
pub struct Context<A> {
    /// The API.
    pub api: A,
    /// Agreements between the store and its shop.
    pub conventions: Conventions,
    /// Budgets and delays.
    pub limits: Limits,
    /// Waits inside the process.
    pub timing: Timing,
    /// Bytes of a body that is still read; a larger one is no message of a shop.
    pub max_message_bytes: usize,
    /// Meaning of each error: the catalogue. Tests put other rows here to show that every row matters.
    pub rows: Vec<Row>,
    /// State that probes and metrics show.
    pub status: Arc<Status>,
    /// Orders that are being changed.
    pub locks: OrderLocks,
    /// Memory of orders.
    pub memory: Memory,
    /// The pace of all calls.
    pub pace: Arc<Pace>,
    /// How the trace of a message is related to the shop's.
    pub relation: Relation,
}

/// Waits inside the process.
#[derive(Clone, Debug)]
pub struct Timing {
    /// After an unknown outcome: how long an effect may take to show in a read (`api.settle`).
    pub visible_after: Duration,
    /// After an unknown outcome of what adds up: how long until the call has certainly ended and shows in a read.
    pub call_ended: Duration,
    /// First wait before a call is made again; doubled each time, with jitter.
    pub first_wait: Duration,
    /// The longest wait before a call is made again; a longer hint of the API goes to a retry queue.
    pub longest_wait: Duration,
    /// How often a call is made again before the message goes to a retry queue.
    pub retries: usize,
    /// Longest time from a message's delivery to the begin of its last call. A delivery is held for this and for the time
    /// that one call may take.
    pub last_call: Duration,
    /// Messages that may be held in the process for their delay, those behind them included.
    pub hold_at_most: usize,
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
            rows: rows().copied().collect(),
            status: Arc::default(),
            locks: OrderLocks::default(),
            memory: Memory::new(),
            pace: Arc::new(Pace::new(pacing)),
            relation: Relation::default(),
        }
    }

    /// How long a message stays away.
    pub fn delay(&self, later: &Later) -> Duration {
        self.limits.delay(later.queue)
    }

    /// An operation succeeded for an order.
    pub fn succeeded(&self, operation: Operation, order: &str) {
        self.status.api_works();
        self.memory.succeeded(operation, order);
    }
}
