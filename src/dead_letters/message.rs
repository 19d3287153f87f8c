//! The message that a letter carries, as the worker will read it. PURE.
//!
//! Not here: the letter's own headers.

use jiff::Timestamp;

use crate::broker::StoredLetter;
use crate::domain::conventions::Conventions;
use crate::domain::rejection::Rejection;
use crate::domain::transform::{check_rules, command_for};

/// Id of the message, which results name as their cause.
pub fn id(letter: &StoredLetter) -> String {
    if let Some(id) = letter.mapped_id() {
        return id;
    }
    match letter.opened(letter.body()) {
        Ok(envelope) => envelope.id,
        Err(refused) => refused.id,
    }
}

/// Whether the worker would take the letter's message with this body.
///
/// # Errors
/// The reason why it would not, in the words of a letter.
pub fn check(letter: &StoredLetter, body: &[u8], conventions: &Conventions, now: Timestamp) -> Result<(), Rejection> {
    let envelope = letter.opened(body).map_err(|refused| refused.rejection)?;
    check_rules(&command_for(&envelope, conventions)?, &conventions.rules, now)
}
