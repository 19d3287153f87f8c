//! Reasons to refuse a message before any call.
//!
//! Not here: errors of the API.

use super::rule::Rule;

/// The refusal of a message before any call, with the reason for its dead letter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Code of the dead letter.
    pub code: RejectionCode,
    /// Field and reason, for example `lines[2].unitPrice: expected a decimal, got "12,50"`. Never contains a name, an
    /// address, an e-mail or a token.
    pub message: String,
}

impl Rejection {
    /// A message that cannot be read; `path` names the field.
    pub fn invalid(path: &str, reason: impl std::fmt::Display) -> Self {
        Self { code: RejectionCode::InvalidMessage, message: format!("{path}: {reason}") }
    }
}

/// Codes of messages that are refused before any call.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RejectionCode {
    /// Invalid JSON, or a field that is missing or invalid.
    InvalidMessage,
    /// A type of message that this worker does not support.
    UnsupportedMessage,
    /// A rule of the API that the message breaks.
    Broken(Rule),
}
