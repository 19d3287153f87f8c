//! Rules of the API that can be checked before a call (best practices for orders).
//!
//! Not here: whether a message can be read; what only the API can know.

use super::command::Command;
use super::rejection::{Rejection, RejectionCode};

/// Aliases that an order can have.
const MAX_ALIASES: usize = 5;
/// Links that an order can have.
const MAX_LINKS: usize = 5;

/// Checks a command. Comes after the command was made, so that its aliases are known for a read before the letter.
///
/// # Errors
/// The first rule that is broken.
pub fn check(command: &Command) -> Result<(), Rejection> {
    match command {
        Command::CreateOrder(create) => {
            at_most(MAX_ALIASES, create.input.aliases.len(), "aliases", RejectionCode::OrderAliasLimitExceeded)?;
            at_most(MAX_LINKS, create.input.order_links.len(), "links", RejectionCode::OrderLinkLimitExceeded)
        }
        Command::StartFulfillment(_) => Ok(()),
    }
}

fn at_most(limit: usize, count: usize, what: &str, code: RejectionCode) -> Result<(), Rejection> {
    if count <= limit {
        return Ok(());
    }
    Err(Rejection { code, message: format!("order: expected at most {limit} {what}, got {count}") })
}
