//! The last look before a letter is written without a call: the effect of the message may be there all the same.
//!
//! Not here: when a message is given up.

use super::call::Call;
use super::commands::{Amend, Create, Refund, Start};
use super::ending::Ending;
use super::look_up::{Found, read};
use crate::domain::command::Command;
use crate::domain::stored::StoredOrder;
use crate::ports::{OrderApi, Purpose, Settlement};

/// The letter of a message that breaks a rule, unless it is a create whose order is there.
pub(super) async fn unless_there<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    command: &Command,
    letter: Settlement,
) -> Settlement {
    match command {
        Command::CreateOrder(create) => Create(create).unless_there(call, ending, letter).await,
        Command::StartFulfillment(_) | Command::AmendOrder(_) | Command::UpdateRefunds(_) => letter,
    }
}

/// The letter of a message that is given up, unless a read shows the effect of its command.
pub(super) async fn unless_done<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    command: &Command,
    letter: Settlement,
) -> Settlement {
    let (identifier, purpose) = match command {
        Command::CreateOrder(create) => return Create(create).unless_there(call, ending, letter).await,
        Command::StartFulfillment(start) => (&start.identifier, Purpose::Start),
        Command::AmendOrder(amend) => (&amend.identifier, Purpose::Amend),
        Command::UpdateRefunds(update) => (&update.identifier, Purpose::Refund),
    };
    match read(call, identifier, purpose).await {
        Found::Order(stored) => effect(call, ending, command, stored).unwrap_or(letter),
        Found::Nothing => letter,
        Found::Unclear(failure) => ending.unclear(&failure),
    }
}

/// The result of an update whose effect the order shows.
fn effect<A>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    command: &Command,
    stored: Box<StoredOrder>,
) -> Option<Settlement> {
    match command {
        Command::CreateOrder(_) => None,
        Command::StartFulfillment(_) => Start::effect(ending, stored),
        Command::AmendOrder(amend) => Amend::effect(amend, ending, &stored),
        Command::UpdateRefunds(update) => Refund(update).effect(&call.context.conventions, ending, &stored),
    }
}
