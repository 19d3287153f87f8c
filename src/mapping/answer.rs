//! The answer of a program, read: no message, `data` of the mapping's kind, or a message with attributes.
//!
//! Not here: whether its data is a valid message.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::failure::Failure;
use crate::domain::envelope::mapped::{Answer, MappedMessage};

/// Most bytes of an answer: a checkout of a hundred lines has about 40 kB.
pub const MAX_ANSWER_BYTES: usize = 8 * 1024 * 1024;

/// Fields of a message with attributes. One of another name makes the object `data`, as `order` does.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    kind: String,
    id: Option<String>,
    time: Option<String>,
    sequence: Option<String>,
    subject: Option<String>,
    data: Box<RawValue>,
}

/// Reads an answer; `kind` is the mapping's.
///
/// # Errors
/// The answer is a list, or no object.
pub fn answer(json: &RawValue, kind: &str) -> Result<Answer, Failure> {
    match json.get().as_bytes().first() {
        Some(b'n') => return Ok(Answer::Nothing),
        Some(b'{') => {}
        Some(b'[') => return Err(Failure::of("the answer: expected an object or null, got a list")),
        _ => return Err(Failure::of("the answer: expected an object or null")),
    }
    if let Ok(Attributes { kind, id, time, sequence, subject, data }) = serde_json::from_str(json.get()) {
        return Ok(Answer::Message(MappedMessage { kind, id, time, sequence, subject, data }));
    }
    if let Some(wrong) = wrong_attribute(json) {
        return Err(Failure::of(wrong));
    }
    Ok(Answer::Message(MappedMessage { kind: kind.to_owned(), data: json.to_owned(), ..MappedMessage::default() }))
}

/// An object with `kind` and `data` is meant as a message: no data of ours has these fields.
fn wrong_attribute(json: &RawValue) -> Option<String> {
    let fields: std::collections::BTreeMap<String, &RawValue> = serde_json::from_str(json.get()).ok()?;
    if !fields.contains_key("kind") && !fields.contains_key("data") {
        return None;
    }
    let known = ["kind", "id", "time", "sequence", "subject", "data"];
    let unknown = fields.keys().any(|name| !known.contains(&name.as_str()));
    let missing = ["kind", "data"].into_iter().find(|name| !fields.contains_key(*name));
    Some(match (missing, unknown) {
        (Some(name), _) => format!("the answer: expected `kind` and `data`, got no `{name}`"),
        (None, true) => "the answer: expected `kind`, `id`, `time`, `sequence`, `subject` and `data` alone".into(),
        (None, false) => "the answer: expected texts for `kind`, `id`, `time`, `sequence` and `subject`".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Answer, String> {
        let json = RawValue::from_string(json.to_owned()).unwrap();
        answer(&json, "order-amended").map_err(|failure| failure.to_string())
    }

    #[test]
    fn null_is_no_message_and_an_object_is_data() {
        assert!(matches!(read("null"), Ok(Answer::Nothing)));
        let Ok(Answer::Message(message)) = read(r#"{"order":{"id":"1"}}"#) else { panic!("no message") };
        assert_eq!((message.kind.as_str(), message.id), ("order-amended", None));
        assert_eq!(message.data.get(), r#"{"order":{"id":"1"}}"#);
    }

    #[test]
    fn a_message_may_bring_its_attributes() {
        let json = r#"{"kind":"refund-updated","id":"e-1","time":"2026-11-22T15:04:05Z","sequence":"7","subject":"1","data":{"a":1.10}}"#;
        let Ok(Answer::Message(message)) = read(json) else { panic!("no message") };
        assert_eq!(message.kind, "refund-updated");
        let texts = [message.id, message.time, message.sequence, message.subject];
        assert_eq!(texts.map(Option::unwrap), ["e-1", "2026-11-22T15:04:05Z", "7", "1"]);
        assert_eq!(message.data.get(), r#"{"a":1.10}"#);
    }

    #[test]
    fn other_answers_are_refused_without_their_values() {
        for (json, said) in [
            ("[]", "the answer: expected an object or null, got a list"),
            ("7", "the answer: expected an object or null"),
            (r#"{"kind":"x"}"#, "the answer: expected `kind` and `data`, got no `data`"),
            (r#"{"data":{}}"#, "the answer: expected `kind` and `data`, got no `kind`"),
            (
                r#"{"kind":"x","data":{},"ordre":1}"#,
                "the answer: expected `kind`, `id`, `time`, `sequence`, `subject` and `data` alone",
            ),
            (
                r#"{"kind":"x","data":{},"id":7}"#,
                "the answer: expected texts for `kind`, `id`, `time`, `sequence` and `subject`",
            ),
        ] {
            assert_eq!(read(json).unwrap_err(), said);
        }
    }
}
