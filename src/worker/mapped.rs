//! Messages that a mapping made: opened like others, or ignored because the mapping said so.
//!
//! Not here: mapping, which comes before the pool.

use std::borrow::Cow;

use crate::domain::envelope::mapped::Answer;
use crate::domain::envelope::{Envelope, RawMessage, Refused, open};
use crate::policy::catalogue::{MAPPED_ACTION, OwnCode, UNMAPPED_ACTION};
use crate::ports::Inbound;

/// Opens a message: the mapped one, where a mapping is for it.
#[expect(clippy::result_large_err, reason = "made once for a message, and taken apart by the caller")]
pub(super) fn opened(inbound: &Inbound, raw: &RawMessage<'_>) -> Result<Envelope, Refused> {
    inbound.mapped.as_ref().map_or_else(|| open(raw), |mapped| mapped.open(raw))
}

/// Whether a mapping said that the message is not for this worker.
pub(super) fn is_ignored(inbound: &Inbound) -> bool {
    inbound.mapped.as_ref().is_some_and(|mapped| matches!(mapped.answer, Answer::Nothing))
}

/// A reason of a letter, with the mapping that made the message.
pub(super) fn with_mapping<'a>(inbound: &Inbound, reason: &'a str) -> Cow<'a, str> {
    match &inbound.mapped {
        Some(mapped) => Cow::Owned(format!("mapping {}: {reason}", mapped.mapping)),
        None => Cow::Borrowed(reason),
    }
}

/// Advice on a message that is refused because of what is in it. A shop cannot correct a field that a mapping made, and
/// an operator can change it only where there `is_message`.
pub(super) fn advice(inbound: &Inbound, code: OwnCode, is_message: bool) -> &'static str {
    let is_unread = matches!(code, OwnCode::InvalidMessage | OwnCode::UnsupportedMessage);
    match (is_unread && inbound.mapped.is_some(), is_message) {
        (false, _) => code.action(),
        (true, true) => MAPPED_ACTION,
        (true, false) => UNMAPPED_ACTION,
    }
}

/// Name of the mapping that is for a message.
pub(super) fn mapping(inbound: &Inbound) -> Option<String> {
    Some(inbound.mapped.as_ref()?.mapping.clone())
}
