//! The envelope of a message: CloudEvents 1.0 in structured, binary or no mode.
//!
//! Not here: what is in `data`.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::outcome;
use super::reading;
use super::rejection::{Rejection, RejectionCode};

/// Source of a message that does not say where it comes from; CloudEvents does not allow an empty one.
const BARE_SOURCE: &str = "/shop";
/// What the CloudEvents binding for AMQP puts before an attribute's name in a header, and the other form that is seen.
const HEADER_PREFIXES: [&str; 2] = ["cloudevents:", "cloudevents_"];

/// A message as it was delivered, as far as its envelope is concerned.
#[derive(Clone, Copy, Debug)]
pub struct RawMessage<'a> {
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// AMQP property `content_type`.
    pub content_type: Option<&'a str>,
    /// AMQP property `message_id`.
    pub message_id: Option<&'a str>,
    /// AMQP property `type`.
    pub message_type: Option<&'a str>,
    /// AMQP property `timestamp`, seconds since 1970.
    pub timestamp: Option<u64>,
    /// Routing key of the shop's publication.
    pub routing_key: &'a str,
    /// Headers that are text or numbers, as text.
    pub headers: &'a BTreeMap<String, String>,
}

/// A message whose envelope is in order.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// Id of the message, unique for its source.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// What it is about.
    pub kind: Kind,
    /// What the shop says it is about, usually the order id.
    pub subject: Option<String>,
    /// When it happened.
    pub time: Option<Timestamp>,
    /// The message itself, a JSON object, not looked into.
    pub data: Box<RawValue>,
}

/// What messages are about.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Kind {
    /// An order was placed.
    CheckoutCompleted,
    /// An order is to be sent out.
    FulfillmentTriggered,
    /// An order was changed.
    OrderAmended,
    /// A refund came or went on.
    RefundUpdated,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] =
        [Self::CheckoutCompleted, Self::FulfillmentTriggered, Self::OrderAmended, Self::RefundUpdated];

    /// The type as it is written; a dot may stand for the hyphen.
    pub fn name(self) -> &'static str {
        match self {
            Self::CheckoutCompleted => "checkout-completed",
            Self::FulfillmentTriggered => "fulfillment-triggered",
            Self::OrderAmended => "order-amended",
            Self::RefundUpdated => "refund-updated",
        }
    }

    /// The kind of a type, in either spelling.
    pub fn of(type_name: &str) -> Option<Self> {
        let hyphened = type_name.replace('.', "-");
        Self::ALL.into_iter().find(|kind| kind.name() == hyphened)
    }
}

/// A message whose envelope is not in order, with what is known of it anyway: its letter and its result need that.
#[derive(Clone, Debug)]
pub struct Refused {
    /// Why.
    pub rejection: Rejection,
    /// Id of the message, or the one that its body gives.
    pub id: String,
    /// Where it comes from.
    pub source: String,
    /// What the shop says it is about.
    pub subject: Option<String>,
    /// Its type as written, known or not.
    pub type_name: Option<String>,
}

/// Opens the envelope of a message.
///
/// # Errors
/// What is wrong with the envelope, and what could be read in spite of it.
#[expect(clippy::result_large_err, reason = "made once for a message, and taken apart by the caller")]
pub fn open(raw: &RawMessage<'_>) -> Result<Envelope, Refused> {
    let (attributes, data) = taken_apart(raw);
    envelope(&attributes, data).map_err(|rejection| Refused {
        rejection,
        id: attributes.id.unwrap_or_else(|| id_outside(raw)),
        source: attributes.source.unwrap_or_else(|| BARE_SOURCE.to_owned()),
        subject: attributes.subject,
        type_name: attributes.type_name,
    })
}

/// The attributes of an event as they were found: any may be missing or wrong.
#[derive(Debug, Default, Deserialize)]
struct Attributes {
    #[serde(default, deserialize_with = "reading::text")]
    specversion: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    source: Option<String>,
    #[serde(default, rename = "type", deserialize_with = "reading::text")]
    type_name: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    subject: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    time: Option<String>,
    data: Option<Box<RawValue>>,
}

type Data = Result<Box<RawValue>, Rejection>;

/// Attributes and data, whatever the mode.
fn taken_apart(raw: &RawMessage<'_>) -> (Attributes, Data) {
    let body = object(raw.body);
    let content_type = raw.content_type.map(essence).unwrap_or_default();
    if content_type == "application/cloudevents+json" {
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
        // published by hand, without the content type: no kind of message has a field of this name
        Ok(body) if field(body, "specversion").is_some() => structured(body),
        body => (bare(raw), body.map(ToOwned::to_owned)),
    }
}

/// A whole event in the body.
fn structured(body: &RawValue) -> (Attributes, Data) {
    match reading::read::<Attributes>(body) {
        Ok(mut event) => {
            let data = event.data.take().ok_or_else(|| Rejection::invalid("data", "missing"));
            (event, data)
        }
        Err(rejection) => (Attributes::from_map(|name| field(body, name)), Err(rejection)),
    }
}

/// What the AMQP properties say of a message that is `data` alone.
fn bare(raw: &RawMessage<'_>) -> Attributes {
    let time = raw.timestamp.and_then(|seconds| Timestamp::from_second(seconds.try_into().ok()?).ok());
    Attributes {
        specversion: Some("1.0".to_owned()),
        id: Some(id_outside(raw)),
        source: Some(BARE_SOURCE.to_owned()),
        type_name: present(raw.message_type).or_else(|| present(Some(raw.routing_key))),
        subject: None,
        time: time.map(|time| time.to_string()),
        data: None,
    }
}

impl Attributes {
    fn from_map(get: impl Fn(&str) -> Option<String>) -> Self {
        Self {
            specversion: get("specversion"),
            id: get("id"),
            source: get("source"),
            type_name: get("type"),
            subject: get("subject"),
            time: get("time"),
            data: None,
        }
    }

    /// Whether any of the required ones is there.
    fn is_event(&self) -> bool {
        self.specversion.is_some() || self.id.is_some() || self.source.is_some() || self.type_name.is_some()
    }
}

/// The envelope, if everything that it needs is there and right.
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
        source: needed("source", &attributes.source)?,
        kind: kind(&needed("type", &attributes.type_name)?)?,
        subject: attributes.subject.clone(),
        time: attributes.time.as_deref().map(time).transpose()?,
        data,
    })
}

fn kind(type_name: &str) -> Result<Kind, Rejection> {
    Kind::of(type_name).ok_or_else(|| Rejection {
        code: RejectionCode::UnsupportedMessage,
        message: format!(
            "type: expected one of {}, got {}",
            Kind::ALL.map(Kind::name).join(", "),
            reading::shown(type_name)
        ),
    })
}

fn time(text: &str) -> Result<Timestamp, Rejection> {
    text.parse().map_err(|_| Rejection::invalid("time", "expected an RFC 3339 time"))
}

/// The body as a JSON object that was not looked into.
fn object(body: &[u8]) -> Result<&RawValue, Rejection> {
    let invalid = |reason: &str| Rejection::invalid("body", reason);
    let text = std::str::from_utf8(body).map_err(|_| invalid("not UTF-8"))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    if text.trim().is_empty() {
        return Err(invalid("empty"));
    }
    let value: &RawValue = serde_json::from_str(text).map_err(|error| {
        Rejection::invalid("body", format_args!("not JSON at line {} column {}", error.line(), error.column()))
    })?;
    if value.get().starts_with('{') { Ok(value) } else { Err(invalid("expected an object")) }
}

/// A field of an object, if it is a text, whatever else is wrong with the object.
fn field(object: &RawValue, name: &str) -> Option<String> {
    let fields: BTreeMap<String, &RawValue> = serde_json::from_str(object.get()).ok()?;
    let text: String = serde_json::from_str(fields.get(name)?.get()).ok()?;
    present(Some(&text))
}

/// An attribute of an event in binary mode.
fn header(headers: &BTreeMap<String, String>, attribute: &str) -> Option<String> {
    let named = |name: &str| {
        let name = name.to_ascii_lowercase();
        HEADER_PREFIXES.iter().any(|prefix| name.strip_prefix(prefix) == Some(attribute))
    };
    present(headers.iter().find(|(name, _)| named(name)).map(|(_, value)| value.as_str()))
}

/// A content type without its parameters, in lower case.
fn essence(content_type: &str) -> String {
    content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

/// The id of a message that carries none inside.
fn id_outside(raw: &RawMessage<'_>) -> String {
    present(raw.message_id).unwrap_or_else(|| outcome::body_id(raw.body).to_string())
}

/// A text, unless it is blank.
fn present(text: Option<&str>) -> Option<String> {
    text.filter(|text| !text.trim().is_empty()).map(ToOwned::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/shops/acme","type":"checkout.completed",
        "subject":"SO-1","time":"2026-11-22T15:04:05Z","data":{"order":{}}}"#;

    fn message<'a>(body: &'a str, headers: &'a BTreeMap<String, String>) -> RawMessage<'a> {
        RawMessage {
            body: body.as_bytes(),
            content_type: None,
            message_id: None,
            message_type: None,
            timestamp: None,
            routing_key: "order.amended",
            headers,
        }
    }

    fn headers(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
        attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[track_caller]
    fn assert_is_the_event(raw: &RawMessage<'_>) {
        let envelope = open(raw).unwrap();
        assert_eq!((envelope.id.as_str(), envelope.source.as_str()), ("1", "/shops/acme"));
        assert_eq!((envelope.kind, envelope.subject.as_deref()), (Kind::CheckoutCompleted, Some("SO-1")));
        assert_eq!(envelope.time, Some("2026-11-22T15:04:05Z".parse().unwrap()));
        assert_eq!(envelope.data.get(), r#"{"order":{}}"#);
    }

    #[track_caller]
    fn refused(body: &str, code: RejectionCode, said: &str) -> Refused {
        let refused = open(&message(body, &BTreeMap::new())).unwrap_err();
        assert_eq!(refused.rejection, Rejection { code, message: said.to_owned() });
        refused
    }

    #[test]
    fn an_event_in_the_body_is_read_in_structured_mode() {
        let none = BTreeMap::new();
        for content_type in ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"] {
            assert_is_the_event(&RawMessage { content_type: Some(content_type), ..message(EVENT, &none) });
        }
    }

    #[test]
    fn an_event_in_the_body_is_recognised_without_its_content_type() {
        assert_is_the_event(&message(EVENT, &BTreeMap::new()));
        assert_is_the_event(&message(&format!("\u{feff}{EVENT}"), &BTreeMap::new()));
    }

    #[test]
    fn an_event_in_the_headers_is_read_in_binary_mode() {
        for prefix in ["cloudEvents:", "cloudEvents_"] {
            let name = |attribute: &str| format!("{prefix}{attribute}");
            let headers = headers(&[
                (&name("specversion"), "1.0"),
                (&name("id"), "1"),
                (&name("source"), "/shops/acme"),
                (&name("type"), "checkout-completed"),
                (&name("subject"), "SO-1"),
                (&name("time"), "2026-11-22T15:04:05Z"),
            ]);
            let raw = message(r#" {"order":{}} "#, &headers);
            assert_is_the_event(&RawMessage { content_type: Some("application/json"), ..raw });
        }
    }

    #[test]
    fn a_bare_message_is_described_by_its_properties() {
        let none = BTreeMap::new();
        let raw = RawMessage { timestamp: Some(1), ..message("{}", &none) };
        let envelope = open(&raw).unwrap();
        assert_eq!(envelope.id, outcome::body_id(b"{}").to_string());
        assert_eq!((envelope.source.as_str(), envelope.kind), ("/shop", Kind::OrderAmended));
        assert_eq!(envelope.time, Some(Timestamp::from_second(1).unwrap()));

        let raw = RawMessage { message_id: Some("m-1"), message_type: Some("refund-updated"), ..raw };
        let envelope = open(&raw).unwrap();
        assert_eq!((envelope.id.as_str(), envelope.kind), ("m-1", Kind::RefundUpdated));
    }

    #[test]
    fn a_body_that_is_no_message_is_refused_with_the_reason() {
        for (body, said) in [
            ("", "body: empty"),
            (" \n", "body: empty"),
            ("{\"order\":", "body: not JSON at line 1 column 9"),
            ("[]", "body: expected an object"),
        ] {
            let refused = refused(body, RejectionCode::InvalidMessage, said);
            assert_eq!(refused.id, outcome::body_id(body.as_bytes()).to_string());
            assert_eq!(refused.type_name.as_deref(), Some("order.amended"));
        }
    }

    #[test]
    fn an_attribute_that_is_missing_or_wrong_is_named_and_the_others_are_known() {
        for (was, is, said) in [
            (r#""specversion":"1.0""#, r#""specversion":"0.3""#, "specversion: expected 1.0"),
            (r#""id":"1","#, "", "id: missing"),
            (r#""id":"1""#, r#""id":1"#, "id: expected a string, got a number"),
            (r#""source":"/shops/acme","#, "", "source: missing"),
            (r#""type":"checkout.completed","#, "", "type: missing"),
            ("2026-11-22T", "22.11.2026 ", "time: expected an RFC 3339 time"),
            (r#"{"order":{}}"#, "null", "data: missing"),
            (r#"{"order":{}}"#, "[]", "data: expected an object"),
        ] {
            let refused = refused(&EVENT.replacen(was, is, 1), RejectionCode::InvalidMessage, said);
            assert_eq!(refused.subject.as_deref(), Some("SO-1"), "{said}");
        }
    }

    #[test]
    fn another_type_is_unsupported_and_known_by_name() {
        let said = "type: expected one of checkout-completed, fulfillment-triggered, order-amended, refund-updated, \
                    got \"cart.abandoned\"";
        let body = EVENT.replace("checkout.completed", "cart.abandoned");
        let refused = refused(&body, RejectionCode::UnsupportedMessage, said);
        assert_eq!(refused.type_name.as_deref(), Some("cart.abandoned"));
        assert_eq!((refused.id.as_str(), refused.source.as_str()), ("1", "/shops/acme"));
    }

    #[test]
    fn a_batch_of_events_is_refused() {
        let none = BTreeMap::new();
        let raw = RawMessage { content_type: Some("application/cloudevents-batch+json"), ..message("[]", &none) };
        assert_eq!(open(&raw).unwrap_err().rejection.code, RejectionCode::InvalidMessage);
    }
}
