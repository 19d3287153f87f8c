//! The words of a migration: its steps, and why it has not ended.
//!
//! Not here: the steps themselves.

use std::fmt;

use super::transfer::TransferError;
use crate::broker::connection::OpenError;
use crate::broker::letters::letter_box::LetterBoxError;
use crate::broker::preflight::management::ManagementError;
use crate::broker::topology::TopologyError;

/// Why the migration has not ended. Nothing is lost, except where messages are said to be.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// No connection, or another migration or replay is under way.
    #[error(transparent)]
    LetterBox(#[from] LetterBoxError),
    /// No second connection.
    #[error("cannot reach the broker: {0}")]
    Open(#[from] OpenError),
    /// A worker runs.
    #[error(
        "`{0}` is being consumed\nhint: stop every worker first; one that was killed counts until the broker notices"
    )]
    Consumed(String),
    /// The work queue has a binding that would be lost.
    #[error(
        "`{queue}` is bound to `{exchange}` with key `{routing_key}`, too, and the new one would not be\nhint: add the key \
         to `broker.bindings`, or remove the binding and make it again afterwards"
    )]
    Bound {
        /// The work queue.
        queue: String,
        /// The exchange.
        exchange: String,
        /// The routing key.
        routing_key: String,
    },
    /// The bindings cannot be looked at.
    #[error("the management API does not show the bindings: {0}")]
    Management(#[from] ManagementError),
    /// A look or a declaration was refused.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// Messages could not be moved.
    #[error(transparent)]
    Transfer(#[from] TransferError),
    /// Another request was refused.
    #[error("the broker refused: {0}")]
    Refused(#[from] lapin::Error),
    /// An unknown publisher sends to an old queue.
    #[error("{messages} messages came to `{queue}` when it was empty and about to be deleted, and are gone with it")]
    Deleted {
        /// The queue.
        queue: String,
        /// How many.
        messages: u32,
    },
}

/// A step, for showing.
#[derive(Debug)]
pub enum Step<'a> {
    /// Messages are being moved.
    Moving(&'a str, &'a str, usize),
    /// A number of messages was moved from one queue to another.
    Moved(&'a str, &'a str, usize),
    /// The queue is as this version declares it.
    Declared(&'a str),
    /// An old queue is gone.
    Deleted(&'a str),
}

impl fmt::Display for Step<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Moving(from, to, messages) => write!(f, "moving messages from {from} to {to}: {messages}"),
            Self::Moved(from, to, messages) => write!(f, "moved {messages} messages from {from} to {to}"),
            Self::Declared(queue) => write!(f, "declared {queue}"),
            Self::Deleted(queue) => write!(f, "deleted {queue}"),
        }
    }
}
