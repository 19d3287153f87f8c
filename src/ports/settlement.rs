//! The settlement of a message, and the way there.
//!
//! Not here: which end a message takes, how it is published.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use super::{History, Inbound, WaitReason};
use crate::domain::outcome::ResultEvent;

/// How a message ends its stay in a process.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// Publish the result, then acknowledge.
    Done(ResultEvent),
    /// Publish to a retry queue, then acknowledge.
    Later(Later),
    /// Publish the letter, then the `order-failed` result, then acknowledge.
    DeadLetter(Box<Letter>, ResultEvent),
}

/// Bytes of one text of ours in a header or a log line, error messages above all.
pub const MAX_TEXT_BYTES: usize = 1024;

/// Come back after a while.
#[derive(Clone, Debug)]
pub struct Later {
    /// Position in the list of retry queues, shortest delay first; past the end means the longest.
    pub queue: usize,
    /// History for the next attempt.
    pub history: History,
    /// Why it does not go on now.
    pub reason: WaitReason,
    /// It waits for its order to be created, so it must not hold that create up.
    pub awaits_create: bool,
    /// It may be held in the process instead, while that fits: the delay is its own, not that of an operation.
    pub may_be_held: bool,
}

/// Contents of a dead letter beside its message, which travels unchanged.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Letter {
    /// UUID v5 of source, message id and replays: the same failure writes the same id.
    pub id: Uuid,
    /// The operation that failed, or the kind's operation where no call was made; `none` for what cannot be read.
    pub operation: String,
    /// `ValidationError`, `LocalValidation`, `BwpSync`, …
    pub error_type: String,
    /// `ItemOutOfStock`, `InvalidMessage`, …
    pub code: String,
    /// Class of the error, as in the catalogue.
    pub class: String,
    /// Why, without personal data.
    pub message: String,
    /// Advice to the operator.
    pub suggested_action: String,
    /// The shop's order id, or Buy with Prime's, where known.
    pub order: Option<String>,
    /// Attempts that were counted, this one included.
    pub attempts: u32,
    /// When the first attempt failed.
    pub first_failed_at: Timestamp,
    /// Now.
    pub dead_lettered_at: Timestamp,
    /// How often the message had been replayed.
    pub replays: u32,
    /// Name of the mapping that is for the message; its body is foreign then.
    pub mapping: Option<String>,
    /// The message's own properties and headers are left out: they may be what cannot be published.
    pub bare: bool,
}

/// A message in flight, and where its settlement is expected.
#[derive(Debug)]
pub struct Job {
    /// The message.
    pub inbound: Arc<Inbound>,
    /// Takes the settlement; dropped without one when the message is to be given back to the broker.
    pub settle: oneshot::Sender<Settling>,
    /// Of a suspect: is told when a handling begins and when it has ended, whatever its end.
    pub handlings: Option<mpsc::Sender<Handling>>,
}

/// A handling of a suspect. By its answer it is recorded durably. An answer that is dropped says that the session is
/// lost.
#[derive(Debug)]
pub enum Handling {
    /// It is about to begin: how many earlier ones ended with their process.
    Begins(oneshot::Sender<u32>),
    /// It has ended.
    Ended(oneshot::Sender<()>),
}

/// A settlement on its way.
#[derive(Debug)]
pub struct Settling {
    /// The settlement.
    pub settlement: Arc<Settlement>,
    /// Told when all of it is done; dropped when it could not be, and the message comes again.
    pub carried_out: oneshot::Sender<()>,
    /// Span of the message in its trace, which ends with the settlement.
    pub trace: tracing::Span,
}
