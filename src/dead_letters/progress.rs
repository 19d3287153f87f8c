//! How letters are to be replayed, how far that has come, and how it ended. PURE.
//!
//! Not here: replaying them.

use super::hold::Missing;

/// How letters are replayed.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Letters in a second.
    pub rate: f64,
    /// Whether to publish to the shop's exchange, so that other queues get the message again, too.
    pub via_exchange: bool,
    /// Whether to wait for outcomes. Those of messages that go through the exchange cannot be told from others.
    pub await_outcomes: bool,
    /// The most failures that do not end the run.
    pub max_failures: Option<usize>,
    /// Whether a first letter that fails ends the run, however many failures are allowed.
    pub first_decides: bool,
}

/// Progress of a run.
#[derive(Debug, Default)]
pub struct Progress {
    /// Letters that were published and removed from the queue.
    pub replayed: usize,
    /// Letters that were only removed: an earlier run has published them, or they lay in the queue twice.
    pub repeated: usize,
    /// Letters that an earlier run of the same plan has replayed.
    pub earlier: usize,
    /// Letters whose message the worker has done.
    pub succeeded: usize,
    /// Letters that an earlier run of the same plan has replayed, and that are letters again.
    pub came_back: usize,
    /// Order and code of those that failed again, or came back; they are letters.
    pub failed: Vec<(Option<String>, String)>,
    /// Letters that could not be replayed.
    pub missing: Missing,
}

/// How a run ended that met no error.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum End {
    /// All letters are replayed.
    Done,
    /// The operator stopped it.
    Stopped,
    /// The first letter failed again.
    FirstFailed,
    /// The first letter had no outcome in time.
    FirstUnknown,
    /// More failures than allowed.
    TooManyFailures,
}
