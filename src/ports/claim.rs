//! The right to change an order, which one worker has at a time.
//!
//! Not here: who needs it (`worker`), how other workers come to know (`broker`).

use tokio::sync::oneshot;
use tokio::time::Instant;

/// What the worker asks of the broker room about the right to change an order. An answer that is dropped says that
/// nobody can tell now.
#[derive(Debug)]
pub enum ClaimRequest {
    /// To have it from now on. `false`: another worker has it.
    Take {
        /// Name of the order.
        order: String,
        /// Whether it is ours.
        answer: oneshot::Sender<bool>,
    },
    /// To know that it was ours all the time since it was taken, and is for as long as one call may take.
    Hold {
        /// Name of the order.
        order: String,
        /// Whether it was and is.
        answer: oneshot::Sender<bool>,
    },
    /// To let others have it.
    Release {
        /// Name of the order.
        order: String,
        /// When, since what was done must show in their reads; without it, when the longest call has certainly ended.
        at: Option<Instant>,
    },
}
