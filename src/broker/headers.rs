//! Headers of AMQP messages: the names of our own, texts in them as they are written and read, and names as AMQP takes
//! them.
//!
//! Not here: which headers a message gets; see `copies`.

use jiff::Timestamp;
use lapin::types::{AMQPValue, ShortString};

use crate::ports::MAX_TEXT_BYTES;

/// Names of our own headers. None starts with `x-`: those are the broker's.
pub mod own {
    /// UUID of a dead letter; stands in the letter and in its `order-failed` result.
    pub const LETTER_ID: &str = "bwp-letter-id";
    /// The operation that failed.
    pub const OPERATION: &str = "bwp-operation";
    /// Type of the error.
    pub const ERROR_TYPE: &str = "bwp-error-type";
    /// Code of the error.
    pub const ERROR_CODE: &str = "bwp-error-code";
    /// Class of the error.
    pub const ERROR_CLASS: &str = "bwp-error-class";
    /// Why the attempt failed, without personal data.
    pub const ERROR_MESSAGE: &str = "bwp-error-message";
    /// The action that an operator can take.
    pub const SUGGESTED_ACTION: &str = "bwp-suggested-action";
    /// The order that the message is about.
    pub const ORDER: &str = "bwp-order";
    /// Attempts that were counted.
    pub const ATTEMPTS: &str = "bwp-attempts";
    /// Attempts that were denied, on hops alone.
    pub const DENIED: &str = "bwp-attempts-denied";
    /// Attempts that ended with a panic, on hops alone.
    pub const PANICS: &str = "bwp-attempts-panicked";
    /// Trips through a retry queue.
    pub const DELAYS: &str = "bwp-delays";
    /// Present when an earlier attempt may have taken effect.
    pub const OUTCOME_UNKNOWN: &str = "bwp-outcome-unknown";
    /// When the first attempt failed.
    pub const FIRST_FAILED_AT: &str = "bwp-first-failed-at";
    /// When the last attempt failed.
    pub const LAST_FAILED_AT: &str = "bwp-last-failed-at";
    /// For how long the message has waited for its order to be created, in milliseconds.
    pub const AWAITED: &str = "bwp-awaited-ms";
    /// Delay of the retry queue that the message comes from, in milliseconds.
    pub const DELAY: &str = "bwp-delay-ms";
    /// When the message was given to a worker first, on hops alone.
    pub const FIRST_TAKEN_AT: &str = "bwp-first-taken-at";
    /// Why the message waits, on hops alone.
    pub const WAITS_FOR: &str = "bwp-waits-for";
    /// Why the last attempt failed, as `type/code`.
    pub const LAST_ERROR: &str = "bwp-last-error";
    /// When the letter was written.
    pub const DEAD_LETTERED_AT: &str = "bwp-dead-lettered-at";
    /// The queue that the message was taken from.
    pub const SOURCE_QUEUE: &str = "bwp-source-queue";
    /// The exchange that the shop published to.
    pub const SOURCE_EXCHANGE: &str = "bwp-source-exchange";
    /// The routing key that the shop published with.
    pub const SOURCE_ROUTING_KEY: &str = "bwp-source-routing-key";
    /// Name of the mapping that is for the message.
    pub const MAPPING: &str = "bwp-mapping";
    /// The mapping whose message an operator edited: the body is that message, and no mapping is for it.
    pub const EDITED: &str = "bwp-edited";
    /// Version of the worker that wrote the letter.
    pub const WORKER_VERSION: &str = "bwp-worker-version";
    /// How often the message was replayed.
    pub const REPLAYS: &str = "bwp-replays";
    /// The run of the replay tool.
    pub const REPLAY_ID: &str = "bwp-replay-id";
    /// The letter that a replayed message was taken from, on messages, hops and results.
    pub const REPLAYED_LETTER: &str = "bwp-replayed-letter";
    /// The queue to which the replay tool wants outcomes of its run, on messages and hops alone.
    pub const REPLAY_TO: &str = "bwp-replay-to";
    /// Names of headers that were too large to keep.
    pub const HEADERS_CUT: &str = "bwp-headers-cut";
    /// Number of the publication on its channel, by which a returned message finds it.
    pub const PUBLICATION: &str = "bwp-publication";
    /// Prefix of the names under which properties are kept that must not be copied.
    pub const ORIGINAL: &str = "bwp-original-";
    /// Prefix of all our names.
    pub const PREFIX: &str = "bwp-";
}

/// A name as AMQP takes it: at most 255 bytes, cut at a character's border.
///
/// lapin panics on longer ones, and error codes of an API are not ours to bound.
pub(super) fn short(name: &str) -> ShortString {
    ShortString::from(&name[..name.floor_char_boundary(255)])
}

/// A text of ours, cut so that no error message can make a header frame too large.
pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value[..value.floor_char_boundary(MAX_TEXT_BYTES)].into())
}

/// A header's value, if it is text, a number, a truth value or a time. A time is written by RFC 3339, as CloudEvents
/// demands. Bytes in UTF-8 are a text, since some clients write texts as bytes.
pub(super) fn read_text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(Into::into),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortShortUInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortUInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongUInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        AMQPValue::Timestamp(seconds) => Some(time(*seconds).unwrap_or_else(|| seconds.to_string())),
        AMQPValue::ByteArray(bytes) => std::str::from_utf8(bytes.as_slice()).ok().map(Into::into),
        AMQPValue::Float(value) => Some(value.to_string()),
        AMQPValue::Double(value) => Some(value.to_string()),
        AMQPValue::DecimalValue(_) | AMQPValue::FieldArray(_) | AMQPValue::FieldTable(_) | AMQPValue::Void => None,
    }
}

fn time(seconds: u64) -> Option<String> {
    let time = Timestamp::from_second(seconds.try_into().ok()?).ok()?;
    Some(time.to_string())
}
