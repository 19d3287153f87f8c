//! Fulfillment of an order is started, once.
//!
//! Not here: reading the message.

use crate::domain::command::StartFulfillment;
use crate::domain::order::OrderIdentifier;
use crate::domain::outcome::{Outcome, ResultKind};
use crate::domain::stored::{ExecutionState, PackageState, StoredOrder, Untold};
use crate::policy::catalogue::{Decision, OwnCode};
use crate::policy::classify::{Failure, not_told, not_understood};
use crate::ports::{Operation, OrderApi, Purpose, Settlement};
use crate::worker::call::Call;
use crate::worker::ending::{Ending, EndsHere};
use crate::worker::update::{Alone, alone, existing, read_back, update};

/// Starts fulfillment, or finds it started.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Start<'a>(pub(in crate::worker) &'a StartFulfillment);

impl Start<'_> {
    /// Starts fulfillment, or finds it started. The order is read first: the API answers a second start
    /// differently in each state of the delivery.
    pub(in crate::worker) async fn apply<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
    ) -> Result<Settlement, EndsHere> {
        let Self(command) = self;
        let timing = &call.context.timing;
        let look = async || Ok((not_started_yet(call, ending, &command.identifier).await?, ()));
        // its own creation need not show: the order is there
        let waits_for = |operation: Operation| !operation.creates_an_order();
        let Alone { stored, lock: _lock, .. } = alone(call, ending, Operation::UpdateOrder, look, waits_for).await?;
        Ok(match update(call, &stored, timing.retries, &command.input).await {
            Ok(_) => updated(ending, stored),
            Err(failure) if failure.effect_possible => {
                let order = OrderIdentifier::OrderId(stored.id.clone());
                let shown = |stored| shown(ending, stored);
                read_back(call, ending, (&order, Purpose::Start), timing.visible_after, &failure, shown).await
            }
            Err(failure) => not_started(ending, stored, &failure),
        })
    }

    /// The result of a start that the order shows, before its message is given up.
    pub(in crate::worker) fn effect(ending: &Ending<'_>, stored: Box<StoredOrder>) -> Option<Settlement> {
        let is_started = stored.execution_state == Some(ExecutionState::Started);
        is_started.then(|| updated(ending, stored))
    }
}

/// The order as long as it is neither started nor cancelled.
async fn not_started_yet<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    identifier: &OrderIdentifier,
) -> Result<Box<StoredOrder>, EndsHere> {
    let stored = existing(call, ending, identifier, Purpose::Start).await?;
    match &stored.execution_state {
        Some(ExecutionState::Started) => {
            return Err(ending.done(ResultKind::OrderUpdated, Outcome::AlreadyStarted, &stored).into());
        }
        Some(ExecutionState::NotStarted) => {}
        None | Some(ExecutionState::Other(_)) => return Err(state_untold(ending, &stored, false).into()),
    }
    if stored.package_state == Some(PackageState::Cancelled) {
        let code = OwnCode::ExecutionCannotBeStartedDueToCancellation;
        return Err(ending.refuse(code, "all packages of the order are cancelled").into());
    }
    Ok(stored)
}

/// The end of a start whose answer was lost; none when the order is not started.
fn shown(ending: &Ending<'_>, stored: Box<StoredOrder>) -> Option<Settlement> {
    match &stored.execution_state {
        Some(ExecutionState::Started) => Some(updated(ending, stored)),
        Some(ExecutionState::NotStarted) => None,
        None | Some(ExecutionState::Other(_)) => Some(state_untold(ending, &stored, true)),
    }
}

/// A state that is not told may be STARTED.
fn state_untold(ending: &Ending<'_>, stored: &StoredOrder, effect_possible: bool) -> Settlement {
    let untold = match &stored.execution_state {
        None => not_told(Untold::ExecutionState, &stored.unknown),
        Some(_) => not_understood("UnknownExecutionState"),
    };
    ending.untold(&Failure { effect_possible, ..untold })
}

fn not_started(ending: &Ending<'_>, mut stored: Box<StoredOrder>, failure: &Failure) -> Settlement {
    if failure.class.decision() != Decision::Done {
        return ending.not_updated(failure);
    }
    stored.execution_state = Some(ExecutionState::Started);
    ending.done(ResultKind::OrderUpdated, Outcome::AlreadyStarted, &stored)
}

fn updated(ending: &Ending<'_>, mut stored: Box<StoredOrder>) -> Settlement {
    stored.execution_state = Some(ExecutionState::Started);
    ending.done(ResultKind::OrderUpdated, Outcome::Updated, &stored)
}
