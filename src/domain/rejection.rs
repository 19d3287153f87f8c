//! Why a message cannot be done, found before any call.
//!
//! Not here: errors of the API.

use super::rule::Rule;

/// A message that is refused without a call, and the reason to put into its letter.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct Rejection {
    /// Code of the letter.
    pub code: RejectionCode,
    /// Where and what, as `lines[2].unitPrice: expected a decimal, got "12,50"`.
    /// Never a name, an address, an e-mail or a token.
    pub message: String,
}

impl Rejection {
    /// The message cannot be read; `path` names the field.
    pub fn invalid(path: &str, reason: impl std::fmt::Display) -> Self {
        Self { code: RejectionCode::InvalidMessage, message: format!("{path}: {reason}") }
    }
}

/// The codes that a message can get before it reaches the API.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum RejectionCode {
    /// Not JSON, a field missing or of the wrong kind.
    InvalidMessage,
    /// A type of message that this worker does not handle.
    UnsupportedMessage,
    /// A rule of the API that was checked before the call.
    Broken(Rule),
}
