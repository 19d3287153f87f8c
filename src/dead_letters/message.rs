//! The message that a letter carries, as the worker will read it. PURE.
//!
//! Not here: the letter's own headers.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use crate::broker::StoredLetter;
use crate::domain::command::command_for;
use crate::domain::conventions::Conventions;
use crate::domain::envelope::{Envelope, RawMessage, Refused, open};
use crate::domain::rejection::Rejection;

/// Id of the message: what results name as their cause.
pub fn id(letter: &StoredLetter) -> String {
    match opened(letter, letter.body()) {
        Ok(envelope) => envelope.id,
        Err(refused) => refused.id,
    }
}

/// Whether the worker would take the letter's message with this body.
///
/// # Errors
/// Why it would not, as it would say in a letter.
pub fn check(letter: &StoredLetter, body: &[u8], conventions: &Conventions, now: Timestamp) -> Result<(), Rejection> {
    let envelope = opened(letter, body).map_err(|refused| refused.rejection)?;
    conventions.rules.check(&command_for(&envelope, conventions)?, now)
}

#[expect(clippy::result_large_err, reason = "made once for a letter")]
fn opened(letter: &StoredLetter, body: &[u8]) -> Result<Envelope, Refused> {
    let headers: BTreeMap<String, String> = letter.headers().into_iter().collect();
    let (_, routing_key) = letter.source();
    open(&RawMessage {
        body,
        content_type: letter.content_type(),
        message_id: letter.message_id(),
        message_type: letter.message_type(),
        // part of the id of a message that came without one
        timestamp: *letter.for_replay(Uuid::nil()).timestamp(),
        routing_key: &routing_key,
        headers: &headers,
    })
}
