//! A dead letter as it lies in its queue, and its summary for tools.
//!
//! Not here: getting at it; which letters are wanted.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::options::BasicAckOptions;
use lapin::types::AMQPValue;
use serde::Serialize;
use uuid::Uuid;

use super::body_hash::BodyHash;
use super::death::{self, Death};
use crate::broker::connection::acknowledge;
use crate::broker::headers::{own, read_text};
use crate::domain::command::order_key;
use crate::domain::envelope::mapped::Mapped;
use crate::domain::envelope::{Envelope, RawMessage, Refused, open};
use crate::domain::outcome::body_id;
use crate::domain::packing::{unpacked, without_mark};
use crate::ports::Operation;

/// Bytes of the largest body that a tool unpacks.
const MAX_UNPACKED_BYTES: usize = 64 * 1024 * 1024;

/// A dead letter that is held: no other reader gets it until it is removed or its pass is over.
pub struct StoredLetter {
    /// The summary for tools.
    pub summary: Summary,
    pub(super) delivery: Delivery,
}

/// Shows neither body nor headers: they hold personal data.
impl fmt::Debug for StoredLetter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoredLetter").field("summary", &self.summary).finish_non_exhaustive()
    }
}

/// A letter without its body and the shop's headers: small, since there may be many.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// The letter's id; one made from the body for a letter that no worker wrote.
    pub id: Uuid,
    /// The queue that it lies in.
    pub place: Place,
    /// The operation that failed, `none` where it is unknown.
    pub operation: Arc<str>,
    /// Type of the error: `ValidationError`, `BwpSync`, …
    pub error_type: Arc<str>,
    /// Code of the error: `ItemOutOfStock`, …
    pub code: Arc<str>,
    /// Class of the error, as in the catalogue.
    pub class: Arc<str>,
    /// The action that an operator can take.
    pub action: Arc<str>,
    /// The mapping that was for the message.
    pub mapping: Option<Arc<str>>,
    /// Why the message failed, without personal data.
    pub message: Box<str>,
    /// The shop's order id, or Buy with Prime's, where known.
    pub order: Option<Box<str>>,
    /// Attempts that were counted.
    pub attempts: u32,
    /// How often the message had been replayed.
    pub replays: u32,
    /// The run of the replay tool that sent it last.
    pub replay_id: Option<Box<str>>,
    /// When the letter was written.
    pub dead_lettered_at: Option<Timestamp>,
    /// Bytes of the body.
    pub bytes: usize,
    /// SHA-256 of the body.
    pub body_hash: BodyHash,
}

/// Which of the two queues a letter lies in.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// The queue of dead letters.
    DeadLetters,
    /// The queue that takes over what the queue of dead letters loses.
    Parked,
}

impl StoredLetter {
    pub(super) fn of(delivery: Delivery, place: Place, words: &mut Words) -> Self {
        let summary = summary(&delivery, place, words);
        Self { summary, delivery }
    }

    /// The body, byte for byte.
    pub fn body(&self) -> &[u8] {
        &self.delivery.data
    }

    /// The body as a text is written: unpacked where it can be, without a byte order mark.
    pub fn text(&self) -> Cow<'_, [u8]> {
        let encoding = self.delivery.properties.content_encoding().as_ref().map(|text| text.as_str());
        match unpacked(self.body(), encoding, &headers(&self.delivery), MAX_UNPACKED_BYTES) {
            Ok(Cow::Owned(text)) => Cow::Owned(without_mark(&text).to_vec()),
            Ok(Cow::Borrowed(_)) | Err(_) => Cow::Borrowed(without_mark(self.body())),
        }
    }

    /// The mapping that was for the message: its body is foreign.
    pub fn mapping(&self) -> Option<String> {
        self.header(own::MAPPING)
    }

    /// The mapping whose message an operator edited: the body is that message.
    pub fn edited(&self) -> Option<String> {
        self.header(own::EDITED)
    }

    /// AMQP property `type`.
    pub fn message_type(&self) -> Option<String> {
        self.delivery.properties.kind().as_ref().map(ToString::to_string)
    }

    /// Headers that can be written as a text, as a worker sees them.
    pub fn texts(&self) -> BTreeMap<String, String> {
        headers(&self.delivery)
    }

    /// The message that a mapping made of the letter's body, as a worker opens it.
    ///
    /// # Errors
    /// The mapping failed, or its message has no valid envelope.
    #[expect(clippy::result_large_err, reason = "made once for a letter")]
    pub fn opened_as(&self, mapped: &Mapped) -> Result<Envelope, Refused> {
        with_raw(&self.delivery, self.body(), |raw| mapped.open(raw))
    }

    /// The letter's message with this body, as a worker opens it.
    ///
    /// # Errors
    /// The envelope is not valid.
    #[expect(clippy::result_large_err, reason = "made once for a letter")]
    pub fn opened(&self, body: &[u8]) -> Result<Envelope, Refused> {
        opened(&self.delivery, body)
    }

    /// All headers by name, as people read them, without the number of the publication.
    pub fn headers(&self) -> Vec<(String, String)> {
        let headers = self.delivery.properties.headers().iter().flat_map(|table| table.inner());
        let headers = headers.filter(|(name, _)| name.as_str() != own::PUBLICATION);
        headers.map(|(name, value)| (name.to_string(), shown(value))).collect()
    }

    /// The exchange and routing key that the shop published to, as far as the letter tells.
    pub fn source(&self) -> (Option<String>, String) {
        (self.header(own::SOURCE_EXCHANGE), source_key(&self.delivery))
    }

    /// When the first attempt failed, as the letter tells it.
    pub fn first_failed_at(&self) -> Option<String> {
        self.header(own::FIRST_FAILED_AT)
    }

    /// Version of the worker that wrote the letter.
    pub fn worker_version(&self) -> Option<String> {
        self.header(own::WORKER_VERSION)
    }

    /// Takes the letter out of its queue.
    ///
    /// # Errors
    /// The connection is gone: the letter is in its queue as before.
    pub async fn remove(&self) -> Result<(), RemoveError> {
        match acknowledge(&self.delivery.acker, BasicAckOptions::default()).await {
            Ok(true) => Ok(()),
            Ok(false) => Err(RemoveError::Stale),
            Err(error) => Err(RemoveError::Lost(error)),
        }
    }

    pub(super) fn header(&self, name: &str) -> Option<String> {
        header(&self.delivery, name)
    }
}

/// A letter that could not be removed from its queue.
#[derive(Debug, thiserror::Error)]
pub enum RemoveError {
    /// The channel by which it came is gone.
    #[error("cannot remove a letter from its queue: its channel is closed")]
    Stale,
    /// The connection is broken.
    #[error("cannot remove a letter from its queue: {0}")]
    Lost(lapin::Error),
}

/// Texts that many letters share, kept once.
#[derive(Debug, Default)]
pub(super) struct Words(HashSet<Arc<str>>);

impl Words {
    fn word(&mut self, text: &str) -> Arc<str> {
        if let Some(word) = self.0.get(text) {
            return Arc::clone(word);
        }
        let word: Arc<str> = text.into();
        self.0.insert(Arc::clone(&word));
        word
    }
}

fn summary(delivery: &Delivery, place: Place, words: &mut Words) -> Summary {
    let get = |name| header(delivery, name);
    let unwritten = if get(own::LETTER_ID).is_none() { Unwritten::of(delivery) } else { Unwritten::default() };
    let Unwritten { operation, order, death } = unwritten;
    let number = |name| get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let mapping = get(own::MAPPING).map(|name| words.word(&name));
    let mut word = |name, otherwise: &str| words.word(get(name).as_deref().unwrap_or(otherwise));
    Summary {
        id: get(own::LETTER_ID).and_then(|id| id.parse().ok()).unwrap_or_else(|| body_id(&delivery.data)),
        place,
        mapping,
        operation: word(own::OPERATION, operation.map_or("none", Operation::name)),
        error_type: word(own::ERROR_TYPE, death.as_ref().map_or("unknown", |_| death::ERROR_TYPE)),
        code: word(own::ERROR_CODE, death.as_ref().map_or("unknown", |death| &death.reason)),
        class: word(own::ERROR_CLASS, "unknown"),
        action: word(own::SUGGESTED_ACTION, death.as_ref().map_or(NOBODYS, Death::action)),
        message: get(own::ERROR_MESSAGE).or_else(|| Some(death.as_ref()?.message())).unwrap_or_default().into(),
        order: get(own::ORDER).or(order).map(Into::into),
        attempts: number(own::ATTEMPTS),
        replays: number(own::REPLAYS),
        replay_id: get(own::REPLAY_ID).map(Into::into),
        dead_lettered_at: get(own::DEAD_LETTERED_AT).and_then(|at| at.parse().ok()).or(death.and_then(|it| it.at)),
        bytes: delivery.data.len(),
        body_hash: BodyHash::of(&delivery.data),
    }
}

/// The action for a letter whose cause is unknown.
const NOBODYS: &str = "no worker wrote this letter: look at its headers and body";

/// Facts about a letter that no worker wrote, read from the message and the broker's header.
#[derive(Default)]
struct Unwritten {
    operation: Option<Operation>,
    order: Option<String>,
    death: Option<Death>,
}

impl Unwritten {
    fn of(delivery: &Delivery) -> Self {
        let (operation, order) = match opened(delivery, &delivery.data) {
            Ok(envelope) => (Some(envelope.kind.operation()), order_key(&envelope).or(envelope.subject)),
            Err(refused) => (None, refused.order),
        };
        Self { operation, order, death: Death::of(delivery.properties.headers().as_ref()) }
    }
}

#[expect(clippy::result_large_err, reason = "made once for a letter")]
fn opened(delivery: &Delivery, body: &[u8]) -> Result<Envelope, Refused> {
    with_raw(delivery, body, open)
}

/// The parts that a message is read from.
fn with_raw<T>(delivery: &Delivery, body: &[u8], read: impl FnOnce(&RawMessage<'_>) -> T) -> T {
    let text = |value: &'_ Option<lapin::types::ShortString>| value.as_ref().map(ToString::to_string);
    let properties = &delivery.properties;
    read(&RawMessage {
        body,
        content_type: text(properties.content_type()).as_deref(),
        content_encoding: text(properties.content_encoding()).as_deref(),
        message_id: text(properties.message_id()).as_deref(),
        message_type: text(properties.kind()).as_deref(),
        timestamp: *properties.timestamp(),
        routing_key: &source_key(delivery),
        headers: &headers(delivery),
        max_unpacked_bytes: MAX_UNPACKED_BYTES,
    })
}

/// The routing key of the message; a letter that the broker wrote itself keeps it.
fn source_key(delivery: &Delivery) -> String {
    header(delivery, own::SOURCE_ROUTING_KEY).unwrap_or_else(|| delivery.routing_key.to_string())
}

/// Headers that can be written as a text, as a worker sees them.
fn headers(delivery: &Delivery) -> BTreeMap<String, String> {
    let headers = delivery.properties.headers().iter().flat_map(|table| table.inner());
    headers.filter_map(|(name, value)| Some((name.to_string(), read_text(value)?))).collect()
}

/// A header's value as people read it.
fn shown(value: &AMQPValue) -> String {
    match value {
        AMQPValue::FieldArray(values) => {
            let values: Vec<_> = values.as_slice().iter().map(shown).collect();
            format!("[{}]", values.join(", "))
        }
        AMQPValue::FieldTable(table) => {
            let fields = table.inner().iter().map(|(name, value)| format!("{name}: {}", shown(value)));
            format!("{{ {} }}", fields.collect::<Vec<_>>().join(", "))
        }
        AMQPValue::DecimalValue(decimal) => format!("{}e-{}", decimal.value, decimal.scale),
        AMQPValue::LongString(bytes) => read_text(value).unwrap_or_else(|| format!("({} bytes)", bytes.len())),
        AMQPValue::ByteArray(bytes) => read_text(value).unwrap_or_else(|| format!("({} bytes)", bytes.len())),
        other => read_text(other).unwrap_or_else(|| "(nothing)".to_owned()),
    }
}

fn header(delivery: &Delivery, name: &str) -> Option<String> {
    delivery.properties.headers().as_ref().and_then(|table| table.inner().get(name)).and_then(read_text)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A letter with this summary, whatever its body is.
    pub(crate) fn stored(summary: Summary) -> StoredLetter {
        StoredLetter { summary, delivery: Delivery::mock(1, "bwp.dead".into(), "key".into(), false, Vec::new()) }
    }

    #[test]
    fn a_letter_of_an_expired_message_says_so_and_whose_it_is() {
        let body = br#"{"order":{"id":"SO-1"}}"#;
        let mut delivery = Delivery::mock(1, "bwp.dead".into(), "checkout-completed".into(), false, body.to_vec());
        let headers = death::tests::died("expired", Some("1000"));
        delivery.properties = lapin::BasicProperties::default().with_headers(headers);
        let letter = StoredLetter::of(delivery, Place::DeadLetters, &mut Words::default());
        let Summary { operation, error_type, code, message, order, dead_lettered_at, .. } = &letter.summary;
        assert_eq!((&**operation, order.as_deref()), ("createOrder", Some("SO-1")));
        assert_eq!((&**error_type, &**code, &**message), ("RabbitMQ", "expired", "expired in bwp.orders after 1 s"));
        assert_eq!(*dead_lettered_at, Some(Timestamp::from_second(1_795_359_845).unwrap()));
        let shown = "[{ count: 1, original-expiration: 1000, queue: bwp.orders, reason: expired, \
                     routing-keys: [checkout-completed], time: 2026-11-22T15:04:05Z }]";
        assert_eq!(letter.headers(), [("x-death".to_owned(), shown.to_owned())]);
    }

    #[test]
    fn a_letter_that_no_worker_wrote_has_an_id_all_the_same() {
        let delivery = Delivery::mock(1, "bwp.dead".into(), "shop.message".into(), false, b"{}".to_vec());
        let letter = StoredLetter::of(delivery, Place::Parked, &mut Words::default());
        assert_eq!(letter.summary.id, body_id(b"{}"));
        assert_eq!((&*letter.summary.code, &*letter.summary.operation), ("unknown", "none"));
        assert_eq!(letter.source(), (None, "shop.message".to_owned()));
    }
}
