//! The right to change an order, which one message has at a time, in whichever worker.
//!
//! Not here: who needs it (`worker`), how other workers come to know (`broker`).

use tokio::sync::oneshot;
use tokio::time::Instant;

/// What the worker asks of the broker room about the right to change an order. An answer that is dropped says that
/// nobody can tell now.
#[derive(Debug)]
pub enum ClaimRequest {
    /// To have it from now on, until it is released.
    Take {
        /// Name of the order.
        order: String,
        /// Whether it is ours.
        answer: oneshot::Sender<Claimed>,
    },
    /// To know that nobody else has had it since it was taken.
    Hold {
        /// Name of the order.
        order: String,
        /// Whether it is ours.
        answer: oneshot::Sender<Claimed>,
    },
    /// To let others have it.
    Release {
        /// Name of the order.
        order: String,
        /// When, since what was done must show in their reads; without it, when the longest call has certainly ended.
        at: Option<Instant>,
    },
}

/// Whose the right to change an order is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Claimed {
    /// Ours.
    Ours {
        /// A call that begins until then ends, and shows in reads, before anybody else can have the right.
        calls_until: Instant,
    },
    /// Another message's, or nobody's any more.
    NotOurs,
}
