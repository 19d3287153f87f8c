//! A message that a mapping made of a foreign body.
//!
//! Not here: the mapping.

use serde_json::value::RawValue;

use super::{Attributes, Envelope, RawMessage, Refused, envelope, id_outside, order_of_body, present};
use crate::domain::rejection::{Rejection, RejectionCode};

/// The answer of a mapping to a body.
#[derive(Clone, Debug)]
pub struct Mapped {
    /// Name of the mapping.
    pub mapping: String,
    /// Its answer.
    pub answer: Answer,
}

/// Answers of a mapping.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A message of ours.
    Message(MappedMessage),
    /// The body is not for this worker.
    Nothing,
    /// No answer; the reason has no value of the body in it.
    Failed(String),
}

/// A message of ours as a mapping answers it. Each attribute may be wrong.
#[derive(Clone, Debug, Default)]
pub struct MappedMessage {
    /// Kind of message.
    pub kind: String,
    /// Id of the message, if the mapping names one.
    pub id: Option<String>,
    /// CloudEvents attribute `time`.
    pub time: Option<String>,
    /// CloudEvents extension `sequence`.
    pub sequence: Option<String>,
    /// CloudEvents attribute `subject`.
    pub subject: Option<String>,
    /// Payload.
    pub data: Box<RawValue>,
}

impl Mapped {
    /// Opens the message that was made of a delivered one.
    ///
    /// # Errors
    /// As [`super::open`]; also where the mapping failed, or says that the body is no message.
    #[expect(clippy::result_large_err, reason = "made once for a message, and taken apart by the caller")]
    pub fn open(&self, raw: &RawMessage<'_>) -> Result<Envelope, Refused> {
        let source = format!("/shop/{}", self.mapping);
        let refused = |message: String| Refused {
            rejection: Rejection { code: RejectionCode::InvalidMessage, message },
            id: id_outside(raw),
            source: source.clone(),
            order: None,
            type_name: None,
        };
        match &self.answer {
            Answer::Message(message) => message.open(raw, &source),
            Answer::Nothing => Err(refused("body: no message for this worker".to_owned())),
            Answer::Failed(why) => Err(refused(why.clone())),
        }
    }
}

impl MappedMessage {
    #[expect(clippy::result_large_err, reason = "made once for a message, and taken apart by the caller")]
    fn open(&self, raw: &RawMessage<'_>, source: &str) -> Result<Envelope, Refused> {
        let given = |text: &Option<String>| present(text.as_deref()).map(ToOwned::to_owned);
        let (id, outside) = (given(&self.id), present(raw.message_id));
        let attributes = Attributes {
            specversion: Some("1.0".to_owned()),
            id_is_made: id.is_none() && outside.is_none(),
            id: id.or_else(|| Some(id_outside(raw))),
            source: Some(source.to_owned()),
            type_name: Some(self.kind.clone()),
            subject: given(&self.subject),
            time: given(&self.time),
            sequence: given(&self.sequence),
            ..Attributes::default()
        };
        envelope(&attributes, Ok(self.data.clone())).map_err(|rejection| Refused {
            rejection,
            id: attributes.id.clone().unwrap_or_default(),
            source: source.to_owned(),
            order: order_of_body(&self.data).or_else(|| attributes.subject.clone()),
            type_name: attributes.type_name.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::domain::envelope::Kind;

    fn message(json: &str) -> MappedMessage {
        let data = RawValue::from_string(json.to_owned()).unwrap();
        MappedMessage { kind: "order-amended".into(), data, ..MappedMessage::default() }
    }

    #[expect(clippy::result_large_err, reason = "as the function itself")]
    fn opened(answer: Answer, message_id: Option<&str>) -> Result<Envelope, Refused> {
        let headers = BTreeMap::new();
        let raw = RawMessage {
            body: b"{}",
            content_type: None,
            content_encoding: None,
            message_id,
            message_type: None,
            timestamp: None,
            routing_key: "orders/updated",
            headers: &headers,
            max_unpacked_bytes: 10,
        };
        Mapped { mapping: "shop".into(), answer }.open(&raw)
    }

    #[test]
    fn a_mapped_message_has_the_ids_of_its_mapping_else_those_of_the_delivery() {
        let event = MappedMessage {
            id: Some("e-1".into()),
            time: Some("2026-11-22T15:04:05Z".into()),
            sequence: Some("7".into()),
            subject: Some("S".into()),
            ..message(r#"{"order":{"id":"1"}}"#)
        };
        let envelope = opened(Answer::Message(event), Some("m-1")).unwrap();
        assert_eq!((envelope.id.as_str(), envelope.has_own_id, envelope.source.as_str()), ("e-1", true, "/shop/shop"));
        assert_eq!((envelope.sequence.as_deref(), envelope.subject.as_deref()), (Some("7"), Some("S")));
        assert!(envelope.time.is_some());
        let envelope = opened(Answer::Message(message("{}")), Some("m-1")).unwrap();
        assert_eq!((envelope.id.as_str(), envelope.has_own_id, envelope.kind), ("m-1", true, Kind::OrderAmended));
        let one = opened(Answer::Message(message("{}")), None).unwrap();
        let same = opened(Answer::Message(message(r#"{"other":1}"#)), None).unwrap();
        assert_eq!((one.id, one.has_own_id), (same.id, false), "made of the delivery, not of the answer");
    }

    #[test]
    fn a_wrong_answer_is_refused_by_its_place() {
        for (answer, said) in [
            (Answer::Message(message("7")), "data: expected an object"),
            (
                Answer::Message(MappedMessage { time: Some("now".into()), ..message("{}") }),
                "time: expected an RFC 3339 time",
            ),
            (Answer::Nothing, "body: no message for this worker"),
            (Answer::Failed("line 1 column 2: x".into()), "line 1 column 2: x"),
        ] {
            let refused = opened(answer, Some("m-1")).unwrap_err();
            assert_eq!((refused.rejection.message.as_str(), refused.id.as_str()), (said, "m-1"));
        }
        let other = MappedMessage { kind: "cart".into(), ..message(r#"{"order":{"id":"9"}}"#) };
        let refused = opened(Answer::Message(other), None).unwrap_err();
        assert_eq!(refused.rejection.code, RejectionCode::UnsupportedMessage);
        assert_eq!((refused.order.as_deref(), refused.type_name.as_deref()), (Some("9"), Some("cart")));
    }
}
