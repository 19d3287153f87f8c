//! The commands, one file each, and what each of them does. Each is carried out by `apply(self, &Call, &Ending)`.
//!
//! Not here: which command a message stands for.

mod amend;
mod create;
mod fulfillment;
mod refund;

use self::amend::Amend;
use self::create::Create;
use self::fulfillment::Start;
use self::refund::Refund;
use super::call::Call;
use super::ending::{Ending, EndsHere};
use crate::domain::command::Command;
use crate::domain::envelope::Envelope;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::ports::{Inbound, OrderApi, Purpose, Settlement};

/// Carries out a command.
pub(super) async fn apply<A: OrderApi>(
    command: &Command,
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    (inbound, envelope): (&Inbound, &Envelope),
) -> Settlement {
    EndsHere::settlement(match command {
        Command::CreateOrder(create) => Ok(Create(create).apply(call, ending).await),
        Command::StartFulfillment(start) => Start(start).apply(call, ending).await,
        // boxed, since they are seldom, and the task of every message would have room for them
        Command::AmendOrder(amend) => Box::pin(Amend::new(amend, inbound, envelope).apply(call, ending)).await,
        Command::UpdateRefunds(update) => Box::pin(Refund(update).apply(call, ending)).await,
    })
}

/// The read in which the effect of a command shows.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shows<'a> {
    /// By the aliases of an order that is created.
    ByAliases(Create<'a>),
    /// In the order that is changed.
    InOrder(&'a OrderIdentifier, Purpose),
}

/// The read in which the effect of this command shows.
pub(super) fn shows(command: &Command) -> Shows<'_> {
    match command {
        Command::CreateOrder(create) => Shows::ByAliases(Create(create)),
        Command::StartFulfillment(start) => Shows::InOrder(&start.identifier, Purpose::Start),
        Command::AmendOrder(amend) => Shows::InOrder(&amend.identifier, Purpose::Amend),
        Command::UpdateRefunds(update) => Shows::InOrder(&update.identifier, Purpose::Refund),
    }
}

/// The result of a command whose effect the order shows.
pub(super) fn effect<A>(
    command: &Command,
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    stored: Box<StoredOrder>,
) -> Option<Settlement> {
    match command {
        Command::CreateOrder(_) => None,
        Command::StartFulfillment(_) => Start::effect(ending, stored),
        Command::AmendOrder(amend) => Amend::effect(amend, ending, &stored),
        Command::UpdateRefunds(update) => Refund(update).effect(&call.context.conventions, ending, &stored),
    }
}
