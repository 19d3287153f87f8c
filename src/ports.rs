//! What the rooms hand each other: plain data, and the one trait.
//!
//! Not here: behaviour, other than the names of things.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::domain::outcome::ResultEvent;
use crate::domain::stored::StoredOrder;

// ---------------------------------------------------------------------------------------------
// The API
// ---------------------------------------------------------------------------------------------

/// Buy with Prime's Order interface, as narrow as its use: one call, one attempt.
///
/// An implementation reports facts. It neither retries nor judges; the one exception is a
/// token that was refused, which is renewed once.
pub trait OrderApi: Send + Sync + 'static {
    /// `createOrder`.
    fn create_order(&self, input: &CreateOrderInput) -> impl Future<Output = Result<StoredOrder, ApiError>> + Send;

    /// `updateOrder`. Where the API takes Buy with Prime's order id alone, an alias is looked up first.
    fn update_order(
        &self,
        order: &OrderIdentifier,
        input: &UpdateOrderInput,
    ) -> impl Future<Output = Result<StoredOrder, ApiError>> + Send;

    /// `order`; `None` where the answer is `order: null` without an error.
    fn order(&self, order: &OrderIdentifier) -> impl Future<Output = Result<Option<StoredOrder>, ApiError>> + Send;
}

/// An operation of the API.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Operation {
    /// The mutation `createOrder`.
    CreateOrder,
    /// The mutation `updateOrder`.
    UpdateOrder,
    /// The query `order`.
    Order,
}

impl Operation {
    /// The operation's name in the API's schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateOrder => "createOrder",
            Self::UpdateOrder => "updateOrder",
            Self::Order => "order",
        }
    }
}

/// What is known of a call that did not succeed. Facts only.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// The request was not sent: name not resolved, connection refused, TLS failed. Nothing happened.
    #[error("the request was not sent: {reason}")]
    NotSent {
        /// What went wrong, without any payload.
        reason: String,
    },
    /// The request was written, at least in part, and no whole answer came. It may have taken effect.
    #[error("no answer: {reason}")]
    NoAnswer {
        /// What went wrong, without any payload.
        reason: String,
    },
    /// An answer came, and it is not one of GraphQL's (not JSON, or neither `data` nor errors in it).
    /// It may stand for an effect when the status is 2xx or 5xx.
    #[error("HTTP {status} without a GraphQL answer")]
    Unreadable {
        /// HTTP status.
        status: u16,
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
    },
    /// The API answered with errors; the first one is what decides.
    #[error("{}{}", if *.status == 200 { String::new() } else { format!("HTTP {}: ", .status) },
        .errors.first().map_or("no error named", |e| e.message.as_str()))]
    Answered {
        /// HTTP status.
        status: u16,
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
        /// At least one.
        errors: Vec<ErrorFact>,
    },
    /// No token could be had, so nothing was sent.
    #[error("no token: {0}")]
    NoToken(TokenError),
    /// An update had to look its order up first, and the read failed. The update was not sent.
    #[error("the order was not looked up: {0}")]
    NotLookedUp(Box<ApiError>),
    /// An update had to look its order up first, and there is none of this name. The update was not sent.
    #[error("no order has this name")]
    OrderNotFound,
}

/// One error of an answer, whatever shape it came in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ErrorFact {
    /// `ValidationError`, `ConflictException`, … as written.
    pub error_type: Option<String>,
    /// `ItemOutOfStock`, … as written.
    pub code: Option<String>,
    /// The HTTP-like number in `classification.errorCode`.
    pub error_code: Option<u16>,
    /// The API's text, cut to 500 characters. May hold what the shopper entered.
    pub message: String,
    /// The server complains of the query document itself: our fault, not the order's.
    pub document: bool,
}

/// Why there is no token. Facts only.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The endpoint said that these credentials are not good (HTTP 400 or 401).
    #[error("refused with HTTP {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The endpoint's code, `InvalidClientId` for one; its type where there is no code.
        code: String,
    },
    /// HTTP 429 (the documentation says 12 requests a second for a client).
    #[error("throttled")]
    Throttled {
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
    },
    /// Not reachable, HTTP 5xx, or an answer that cannot be read.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What went wrong, without any secret.
        reason: String,
    },
}

// ---------------------------------------------------------------------------------------------
// In: from the broker
// ---------------------------------------------------------------------------------------------

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
    /// Attempts that count against the budget so far.
    pub attempts: u32,
    /// Trips through a retry queue so far, counted or not.
    pub delays: u32,
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

// ---------------------------------------------------------------------------------------------
// Out: what is to be done with a message
// ---------------------------------------------------------------------------------------------

/// How a message ends its stay in a process.
#[derive(Clone, Debug)]
pub enum Settlement {
    /// Publish the result, then acknowledge.
    Done(ResultEvent),
    /// Publish to a retry queue, then acknowledge.
    Later(Later),
    /// Publish the letter, then the `order-failed` result, then acknowledge.
    DeadLetter(Box<Letter>, ResultEvent),
    /// Publish to the queue of suspects, then acknowledge.
    Suspect,
}

/// Come back after a while.
#[derive(Clone, Debug)]
pub struct Later {
    /// Position in the list of retry queues, shortest delay first; past the end means the longest.
    pub queue: usize,
    /// What the next attempt needs to know.
    pub history: History,
    /// It waits for its order to be created, so it must not hold that create up.
    pub awaits_create: bool,
}

/// What a dead letter says about its message; the message itself travels unchanged beside it.
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
    /// What an operator can do.
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
    /// The message's own properties and headers are left out: they may be what cannot be published.
    pub bare: bool,
}

/// How many messages the broker room may take.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub enum Flow {
    /// As many as the prefetch allows.
    #[default]
    Full,
    /// One at a time: it finds out whether the API works again.
    One,
    /// None: all calls are paused.
    Nothing,
}

/// Why nothing is called, or one message at a time.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pause {
    /// Why, in one word.
    pub cause: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// When a message may try again; `None` once one may.
    pub next_probe: Option<Timestamp>,
}

/// What the broker room says of itself.
#[derive(Clone, Debug)]
pub struct BrokerState {
    /// Prefetch of the registered consumer; `None` when nothing is consumed.
    pub prefetch: Option<u16>,
    /// Nothing is consumed since all calls are paused: the broker is there.
    pub resting: bool,
    /// Why nothing is consumed, or taken although something is.
    pub cause: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When the broker will be tried next.
    pub next_try: Option<Timestamp>,
}

impl BrokerState {
    /// Nothing is consumed, for this reason.
    pub fn down(cause: impl Into<String>, since: Timestamp, next_try: Option<Timestamp>) -> Self {
        Self { prefetch: None, resting: false, cause: Some(cause.into()), since, next_try }
    }

    /// The broker is there, and so much is taken from it; `None` while all calls are paused.
    pub fn up(prefetch: Option<u16>, since: Timestamp) -> Self {
        Self { prefetch, resting: prefetch.is_none(), cause: None, since, next_try: None }
    }
}

/// Something is wrong that is not one message's fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// What, as a code.
    pub cause: String,
    /// Since when.
    pub since: Timestamp,
}

/// One thing that a preflight looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// What was looked at.
    pub subject: String,
    /// What came of it.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
    /// The promise that hangs on it.
    pub promise: &'static str,
}

/// What came of a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it must be.
    Holds,
    /// It is not.
    Fails,
    /// Nobody can say from here.
    Unknown,
}

impl Finding {
    /// It is as it must be.
    pub fn holds(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Holds, detail: detail.into(), promise }
    }

    /// Nobody can say from here.
    pub fn unknown(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Unknown, detail: detail.into(), promise }
    }

    /// It is not.
    pub fn fails(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Fails, detail: detail.into(), promise }
    }
}

/// A message in hand, and where its settlement is expected.
#[derive(Debug)]
pub struct Job {
    /// The message.
    pub inbound: Arc<Inbound>,
    /// Takes the settlement; dropped without one when the message is to be given back to the broker.
    pub settle: oneshot::Sender<Settling>,
}

/// A settlement on its way.
#[derive(Debug)]
pub struct Settling {
    /// What is to be done.
    pub settlement: Settlement,
    /// Told when all of it is done; dropped when it could not be, and the message comes again.
    pub carried_out: oneshot::Sender<()>,
}
