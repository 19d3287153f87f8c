//! Copies of a dead letter: the message that goes back to the worker, and a line of an export.
//!
//! Not here: where they go.

use std::borrow::Cow;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, DecimalValue, FieldTable, ShortString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::letter::StoredLetter;
use crate::broker::copies::{copy, safe_name};
use crate::broker::headers::{own, short, text};
use crate::domain::envelope;
use crate::domain::packing::KOMBU_HEADER;

impl StoredLetter {
    /// Properties of the message that is replayed. Attempts begin anew, and headers about the failure stay behind. The
    /// shop's exchange and routing key go with it, since they can tell its kind. Outcomes are sent to the queue
    /// `replay_to`, if there is one.
    pub fn for_replay(&self, replay_id: Uuid, replay_to: Option<&str>) -> BasicProperties {
        let (exchange, key) = self.source();
        let mut headers = vec![
            (own::SOURCE_ROUTING_KEY, text(&key)),
            (own::REPLAYS, AMQPValue::LongUInt(self.summary.replays.saturating_add(1))),
            (own::REPLAY_ID, text(&replay_id.to_string())),
            (own::REPLAYED_LETTER, text(&self.summary.id.to_string())),
        ];
        headers.extend(self.edited().map(|mapping| (own::EDITED, text(&mapping))));
        headers.extend(exchange.map(|exchange| (own::SOURCE_EXCHANGE, text(&exchange))));
        headers.extend(replay_to.map(|queue| (own::REPLAY_TO, text(queue))));
        copy(&self.delivery.properties, headers, true)
    }

    /// Properties of a message that was edited and is replayed, which goes out unpacked.
    pub fn for_edited_replay(&self, replay_id: Uuid, replay_to: Option<&str>) -> BasicProperties {
        let properties = self.for_replay(replay_id, replay_to);
        if matches!(self.text(), Cow::Borrowed(_)) { properties } else { unpacked(properties) }
    }

    /// Properties of a message that a mapping made of the letter's body, and that was edited. It goes out as a message of
    /// ours, for which no mapping is.
    pub fn for_edited_mapped_replay(&self, mapping: &str, replay_id: Uuid, replay_to: Option<&str>) -> BasicProperties {
        let properties = unpacked(self.for_replay(replay_id, replay_to));
        let mut headers = properties.headers().clone().unwrap_or_default();
        headers.insert(own::EDITED.into(), text(mapping));
        properties.with_headers(headers).with_content_type(envelope::CONTENT_TYPE.into())
    }

    /// The letter as a line of a file. Headers that the broker wrote are left out; headers that cannot be published
    /// again get another name. A letter that a worker wrote has neither.
    pub fn exported(&self) -> ExportedLetter {
        let properties = &self.delivery.properties;
        let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string);
        let named = |name: &str, value: &Option<ShortString>| {
            value
                .as_ref()
                .map(|value| (format!("{}{name}", own::ORIGINAL), Value::Text(bytes_of(value.as_str().as_bytes()))))
        };
        let headers = properties.headers().iter().flat_map(|table| table.inner());
        let kept = headers.filter_map(|(name, value)| Some((safe_name(name.as_str())?.to_owned(), Value::of(value))));
        let moved = [named("user-id", properties.user_id()), named("expiration", properties.expiration())];
        ExportedLetter {
            letter: self.summary.id,
            content_type: text(properties.content_type()),
            content_encoding: text(properties.content_encoding()),
            priority: *properties.priority(),
            correlation_id: text(properties.correlation_id()),
            reply_to: text(properties.reply_to()),
            message_id: text(properties.message_id()),
            timestamp: *properties.timestamp(),
            message_type: text(properties.kind()),
            app_id: text(properties.app_id()),
            headers: kept.chain(moved.into_iter().flatten()).collect(),
            body: bytes_of(self.body()),
        }
    }
}

/// Properties of a body that is not packed.
fn unpacked(properties: BasicProperties) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in properties.headers().iter().flat_map(|table| table.inner()) {
        if name.as_str() != KOMBU_HEADER {
            headers.insert(name.clone(), value.clone());
        }
    }
    properties.with_headers(headers).with_content_encoding("identity".into())
}

/// A letter as a line of a file.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ExportedLetter {
    letter: Uuid,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    priority: Option<u8>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    correlation_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reply_to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    message_id: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    timestamp: Option<u64>,
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    message_type: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    app_id: Option<String>,
    headers: Vec<(String, Value)>,
    body: Bytes,
}

/// Bytes, as text where they are text.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Bytes {
    Text(String),
    Base64(String),
}

impl Bytes {
    fn bytes(&self) -> Result<Vec<u8>, base64::DecodeError> {
        match self {
            Self::Text(text) => Ok(text.as_bytes().to_vec()),
            Self::Base64(text) => BASE64_STANDARD.decode(text),
        }
    }
}

impl ExportedLetter {
    /// Id of the letter.
    pub fn id(&self) -> Uuid {
        self.letter
    }

    /// Properties and body of the letter, for its queue.
    ///
    /// # Errors
    /// A text is no Base64.
    pub fn letter(&self) -> Result<(BasicProperties, Vec<u8>), base64::DecodeError> {
        let mut headers = FieldTable::default();
        for (name, value) in &self.headers {
            if let Some(name) = safe_name(name) {
                headers.insert(short(name), value.amqp()?);
            }
        }
        let mut properties = BasicProperties::default().with_headers(headers).with_delivery_mode(2);
        let texts: [(&Option<String>, With); 7] = [
            (&self.content_type, BasicProperties::with_content_type),
            (&self.content_encoding, BasicProperties::with_content_encoding),
            (&self.correlation_id, BasicProperties::with_correlation_id),
            (&self.reply_to, BasicProperties::with_reply_to),
            (&self.message_id, BasicProperties::with_message_id),
            (&self.message_type, BasicProperties::with_type),
            (&self.app_id, BasicProperties::with_app_id),
        ];
        for (value, with) in texts {
            properties = value.iter().fold(properties, |properties, value| with(properties, short(value)));
        }
        properties = self.priority.into_iter().fold(properties, BasicProperties::with_priority);
        properties = self.timestamp.into_iter().fold(properties, BasicProperties::with_timestamp);
        Ok((properties, self.body.bytes()?))
    }
}

/// Sets a property.
type With = fn(BasicProperties, ShortString) -> BasicProperties;

/// A value of a header, with its type: a letter has to come back as it was.
#[derive(Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
enum Value {
    Boolean(bool),
    I8(i8),
    U8(u8),
    I16(i16),
    U16(u16),
    I32(i32),
    U32(u32),
    I64(i64),
    /// A number by its bits: JSON cannot write some of them.
    F32Bits(u32),
    F64Bits(u64),
    Decimal(u8, u32),
    ShortText(String),
    Text(Bytes),
    Array(Vec<Value>),
    Time(u64),
    Table(Vec<(String, Value)>),
    ByteArray(Bytes),
    Void,
}

impl Value {
    fn of(value: &AMQPValue) -> Self {
        match value {
            AMQPValue::Boolean(value) => Self::Boolean(*value),
            AMQPValue::ShortShortInt(value) => Self::I8(*value),
            AMQPValue::ShortShortUInt(value) => Self::U8(*value),
            AMQPValue::ShortInt(value) => Self::I16(*value),
            AMQPValue::ShortUInt(value) => Self::U16(*value),
            AMQPValue::LongInt(value) => Self::I32(*value),
            AMQPValue::LongUInt(value) => Self::U32(*value),
            AMQPValue::LongLongInt(value) => Self::I64(*value),
            AMQPValue::Float(value) => Self::F32Bits(value.to_bits()),
            AMQPValue::Double(value) => Self::F64Bits(value.to_bits()),
            AMQPValue::DecimalValue(value) => Self::Decimal(value.scale, value.value),
            AMQPValue::ShortString(text) => Self::ShortText(text.to_string()),
            AMQPValue::LongString(text) => Self::Text(bytes_of(text.as_bytes())),
            AMQPValue::FieldArray(values) => Self::Array(values.as_slice().iter().map(Self::of).collect()),
            AMQPValue::Timestamp(value) => Self::Time(*value),
            AMQPValue::FieldTable(table) => {
                Self::Table(table.inner().iter().map(|(name, value)| (name.to_string(), Self::of(value))).collect())
            }
            AMQPValue::ByteArray(bytes) => Self::ByteArray(bytes_of(bytes.as_slice())),
            AMQPValue::Void => Self::Void,
        }
    }

    fn amqp(&self) -> Result<AMQPValue, base64::DecodeError> {
        Ok(match self {
            Self::Boolean(value) => AMQPValue::Boolean(*value),
            Self::I8(value) => AMQPValue::ShortShortInt(*value),
            Self::U8(value) => AMQPValue::ShortShortUInt(*value),
            Self::I16(value) => AMQPValue::ShortInt(*value),
            Self::U16(value) => AMQPValue::ShortUInt(*value),
            Self::I32(value) => AMQPValue::LongInt(*value),
            Self::U32(value) => AMQPValue::LongUInt(*value),
            Self::I64(value) => AMQPValue::LongLongInt(*value),
            Self::F32Bits(bits) => AMQPValue::Float(f32::from_bits(*bits)),
            Self::F64Bits(bits) => AMQPValue::Double(f64::from_bits(*bits)),
            Self::Decimal(scale, value) => AMQPValue::DecimalValue(DecimalValue { scale: *scale, value: *value }),
            Self::ShortText(text) => AMQPValue::ShortString(short(text)),
            Self::Text(bytes) => AMQPValue::LongString(bytes.bytes()?.into()),
            Self::Array(values) => {
                let values = values.iter().map(Self::amqp).collect::<Result<Vec<_>, _>>()?;
                AMQPValue::FieldArray(values.into())
            }
            Self::Time(value) => AMQPValue::Timestamp(*value),
            Self::Table(entries) => {
                let mut table = FieldTable::default();
                for (name, value) in entries {
                    table.insert(short(name), value.amqp()?);
                }
                AMQPValue::FieldTable(table)
            }
            Self::ByteArray(bytes) => AMQPValue::ByteArray(bytes.bytes()?.into()),
            Self::Void => AMQPValue::Void,
        })
    }
}

/// As text where it is text.
fn bytes_of(bytes: &[u8]) -> Bytes {
    match std::str::from_utf8(bytes) {
        Ok(text) => Bytes::Text(text.to_owned()),
        Err(_) => Bytes::Base64(BASE64_STANDARD.encode(bytes)),
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::*;
    use crate::broker::Place;
    use crate::broker::letters::letter::Words;

    fn letter(properties: BasicProperties, body: &[u8]) -> StoredLetter {
        let mut delivery = Delivery::mock(1, "bwp.dead".into(), "createOrder.X".into(), false, body.to_vec());
        delivery.properties = properties;
        StoredLetter::of(delivery, Place::DeadLetters, &mut Words::default())
    }

    /// Every type that a header can have, the numbers at their bounds.
    fn headers() -> FieldTable {
        let inner = FieldTable::default();
        let mut headers = FieldTable::default();
        let values = [
            AMQPValue::Boolean(true),
            AMQPValue::ShortShortInt(i8::MIN),
            AMQPValue::ShortShortUInt(u8::MAX),
            AMQPValue::ShortInt(i16::MIN),
            AMQPValue::ShortUInt(u16::MAX),
            AMQPValue::LongInt(i32::MIN),
            AMQPValue::LongUInt(u32::MAX),
            AMQPValue::LongLongInt(i64::MIN),
            AMQPValue::Float(f32::MIN_POSITIVE),
            AMQPValue::Double(f64::INFINITY),
            AMQPValue::DecimalValue(DecimalValue { scale: 2, value: 3879 }),
            AMQPValue::ShortString("kürzer".into()),
            AMQPValue::LongString("länger".into()),
            AMQPValue::LongString(b"\xff\x00".to_vec().into()),
            AMQPValue::FieldArray(vec![AMQPValue::Void, AMQPValue::Boolean(false)].into()),
            AMQPValue::Timestamp(u64::MAX),
            AMQPValue::FieldTable(inner),
            AMQPValue::ByteArray(b"\x00\xff".to_vec().into()),
            AMQPValue::Void,
        ];
        for (number, value) in values.into_iter().enumerate() {
            headers.insert(format!("h{number}").into(), value);
        }
        headers.insert(own::ERROR_CODE.into(), text("ItemOutOfStock"));
        headers
    }

    #[test]
    fn a_letter_comes_back_from_its_line_as_it_was() {
        let properties = BasicProperties::default()
            .with_headers(headers())
            .with_delivery_mode(2)
            .with_content_type("application/json".into())
            .with_message_id("m-1".into())
            .with_timestamp(7)
            .with_priority(3);
        for body in [b"{\"a\": \"\xc3\xa4\"}\r\n".as_slice(), b"\xff\xfe", b""] {
            let line = serde_json::to_string(&letter(properties.clone(), body).exported()).unwrap();
            let back = serde_json::from_str::<ExportedLetter>(&line).unwrap().letter().unwrap();
            assert_eq!(back, (properties.clone(), body.to_vec()), "{line}");
        }
    }

    #[test]
    fn a_packed_message_that_was_edited_goes_out_unpacked() {
        let packed = b"\x78\x9c\xab\xae\x05\x00\x01\x75\x00\xf9";
        let mut headers = FieldTable::default();
        headers.insert(KOMBU_HEADER.into(), text("application/x-gzip"));
        let kombu = BasicProperties::default().with_headers(headers).with_content_encoding("utf-8".into());
        let edited = letter(kombu.clone(), packed).for_edited_replay(Uuid::nil(), None);
        assert_eq!(edited.content_encoding(), &Some("identity".into()));
        assert!(!edited.headers().as_ref().unwrap().contains_key(KOMBU_HEADER));
        let plain = letter(kombu, b"{}").for_edited_replay(Uuid::nil(), None);
        assert_eq!(plain.content_encoding(), &Some("utf-8".into()));
    }

    #[test]
    fn what_the_broker_wrote_is_left_out_and_what_would_hurt_has_another_name() {
        let mut headers = FieldTable::default();
        headers.insert("x-delivery-count".into(), AMQPValue::LongLongInt(9));
        headers.insert("CC".into(), text("elsewhere"));
        let properties = BasicProperties::default().with_headers(headers).with_user_id("guest".into());
        let (back, _) = letter(properties, b"{}").exported().letter().unwrap();
        assert_eq!(back.user_id(), &None);
        let names: Vec<_> = back.headers().as_ref().unwrap().inner().keys().map(ToString::to_string).collect();
        assert_eq!(names, ["bwp-original-cc", "bwp-original-user-id"]);
    }

    #[test]
    fn a_replay_counts_itself_and_leaves_the_failure_behind() {
        let mut headers = headers();
        headers.insert(own::REPLAYS.into(), AMQPValue::LongUInt(1));
        headers.insert(own::ATTEMPTS.into(), AMQPValue::LongUInt(10));
        headers.insert(own::SOURCE_ROUTING_KEY.into(), text("checkout-completed"));
        let replay = letter(BasicProperties::default().with_headers(headers), b"{}")
            .for_replay(Uuid::nil(), Some("amq.gen-tool"));
        let headers = replay.headers().clone().unwrap();
        let get = |name: &str| headers.inner().get(name).cloned();
        assert_eq!(get(own::REPLAYS), Some(AMQPValue::LongUInt(2)));
        assert_eq!(get(own::REPLAY_ID), Some(text(&Uuid::nil().to_string())));
        assert_eq!(get(own::REPLAY_TO), Some(text("amq.gen-tool")));
        assert_eq!(get(own::SOURCE_ROUTING_KEY), Some(text("checkout-completed")));
        assert_eq!((get(own::ATTEMPTS), get(own::ERROR_CODE)), (None, None));
        assert!(get("h3").is_some());
    }
}
