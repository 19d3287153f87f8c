//! What all messages of a process share.
//!
//! Not here: anything of one message.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;
use uuid::Uuid;

use super::board::Board;
use super::pace::{Pace, Pacing};
use super::rank::Rank;
use crate::domain::amendment_left::LastWords;
use crate::domain::conventions::Conventions;
use crate::domain::order::OrderIdentifier;
use crate::policy::catalogue::{ROWS, Row};
use crate::policy::decide::Limits;
use crate::policy::health::Health;
use crate::ports::{ClaimRequest, Later, Operation, OrderApi};

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
    /// Where orders are claimed before they are changed; nothing where no other worker is about.
    pub claims: Option<mpsc::UnboundedSender<ClaimRequest>>,
    /// The pace of all calls.
    pub pace: Arc<Pace>,
    seen: Mutex<Seen>,
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
}

/// Orders that were changed, before those are taken out that have long been shown.
const MANY: usize = 1000;

#[derive(Debug, Default)]
struct Seen {
    health: Health,
    /// The last two orders that are certainly there, with the shop's names for them.
    known: Vec<(String, OrderIdentifier)>,
    /// Amendments that were done, of the orders last amended.
    amended: Amended,
    /// Orders that were changed: how, and when that shows in a read.
    shown_by: HashMap<String, (Operation, Instant)>,
}

/// Orders of which amendments are remembered.
const REMEMBERED: usize = 10_000;

/// Amendments that were done, in their order, of the orders last amended.
#[derive(Debug, Default)]
struct Amended {
    by_order: HashMap<String, Vec<DoneAmendment>>,
    /// The oldest first.
    orders: VecDeque<String>,
}

/// An amendment that was done.
#[derive(Clone, Copy, Debug)]
pub struct DoneAmendment {
    /// Tells it from others; its copies are the same.
    pub amendment: Uuid,
    /// What came before it, where that is known.
    pub rank: Option<Rank>,
    /// What it set.
    pub set: LastWords,
}

impl Amended {
    fn done(&mut self, order: &str, done: DoneAmendment) {
        if !self.by_order.contains_key(order) {
            self.orders.push_back(order.into());
            if self.orders.len() > REMEMBERED
                && let Some(oldest) = self.orders.pop_front()
            {
                self.by_order.remove(&oldest);
            }
        }
        let amendments = self.by_order.entry(order.into()).or_default();
        if amendments.iter().all(|other| other.amendment != done.amendment) {
            amendments.push(done);
        }
    }

    fn of(&self, order: &str) -> &[DoneAmendment] {
        self.by_order.get(order).map(Vec::as_slice).unwrap_or_default()
    }

    fn is_superseded(&self, order: &str, amendment: Uuid) -> bool {
        let later = self.of(order).iter().skip_while(|done| done.amendment != amendment).skip(1);
        later.count() > 0
    }

    fn set_after(&self, order: &str, rank: Rank) -> LastWords {
        let later = self.of(order).iter().filter(|done| done.rank.is_some_and(|later| later.is_after(rank)));
        later.fold(LastWords::default(), |set, done| set.and(done.set))
    }
}

impl<A: OrderApi> Context<A> {
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
            claims: None,
            pace: Arc::new(Pace::new(pacing)),
            seen: Mutex::default(),
        }
    }

    /// How long a message stays away.
    pub fn delay(&self, later: &Later) -> Duration {
        let delays = &self.limits.delays;
        delays.get(later.queue).or(delays.last()).copied().unwrap_or_default()
    }

    /// An operation succeeded for an order.
    pub fn succeeded(&self, operation: Operation, order: &str) {
        self.board.api_works();
        let mut seen = self.seen();
        seen.health.succeeded(operation, order, Timestamp::now());
        match operation {
            Operation::CreateOrder | Operation::UpdateOrder => {
                let now = Instant::now();
                if seen.shown_by.len() >= MANY {
                    seen.shown_by.retain(|_, (_, shown_by)| *shown_by > now);
                }
                seen.shown_by.insert(order.into(), (operation, now + self.timing.settle));
            }
            Operation::Order => {}
        }
    }

    /// An amendment is done, by this process.
    pub fn amended(&self, order: &str, done: DoneAmendment) {
        self.seen().amended.done(order, done);
    }

    /// What this process has set by amendments that came after this rank.
    pub fn set_after(&self, order: &str, rank: Rank) -> LastWords {
        self.seen().amended.set_after(order, rank)
    }

    /// Whether this process has done this very amendment and then another: it is a copy that came late.
    pub fn is_superseded(&self, order: &str, amendment: Uuid) -> bool {
        self.seen().amended.is_superseded(order, amendment)
    }

    /// How this process last changed an order, and when that shows in a read; none where it has long since.
    pub fn shown_by(&self, order: &str) -> Option<(Operation, Instant)> {
        self.seen().shown_by.get(order).copied()
    }

    /// Whether an operation succeeded for another order since then.
    pub fn works_for_others(&self, operation: Operation, order: &str, since: Timestamp) -> bool {
        self.seen().health.works_for_others(operation, order, since)
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
