//! The message of a letter: its own body, or the message that a mapping makes of a foreign one now.
//!
//! Not here: changing it; which mappings there are.

use std::borrow::Cow;

use crate::broker::StoredLetter;
use crate::domain::envelope::mapped::{Answer, Mapped};
use crate::domain::envelope::{Envelope, RawMessage, Refused, open};
use crate::mapper::{CannotStart, Foreign, Mapper};

/// The mappings of the settings.
#[derive(Debug)]
pub struct Mappings(Mapper);

/// A letter's message as text.
#[derive(Clone, Debug)]
pub struct Message<'l> {
    /// The body, unpacked; that of a mapped message is a structured event.
    pub body: Cow<'l, [u8]>,
    /// Name of the mapping that made it.
    pub mapping: Option<String>,
}

/// A foreign body of which no message can be made.
#[derive(Debug, thiserror::Error)]
pub enum NotMapped {
    /// The letter names a mapping, and the settings have none.
    #[error("these settings have no mappings, and the letter names {0}: add the worker's settings by `--config FILE`")]
    NoMappings(String),
    /// The letter names a mapping, and none of the settings is for it.
    #[error("no mapping of these settings is for it; the letter names {0}")]
    Unknown(String),
    /// The mapping failed, or says that the body is no message.
    #[error("mapping {mapping}: {why}")]
    Refused {
        /// Name of the mapping.
        mapping: String,
        /// Field and reason.
        why: String,
    },
    /// The mapping did not run.
    #[error(transparent)]
    CannotStart(#[from] CannotStart),
}

impl Mappings {
    /// Mappings that this mapper runs.
    pub fn of(mapper: Mapper) -> Self {
        Self(mapper)
    }

    /// The message of a letter, as a worker with these mappings reads it.
    ///
    /// # Errors
    /// A foreign body of which no message can be made.
    pub async fn message<'l>(&mut self, letter: &'l StoredLetter) -> Result<Message<'l>, NotMapped> {
        let Some((mapping, mapped)) = self.answer(letter).await? else {
            return Ok(Message { body: letter.text(), mapping: None });
        };
        let refused = |why: String| NotMapped::Refused { mapping: mapping.clone(), why };
        let envelope = letter.opened_as(&mapped).map_err(|it| refused(it.rejection.message))?;
        let body = envelope.event().map_err(|error| refused(error.to_string()))?;
        Ok(Message { body: body.into(), mapping: Some(mapping) })
    }

    /// The answer of the mapping that is for a letter; none where the body is a message of ours.
    async fn answer(&mut self, letter: &StoredLetter) -> Result<Option<(String, Mapped)>, NotMapped> {
        if letter.edited().is_some() {
            return Ok(None);
        }
        let (_, routing_key) = letter.source();
        let headers = letter.texts();
        let Some(position) = self.0.mapping_for(&routing_key, letter.message_type().as_deref(), &headers) else {
            let unknown = if self.0.mappings().is_empty() { NotMapped::NoMappings } else { NotMapped::Unknown };
            return letter.mapping().map_or(Ok(None), |name| Err(unknown(name)));
        };
        let mapping = self.0.mappings()[position].name.clone();
        let text = letter.text();
        let foreign = Foreign { body: &text, headers: &headers, routing_key: &routing_key };
        let answer: Answer = self.0.map(position, foreign).await?;
        Ok(Some((mapping.clone(), Mapped { mapping, answer })))
    }
}

impl Message<'_> {
    /// Opens the message with this body instead.
    ///
    /// # Errors
    /// The envelope is not valid.
    #[expect(clippy::result_large_err, reason = "made once for a letter")]
    pub fn opened(&self, letter: &StoredLetter, body: &[u8]) -> Result<Envelope, Refused> {
        match self.mapping {
            Some(_) => open(&RawMessage::structured(body)),
            None => letter.opened(body),
        }
    }
}
