//! An edit tried on a letter's message, before anything is replayed.
//!
//! Not here: making the changes (`edit`); what a worker takes (`message`).

use jiff::Timestamp;
use serde_json::Value;

use super::edit::{Change, Edit};
use super::mapped::Mappings;
use super::message;
use crate::broker::StoredLetter;
use crate::domain::conventions::Conventions;
use crate::domain::privacy::Private;

/// An edit of one letter's message that a worker would take.
#[derive(Debug)]
pub struct Tried {
    /// The changes.
    pub changes: Vec<Change>,
    /// The mapping that made the message.
    pub mapping: Option<String>,
}

/// A reason that repeats no private text of the message.
fn scrubbed(body: &[u8], reason: &str) -> String {
    let mut message: Value = serde_json::from_slice(body).unwrap_or_default();
    let data = if message.get("specversion").is_some() { message["data"].take() } else { message };
    let data = serde_json::value::to_raw_value(&data);
    data.map_or_else(|_| "the message would not be valid".to_owned(), |data| Private::of(&data).scrub(reason))
}

/// Tries an edit on a letter's message.
///
/// # Errors
/// The edit does not fit, or a worker would not take the message, in words.
pub async fn try_edit(
    letter: &StoredLetter,
    edit: &Edit,
    mappings: &mut Mappings,
    conventions: &Conventions,
    via_exchange: bool,
) -> Result<Tried, String> {
    let message = mappings.message(letter).await.map_err(|error| error.to_string())?;
    if message.mapping.is_some() && via_exchange {
        return Err("a mapped message that is changed cannot go through the shop's exchange".to_owned());
    }
    let known = |body: &[u8]| match message.opened(letter, body) {
        Ok(envelope) => edit.check(envelope.kind).map_err(|error| error.to_string()),
        // a fault of the envelope is told below
        Err(_) => Ok(()),
    };
    known(&message.body)?;
    let edited = edit.apply(&message.body).map_err(|error| error.to_string())?;
    known(&edited.body)?;
    let opened = message.opened(letter, &edited.body);
    let checked = message::check(opened, conventions, Timestamp::now());
    checked.map_err(|rejection| scrubbed(&edited.body, &rejection.message))?;
    Ok(Tried { changes: edited.changes, mapping: message.mapping })
}
