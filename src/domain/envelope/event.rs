//! An envelope written as a structured event, as a message of ours travels whose body was another one.
//!
//! Not here: reading it.

use serde::Serialize;
use serde_json::value::RawValue;

use super::Envelope;

/// A CloudEvent in structured mode.
#[derive(Serialize)]
struct Event<'a> {
    specversion: &'a str,
    id: &'a str,
    source: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sequence: Option<&'a str>,
    data: &'a RawValue,
}

impl Envelope {
    /// The message as a structured event. Its data is written as it was read, digit by digit.
    ///
    /// # Errors
    /// None in practice: all parts are texts.
    pub fn event(&self) -> serde_json::Result<Vec<u8>> {
        let Self { id, has_own_id: _, source, kind, subject, time, sequence, data } = self;
        serde_json::to_vec(&Event {
            specversion: "1.0",
            id,
            source,
            kind: kind.name(),
            subject: subject.as_deref(),
            time: time.map(|time| time.to_string()),
            sequence: sequence.as_deref(),
            data,
        })
    }
}
