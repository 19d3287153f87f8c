//! A message as it was delivered, and what is carried from one attempt to the next.
//!
//! Not here: what the message means.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::domain::envelope::mapped::Mapped;

/// A message as it was delivered.
#[derive(Clone, Default)]
pub struct Inbound {
    /// The body, byte for byte.
    pub body: Vec<u8>,
    /// AMQP property `content_type`.
    pub content_type: Option<String>,
    /// AMQP property `content_encoding`.
    pub content_encoding: Option<String>,
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
    /// The broker says that it was delivered before; an earlier call may have taken effect.
    pub redelivered: bool,
    /// It is handled while nothing else is: so many of its deliveries ended without a settlement that it may be what
    /// ends processes.
    pub suspect: bool,
    /// Handlings of it, alone, that began and ended with their process.
    pub unended: u32,
    /// How often the broker refused a publication for it because of its content, since this process had it first.
    pub blames: u64,
    /// When it was delivered to this process.
    pub taken_at: Option<Instant>,
    /// By when its last attempt had ended for certain; none where it had none. By this process' clock and the delay of the
    /// retry queue alone: clocks of two machines may differ.
    pub failed_by: Option<Instant>,
    /// The mapping whose message an operator edited: the body is that message, and no mapping is for it.
    pub edited: Option<String>,
    /// The session that delivered it.
    pub session: Session,
    /// The answer of a mapping, if one is for the message.
    pub mapped: Option<Arc<Mapped>>,
    /// Traces of earlier attempts in our own headers; believed only on deliveries through the default exchange.
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

/// The session with the broker that delivered a message, as far as a worker must know it.
#[derive(Clone, Debug, Default)]
pub struct Session {
    /// Counts the sessions of this process.
    pub number: u64,
    /// Cancelled when the session is lost: its messages come again, to this worker or another, so nothing more is begun
    /// for them.
    pub lost: CancellationToken,
    /// When this worker took over from another: its first delivery in this session had been delivered before.
    pub took_over_at: Option<Instant>,
    /// Until when a call that changes an order may begin; moved on while the broker answers. None where nobody can take
    /// over.
    pub calls_until: Option<watch::Receiver<Instant>>,
}

/// Facts that are carried from one attempt to the next.
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
    /// When it was first delivered to a worker, as far as is known.
    pub first_taken_at: Option<Timestamp>,
    /// When the first attempt failed.
    pub first_failed_at: Option<Timestamp>,
    /// When the last attempt failed.
    pub last_failed_at: Option<Timestamp>,
    /// Why, as `type/code`.
    pub last_error: Option<String>,
    /// For how long it has waited in retry queues for its order to be created; none where it has not.
    pub awaited: Option<Duration>,
    /// An earlier attempt may have taken effect without our knowing.
    pub outcome_unknown: bool,
    /// How often the message was replayed from the dead letters.
    pub replays: u32,
    /// The run of the replay tool that sent it.
    pub replay_id: Option<Box<str>>,
    /// The letter that it was in.
    pub replayed_letter: Option<Box<str>>,
    /// The queue in which that run wants outcomes.
    pub replay_to: Option<Box<str>>,
}
