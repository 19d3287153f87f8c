//! A message as it was delivered, and what is carried from one attempt to the next.
//!
//! Not here: what the message means.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// A message as it was delivered.
#[derive(Clone, Default)]
pub struct Inbound {
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// AMQP property `content_type`.
    pub content_type: Option<String>,
    /// AMQP property `message_id`.
    pub message_id: Option<String>,
    /// AMQP property `type`.
    pub message_type: Option<String>,
    /// AMQP property `timestamp`, seconds since 1970.
    pub timestamp: Option<u64>,
    /// Headers that are text or numbers, as text; others are not needed to understand a message.
    pub headers: BTreeMap<String, String>,
    /// Where the shop published it, also after a hop through one of our own queues.
    pub exchange: String,
    /// Routing key of the shop's publication, also after a hop.
    pub routing_key: String,
    /// The queue that it was consumed from.
    pub queue: String,
    /// It came through one of our own queues, or from the replay tool; its `bwp-` headers are ours.
    pub hopped: bool,
    /// Whether the queue is the one for messages that may be killing the process.
    pub suspect: bool,
    /// The broker says that it was delivered before; an earlier call may have taken effect.
    pub redelivered: bool,
    /// Deliveries that ended without a settlement while this process did not survive, as far as known.
    pub crashes: u64,
    /// How often the broker would not take what was published for it, for what is in it, since this process saw it first.
    pub blames: u64,
    /// When it was delivered to this process.
    pub taken_at: Option<Instant>,
    /// Cancelled when the session that delivered it is lost: it comes again, to this worker or another, so nothing more
    /// is begun for it.
    pub lost: CancellationToken,
    /// When the session that delivered it began; nothing where other workers may take messages from the queue, too.
    pub alone_since: Option<Instant>,
    /// What earlier attempts left in our own headers; believed only on deliveries through the default exchange.
    pub history: History,
}

/// Without body and headers: they hold what is somebody's own.
impl std::fmt::Debug for Inbound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Inbound");
        shown.field("queue", &self.queue).field("bytes", &self.body.len()).field("history", &self.history);
        shown.finish_non_exhaustive()
    }
}

/// What is carried from one attempt to the next.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct History {
    /// Attempts that were counted so far, against any budget.
    pub attempts: u32,
    /// Those among them that were denied, or failed with a code that no document lists.
    pub denied: u32,
    /// Those among them that ended with a panic.
    pub panics: u32,
    /// Trips through a retry queue so far, counted or not.
    pub delays: u32,
    /// When it was given to a worker first. Of what was given out and lost without this worker's seeing it, when its session
    /// began: before all that it was given first in that session.
    pub first_taken_at: Option<Timestamp>,
    /// When the first attempt failed.
    pub first_failed_at: Option<Timestamp>,
    /// When the last attempt failed.
    pub last_failed_at: Option<Timestamp>,
    /// Why, as `type/code`.
    pub last_error: Option<String>,
    /// Since when it waits for its order to be created.
    pub awaiting_since: Option<Timestamp>,
    /// An earlier attempt may have taken effect without our knowing.
    pub outcome_unknown: bool,
    /// How often the message was replayed from the dead letters.
    pub replays: u32,
    /// The run of the replay tool that sent it.
    pub replay_id: Option<String>,
}
