//! Whether the worker would take a message. PURE.
//!
//! Not here: letters, mappings.

use jiff::Timestamp;

use crate::domain::conventions::Conventions;
use crate::domain::envelope::{Envelope, Refused};
use crate::domain::rejection::Rejection;
use crate::domain::transform::{check_rules, command_for};

/// Whether the worker would take a message that was opened.
///
/// # Errors
/// The reason why it would not, in the words of a letter.
pub fn check(opened: Result<Envelope, Refused>, conventions: &Conventions, now: Timestamp) -> Result<(), Rejection> {
    let envelope = opened.map_err(|refused| refused.rejection)?;
    check_rules(&command_for(&envelope, conventions)?, &conventions.rules, now)
}
