//! The last look before a message is given up that cannot be handled: its effect may be there all the same.
//!
//! Not here: when a message is given up.

use super::case::Case;
use super::fulfillment::started;
use super::look_up::Found;
use crate::domain::amendment_left;
use crate::domain::command::{Command, UpdateRefunds};
use crate::domain::input::UpdateOrderInput;
use crate::domain::outcome::{Outcome, ResultKind};
use crate::domain::refunds_left;
use crate::domain::stored::StoredOrder;
use crate::ports::{OrderApi, Purpose, Settlement};

impl<A: OrderApi> Case<'_, A> {
    /// The letter, unless a read shows the effect of the command.
    pub(super) async fn unless_done(&self, command: &Command, letter: Settlement) -> Settlement {
        let (identifier, purpose) = match command {
            Command::CreateOrder(_) => return self.unless_there(command, letter).await,
            Command::StartFulfillment(start) => (&start.identifier, Purpose::Start),
            Command::AmendOrder(amend) => (&amend.identifier, Purpose::Amend),
            Command::UpdateRefunds(update) => (&update.identifier, Purpose::Refund),
        };
        match self.read(identifier, purpose).await {
            Found::Order(stored) => self.effect(command, stored).unwrap_or(letter),
            Found::Nothing => letter,
            Found::Unclear(failure) => self.unclear(&failure),
        }
    }

    /// The result of an update whose effect the order shows.
    fn effect(&self, command: &Command, stored: Box<StoredOrder>) -> Option<Settlement> {
        match command {
            Command::CreateOrder(_) => None,
            Command::StartFulfillment(_) => started(&stored).then(|| self.updated(stored)),
            Command::AmendOrder(amend) => {
                let is_there = amendment_left::left_of(&amend.input, &stored) == UpdateOrderInput::default();
                is_there.then(|| self.done(ResultKind::OrderUpdated, Outcome::Updated, &stored))
            }
            Command::UpdateRefunds(update) => self.refunds_there(update, &stored),
        }
    }

    fn refunds_there(&self, update: &UpdateRefunds, stored: &StoredOrder) -> Option<Settlement> {
        let conventions = &self.context.conventions;
        let left = refunds_left::left_of(update, stored, &conventions.aliases.line, &conventions.rules).ok()?;
        left.details.is_empty().then(|| self.refunded(update, Outcome::Updated, stored))
    }
}
