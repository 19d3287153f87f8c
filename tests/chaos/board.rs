//! Knowledge of a run while it goes on: messages sent, messages heard, and for how long none came.
//! Not here: whether it is right; see `checker`.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::watch;
use tokio::time::timeout;

use crate::history::{History, SeenLetter, SeenResult, Sent};
use crate::model::end_of;
use crate::orders::Planned;

/// Shared by those who publish, those who listen and those who wait.
pub(crate) struct Board {
    begun: Instant,
    inner: Mutex<Inner>,
    settled: watch::Sender<usize>,
}

#[derive(Default)]
struct Inner {
    sent: Vec<Sent>,
    /// Where in `sent` each message is, by its id.
    places: HashMap<String, usize>,
    settled: HashSet<String>,
    results: Vec<SeenResult>,
    letters: Vec<SeenLetter>,
    /// Ids of both.
    seen: HashSet<String>,
    /// Confirms that never came; the message was published again.
    unknown_confirms: usize,
    /// Since when the next settlement is waited for; nothing while everything is settled.
    waiting_since: Option<Instant>,
    longest_stall: Duration,
    /// When it ended.
    stall_ended: Duration,
    /// Most messages that waited at the end of a fault.
    piled_up: usize,
}

/// Figures for the report.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Figures {
    pub(crate) sent: usize,
    pub(crate) results: usize,
    pub(crate) letters: usize,
    pub(crate) unknown_confirms: usize,
    pub(crate) longest_stall: Duration,
    /// Since the beginning of the run.
    pub(crate) stall_ended: Duration,
    /// Most messages that waited at the end of a fault.
    pub(crate) piled_up: usize,
}

impl Board {
    /// Nothing has been sent yet.
    pub(crate) fn new() -> Self {
        Self { begun: Instant::now(), inner: Mutex::default(), settled: watch::Sender::default() }
    }

    /// The time since the beginning of the run.
    pub(crate) fn elapsed(&self) -> Duration {
        self.begun.elapsed()
    }

    /// A message is about to be published.
    pub(crate) fn sending(&self, planned: &Planned) {
        let sent =
            Sent { id: planned.id.clone(), order: planned.order.clone(), end: end_of(&planned.what), confirmed: false };
        let mut inner = self.inner();
        if !inner.places.contains_key(&planned.id) {
            let place = inner.sent.len();
            inner.places.insert(planned.id.clone(), place);
            inner.sent.push(sent);
        }
        inner.waiting_since.get_or_insert_with(Instant::now);
    }

    /// The broker has confirmed it.
    pub(crate) fn confirmed(&self, id: &str) {
        let mut inner = self.inner();
        if let Some(place) = inner.places.get(id).copied() {
            inner.sent[place].confirmed = true;
        }
    }

    /// Whether it did, nobody knows.
    pub(crate) fn unknown_confirm(&self) {
        self.inner().unknown_confirms += 1;
    }

    /// A result has come. One that our own broken connection brings again is none.
    pub(crate) fn result(&self, result: SeenResult, redelivered: bool) {
        let mut inner = self.inner();
        if !inner.seen.insert(result.id.clone()) && redelivered {
            return;
        }
        let cause = result.cause.clone();
        inner.results.push(result);
        if !inner.settled.insert(cause) {
            return;
        }
        let now = Instant::now();
        let stalled = inner.waiting_since.map_or(Duration::ZERO, |since| now - since);
        if stalled > inner.longest_stall {
            inner.longest_stall = stalled;
            inner.stall_ended = now - self.begun;
        }
        inner.waiting_since = (inner.waiting() > 0).then_some(now);
        let settled = inner.settled.len();
        drop(inner);
        self.settled.send_replace(settled);
    }

    /// A letter has come; the same as for a result.
    pub(crate) fn letter(&self, letter: SeenLetter, redelivered: bool) {
        let mut inner = self.inner();
        if inner.seen.insert(letter.id.clone()) || !redelivered {
            inner.letters.push(letter);
        }
    }

    /// How many messages have been sent and not settled.
    pub(crate) fn waiting(&self) -> usize {
        self.inner().waiting()
    }

    /// How many messages wait now, which the report tells of.
    pub(crate) fn piles_up(&self) -> usize {
        let mut inner = self.inner();
        let waiting = inner.waiting();
        inner.piled_up = inner.piled_up.max(waiting);
        waiting
    }

    /// How many messages are settled.
    pub(crate) fn settled(&self) -> usize {
        *self.settled.borrow()
    }

    /// How many results tell of an update.
    pub(crate) fn updates(&self) -> usize {
        self.inner().results.iter().filter(|result| result.kind == "order-updated").count()
    }

    /// Whether this message is settled.
    pub(crate) fn is_settled(&self, id: &str) -> bool {
        self.inner().settled.contains(id)
    }

    /// Waits until fewer than so many messages wait; whether that came, with never so long a time between settlements.
    pub(crate) async fn waiting_below(&self, bound: usize, stall: Duration) -> bool {
        let mut settled = self.settled.subscribe();
        while self.waiting() >= bound {
            if timeout(stall, settled.changed()).await.is_err() {
                return false;
            }
        }
        true
    }

    /// Up to ten messages that are not settled, for who has to find out why.
    pub(crate) fn unsettled(&self) -> Vec<String> {
        let inner = self.inner();
        inner.sent.iter().map(|sent| sent.id.clone()).filter(|id| !inner.settled.contains(id)).take(10).collect()
    }

    pub(crate) fn figures(&self) -> Figures {
        let inner = self.inner();
        Figures {
            sent: inner.sent.len(),
            results: inner.results.len(),
            letters: inner.letters.len(),
            unknown_confirms: inner.unknown_confirms,
            longest_stall: inner.longest_stall,
            stall_ended: inner.stall_ended,
            piled_up: inner.piled_up,
        }
    }

    /// The history so far, without queues and ledger.
    pub(crate) fn history(&self) -> History {
        let inner = self.inner();
        History {
            sent: inner.sent.clone(),
            results: inner.results.clone(),
            letters: inner.letters.clone(),
            ..History::default()
        }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nothing panics while it holds the lock")
    }
}

impl Inner {
    /// Results of messages that nobody sent are the checker's business.
    fn waiting(&self) -> usize {
        self.sent.len().saturating_sub(self.settled.len())
    }
}
