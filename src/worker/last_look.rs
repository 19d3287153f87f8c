//! The last look before a letter is written without a call: the effect of the message may be there all the same.
//!
//! Not here: when a message is given up.

use super::call::Call;
use super::commands::{Shows, effect, shows};
use super::ending::Ending;
use super::look_up::{Found, read};
use crate::domain::command::Command;
use crate::ports::{OrderApi, Settlement};

/// The letter of a message that breaks a rule, unless it is a create whose order is there.
pub(super) async fn unless_there<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    command: &Command,
    letter: Settlement,
) -> Settlement {
    match shows(command) {
        Shows::ByAliases(create) => create.unless_there(call, ending, letter).await,
        Shows::InOrder(..) => letter,
    }
}

/// The letter of a message that is given up, unless a read shows the effect of its command.
pub(super) async fn unless_done<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    command: &Command,
    letter: Settlement,
) -> Settlement {
    let (identifier, purpose) = match shows(command) {
        Shows::ByAliases(create) => return create.unless_there(call, ending, letter).await,
        Shows::InOrder(identifier, purpose) => (identifier, purpose),
    };
    match read(call, identifier, purpose).await {
        Found::Order(stored) => effect(command, call, ending, stored).unwrap_or(letter),
        Found::Nothing => letter,
        Found::Unclear(failure) => ending.unclear(&failure),
    }
}
