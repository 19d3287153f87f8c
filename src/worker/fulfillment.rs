//! Fulfillment of an order is started, once.
//!
//! Not here: reading the message.

use super::case::Case;
use super::update::Alone;
use crate::domain::command::StartFulfillment;
use crate::domain::order::OrderIdentifier;
use crate::domain::outcome::{Outcome, ResultKind};
use crate::domain::stored::{ExecutionState, PackageState, StoredOrder};
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::{Failure, not_told};
use crate::policy::decide::{Action, action};
use crate::ports::{OrderApi, Settlement};

impl<A: OrderApi> Case<'_, A> {
    /// Starts fulfillment, or finds it started. The order is read first: the API answers a second start
    /// differently in each state of the delivery.
    pub async fn start_fulfillment(&self, command: &StartFulfillment) -> Result<Settlement, Settlement> {
        let look = async || Ok((self.not_started_yet(&command.identifier).await?, ()));
        // its own creation need not show: the order is there
        let Alone { stored, lock: _lock, .. } = self.alone(look, |operation| !operation.creates_an_order()).await?;
        Ok(match self.update(&stored, self.context.timing.retries, &command.input).await {
            Ok(_) => self.updated(stored),
            Err(failure) if failure.effect_possible => {
                let (identifier, settle) = (OrderIdentifier::OrderId(stored.id.clone()), self.context.timing.settle);
                self.read_back(&identifier, settle, &failure, |stored| self.shown_start(stored)).await
            }
            Err(failure) => self.not_started(stored, &failure),
        })
    }

    /// The order as long as it is neither started nor cancelled; else what becomes of the message.
    async fn not_started_yet(&self, identifier: &OrderIdentifier) -> Result<Box<StoredOrder>, Settlement> {
        let stored = self.existing(identifier).await?;
        match &stored.execution_state {
            Some(ExecutionState::Started) => {
                return Err(self.done(ResultKind::OrderUpdated, Outcome::AlreadyStarted, &stored));
            }
            Some(ExecutionState::NotStarted) => {}
            state @ (None | Some(ExecutionState::Other(_))) => return Err(self.state_untold(state.as_ref(), false)),
        }
        if stored.package_state == Some(PackageState::Cancelled) {
            let code = OwnCode::ExecutionCannotBeStartedDueToCancellation;
            return Err(self.refuse(code, "all packages of the order are cancelled"));
        }
        Ok(stored)
    }

    /// The end of a start whose answer was lost; none when the order is not started.
    fn shown_start(&self, stored: Box<StoredOrder>) -> Option<Settlement> {
        match &stored.execution_state {
            Some(ExecutionState::Started) => Some(self.updated(stored)),
            Some(ExecutionState::NotStarted) => None,
            state @ (None | Some(ExecutionState::Other(_))) => Some(self.state_untold(state.as_ref(), true)),
        }
    }

    /// A state that is not told may be STARTED.
    fn state_untold(&self, state: Option<&ExecutionState>, effect_possible: bool) -> Settlement {
        let what = if state.is_none() { "NoExecutionState" } else { "UnknownExecutionState" };
        self.untold(&Failure { effect_possible, ..not_told(what) })
    }

    fn not_started(&self, mut stored: Box<StoredOrder>, failure: &Failure) -> Settlement {
        if action(failure.class) != Action::Done {
            return self.not_updated(failure);
        }
        stored.execution_state = Some(ExecutionState::Started);
        self.done(ResultKind::OrderUpdated, Outcome::AlreadyStarted, &stored)
    }

    pub(super) fn updated(&self, mut stored: Box<StoredOrder>) -> Settlement {
        stored.execution_state = Some(ExecutionState::Started);
        self.done(ResultKind::OrderUpdated, Outcome::Updated, &stored)
    }
}

pub(super) fn started(stored: &StoredOrder) -> bool {
    stored.execution_state == Some(ExecutionState::Started)
}
