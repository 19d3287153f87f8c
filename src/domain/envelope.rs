//! The envelope of a message: CloudEvents 1.0 in structured, binary or no mode.
//!
//! Not here: what is in `data`.

mod event;
mod kind;
pub mod mapped;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

pub use self::kind::Kind;
use super::named_order::order_of;
use super::outcome;
use super::packing::{self, without_mark};
use super::privacy::Private;
use super::reading;
use super::rejection::{Rejection, RejectionCode};

/// Content type of a structured event.
pub const CONTENT_TYPE: &str = "application/cloudevents+json";
/// Source of a message that names none; CloudEvents forbids an empty one.
const BARE_SOURCE: &str = "/shop";
/// Prefixes of attribute names in headers. The first two are those of the AMQP binding. The third is that of the HTTP
/// binding, which Knative's broker uses with RabbitMQ too; the last replaces its hyphen.
const HEADER_PREFIXES: [&str; 4] = ["cloudevents:", "cloudevents_", "ce-", "ce_"];
/// Length to which a type is cut in error messages: that of an AMQP routing key.
const MAX_TYPE_CHARS: usize = 255;

/// The parts of a delivered message that its envelope is read from.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    /// Body, byte for byte.
    pub body: &'a [u8],
    /// AMQP property `content_type`.
    pub content_type: Option<&'a str>,
    /// AMQP property `content_encoding`.
    pub content_encoding: Option<&'a str>,
    /// AMQP property `message_id`.
    pub message_id: Option<&'a str>,
    /// AMQP property `type`.
    pub message_type: Option<&'a str>,
    /// AMQP property `timestamp`, in seconds since 1970.
    pub timestamp: Option<u64>,
    /// Routing key of the original publication.
    pub routing_key: &'a str,
    /// Headers with a text or a number as value, as text.
    pub headers: &'a BTreeMap<String, String>,
    /// Most bytes that a packed body may have after unpacking.
    pub max_unpacked_bytes: usize,
}

impl<'a> RawMessage<'a> {
    /// A structured CloudEvent as its body alone, without properties and headers.
    pub fn structured(body: &'a [u8]) -> Self {
        const NO_HEADERS: &BTreeMap<String, String> = &BTreeMap::new();
        Self {
            body,
            content_type: Some(CONTENT_TYPE),
            content_encoding: None,
            message_id: None,
            message_type: None,
            timestamp: None,
            routing_key: "",
            headers: NO_HEADERS,
            max_unpacked_bytes: 0,
        }
    }
}

/// A message with a valid envelope.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Id of the message, unique within its source.
    pub id: String,
    /// False for a bare message without `message_id`: its id was made here, and another message may have the same one.
    pub has_own_id: bool,
    /// CloudEvents attribute `source`.
    pub source: String,
    /// Kind of message.
    pub kind: Kind,
    /// CloudEvents attribute `subject`, usually the order id.
    pub subject: Option<String>,
    /// CloudEvents attribute `time`.
    pub time: Option<Timestamp>,
    /// CloudEvents extension `sequence`: position among the messages of the source.
    pub sequence: Option<String>,
    /// Payload, a JSON object that is not read yet.
    pub data: Box<RawValue>,
}

/// A message with an invalid envelope, and the attributes for its dead letter and its result.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Reason of the refusal.
    pub rejection: Rejection,
    /// Id of the message, else an id made from its body.
    pub id: String,
    /// CloudEvents attribute `source`.
    pub source: String,
    /// Order that the payload names, else the subject.
    pub order: Option<String>,
    /// Type as the message writes it, supported or not.
    pub type_name: Option<String>,
}

/// Opens the envelope of a message.
///
/// # Errors
/// Reason of the refusal, and every attribute that could be read nevertheless.
#[expect(clippy::result_large_err, reason = "made once for a message, and taken apart by the caller")]
pub fn open(raw: &RawMessage<'_>) -> Result<Envelope, Refused> {
    let unpacked = packing::unpacked(raw.body, raw.content_encoding, raw.headers, raw.max_unpacked_bytes);
    if let Some(envelope) = unpacked.as_deref().ok().filter(|_| is_structured(raw)).and_then(open_structured) {
        return Ok(envelope);
    }
    let body = unpacked.as_deref().map_err(Clone::clone).and_then(object);
    let order = || body.as_ref().ok().and_then(|body| order_of_body(body));
    let (attributes, data) = attributes_and_data(raw, body.clone());
    envelope(&attributes, data).map_err(|rejection| Refused {
        rejection,
        id: attributes.id.unwrap_or_else(|| id_outside(raw)),
        source: attributes.source.unwrap_or_else(|| BARE_SOURCE.to_owned()),
        order: order().or(attributes.subject),
        type_name: attributes.type_name,
    })
}

/// Opens an event that fills the body, in one go. Says nothing of one that is refused: why takes more looks.
fn open_structured(body: &[u8]) -> Option<Envelope> {
    let text = std::str::from_utf8(without_mark(body)).ok()?;
    // a list would be read as an object, by position
    if !text.trim_start().starts_with('{') {
        return None;
    }
    let mut event: Attributes = serde_json::from_str(text).ok()?;
    let data = event.data.take()?;
    envelope(&event, Ok(data)).ok()
}

/// Attributes of an event as found: each may be missing or wrong.
#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(default, deserialize_with = "reading::text")]
    specversion: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    id: Option<String>,
    /// Whether the id was made here.
    #[serde(skip)]
    id_is_made: bool,
    #[serde(default, deserialize_with = "reading::text")]
    source: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "reading::text")]
    type_name: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    subject: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    time: Option<String>,
    #[serde(default, deserialize_with = "sequence")]
    sequence: Option<String>,
    data: Option<Box<RawValue>>,
    data_base64: Option<Box<RawValue>>,
}

type Data = Result<Box<RawValue>, Rejection>;

/// Attributes and data, for every mode.
fn attributes_and_data(raw: &RawMessage<'_>, body: Result<&RawValue, Rejection>) -> (Attributes, Data) {
    let content_type = raw.content_type.map(essence).unwrap_or_default();
    if is_structured(raw) {
        return body.map_or_else(|rejection| (Attributes::default(), Err(rejection)), structured);
    }
    if content_type.starts_with("application/cloudevents") {
        let reason = "expected application/cloudevents+json, got another form of CloudEvents";
        return (Attributes::default(), Err(Rejection::invalid("content_type", reason)));
    }
    let headers = Attributes::from_map(|attribute| header(raw.headers, attribute));
    if headers.is_event() {
        return (headers, body.map(ToOwned::to_owned));
    }
    match body {
        // published by hand, without the content type: no payload has a field of this name
        Ok(body) if raw_field(body, "specversion").is_some() => structured(body),
        body => (bare(raw), body.map(ToOwned::to_owned)),
    }
}

/// Attributes and data of an event that fills the body.
fn structured(body: &RawValue) -> (Attributes, Data) {
    match reading::read::<Attributes>(body) {
        Ok(mut event) => {
            let missing = || match event.data_base64 {
                Some(_) => Rejection::invalid("data_base64", "not supported"),
                None => Rejection::invalid("data", "missing"),
            };
            let data = event.data.take().ok_or_else(missing);
            (event, data)
        }
        Err(rejection) => (Attributes::from_map(|name| field(body, name)), Err(rejection)),
    }
}

/// Attributes from the AMQP properties, for a body that is `data` alone.
fn bare(raw: &RawMessage<'_>) -> Attributes {
    let time = raw.timestamp.and_then(|seconds| Timestamp::from_second(seconds.try_into().ok()?).ok());
    Attributes {
        specversion: Some("1.0".to_owned()),
        id: Some(id_outside(raw)),
        id_is_made: present(raw.message_id).is_none(),
        source: Some(BARE_SOURCE.to_owned()),
        type_name: type_outside(raw).map(ToOwned::to_owned),
        time: time.map(|time| time.to_string()),
        ..Attributes::default()
    }
}

impl Attributes {
    fn from_map(get: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            specversion: get("specversion"),
            id: get("id"),
            id_is_made: false,
            source: get("source"),
            type_name: get("type"),
            subject: get("subject"),
            time: get("time"),
            sequence: get("sequence"),
            data: None,
            data_base64: None,
        }
    }

    /// Whether any required attribute is there.
    fn is_event(&self) -> bool {
        self.specversion.is_some() || self.id.is_some() || self.source.is_some() || self.type_name.is_some()
    }
}

/// The envelope, if every required attribute is there and valid.
fn envelope(attributes: &Attributes, data: Data) -> Result<Envelope, Rejection> {
    let data = data?;
    if !data.get().starts_with('{') {
        return Err(Rejection::invalid("data", "expected an object"));
    }
    let needed = |name: &str, value: &Option<String>| value.clone().ok_or_else(|| Rejection::invalid(name, "missing"));
    if needed("specversion", &attributes.specversion)? != "1.0" {
        return Err(Rejection::invalid("specversion", "expected 1.0"));
    }
    Ok(Envelope {
        id: needed("id", &attributes.id)?,
        has_own_id: !attributes.id_is_made,
        source: needed("source", &attributes.source)?,
        kind: kind(&needed("type", &attributes.type_name)?, &data)?,
        subject: attributes.subject.clone(),
        time: attributes.time.as_deref().map(time).transpose()?,
        sequence: attributes.sequence.clone(),
        data,
    })
}

fn kind(type_name: &str, data: &RawValue) -> Result<Kind, Rejection> {
    Kind::of(type_name).ok_or_else(|| Rejection {
        code: RejectionCode::UnsupportedMessage,
        message: format!("type: expected one of {}, got {}", Kind::names(), shown(type_name, data)),
    })
}

/// A type for an error message: a word of the shop. Private texts of the payload are masked in it.
fn shown(type_name: &str, data: &RawValue) -> String {
    let cut: String = Private::of(data).scrub(type_name).chars().take(MAX_TYPE_CHARS).collect();
    format!("{cut:?}")
}

fn time(text: &str) -> Result<Timestamp, Rejection> {
    text.parse().map_err(|_| Rejection::invalid("time", "expected an RFC 3339 time"))
}

/// The extension `sequence`. It is optional: an invalid value counts as absent and refuses no message.
fn sequence<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<Box<RawValue>>::deserialize(deserializer)?;
    Ok(value.as_deref().map(RawValue::get).and_then(sequence_of))
}

/// A text, or a whole number as text. Other numbers do not sort as texts.
fn sequence_of(json: &str) -> Option<String> {
    if json.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some(json.to_owned());
    }
    let text: String = serde_json::from_str(json).ok()?;
    present(Some(&text)).map(ToOwned::to_owned)
}

/// The body as a JSON object that is not read yet.
fn object(body: &[u8]) -> Result<&RawValue, Rejection> {
    let invalid = |reason: &str| Rejection::invalid("body", reason);
    let text = std::str::from_utf8(without_mark(body)).map_err(|_| invalid("not UTF-8"))?;
    if text.trim().is_empty() {
        return Err(invalid("empty"));
    }
    let value: &RawValue = serde_json::from_str(text).map_err(|error| {
        Rejection::invalid("body", format_args!("not JSON at line {} column {}", error.line(), error.column()))
    })?;
    if value.get().starts_with('{') { Ok(value) } else { Err(invalid("expected an object")) }
}

/// A field of an object, even if other fields are invalid.
fn raw_field<'b>(object: &'b RawValue, name: &str) -> Option<&'b RawValue> {
    let mut fields: BTreeMap<String, &RawValue> = serde_json::from_str(object.get()).ok()?;
    fields.remove(name)
}

/// A field of an object, if its value is a text.
fn field(object: &RawValue, name: &str) -> Option<String> {
    let text: String = serde_json::from_str(raw_field(object, name)?.get()).ok()?;
    present(Some(&text)).map(ToOwned::to_owned)
}

/// The order that a body names, at the top or below `data`.
fn order_of_body(body: &RawValue) -> Option<String> {
    raw_field(body, "data").and_then(order_of).or_else(|| order_of(body))
}

/// An attribute of an event in binary mode.
fn header(headers: &BTreeMap<String, String>, attribute: &str) -> Option<String> {
    let named = |prefix: &str, name: &str| name.to_ascii_lowercase().strip_prefix(prefix) == Some(attribute);
    let of_prefix = |prefix: &&str| headers.iter().find(|(name, _)| named(prefix, name));
    let (_, value) = HEADER_PREFIXES.iter().find_map(of_prefix)?;
    present(Some(value)).map(ToOwned::to_owned)
}

/// Whether the message says that an event fills its body.
fn is_structured(raw: &RawMessage<'_>) -> bool {
    raw.content_type.is_some_and(|content_type| essence(content_type) == "application/cloudevents+json")
}

/// A content type without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// Id of a message without one in its body: `message_id`, else an id made from type, timestamp and body.
pub fn id_outside(raw: &RawMessage<'_>) -> String {
    present(raw.message_id).map_or_else(
        || outcome::made_id(type_outside(raw).unwrap_or_default(), raw.timestamp, raw.body).to_string(),
        ToOwned::to_owned,
    )
}

/// Type of a message without one in its body.
fn type_outside<'a>(raw: &RawMessage<'a>) -> Option<&'a str> {
    present(raw.message_type).or_else(|| present(Some(raw.routing_key)))
}

/// A text, unless it is blank.
fn present(text: Option<&str>) -> Option<&str> {
    text.filter(|text| !text.trim().is_empty())
}

#[cfg(test)]
mod tests;
