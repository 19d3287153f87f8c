//! An edit tried on a letter's message, before anything is replayed.
//!
//! Not here: making the changes (`edit`); what a worker takes (`message`).

use jiff::Timestamp;

use super::edit::{Change, Edit};
use super::mapped::Mappings;
use super::message;
use crate::broker::StoredLetter;
use crate::domain::conventions::Conventions;

/// An edit of one letter's message that a worker would take.
#[derive(Debug)]
pub struct Tried {
    /// The changes.
    pub changes: Vec<Change>,
    /// The mapping that made the message.
    pub mapping: Option<String>,
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
    message::check(opened, conventions, Timestamp::now()).map_err(|rejection| rejection.message)?;
    Ok(Tried { changes: edited.changes, mapping: message.mapping })
}
