//! What all updates of an order share: the order must be there, and what follows when the update is not done.
//!
//! Not here: what each kind of update changes.

use jiff::Timestamp;

use super::case::Case;
use super::look_up::Found;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::Failure;
use crate::policy::decide::{self, Action, Verdict, action};
use crate::ports::{Operation, OrderApi, Settlement};

impl<A: OrderApi> Case<'_, A> {
    /// The order that an update is about, or what becomes of the message without it.
    pub(super) async fn existing(&self, identifier: &OrderIdentifier) -> Result<Box<StoredOrder>, Settlement> {
        match self.read(identifier).await {
            Found::Order(stored) => Ok(stored),
            Found::Nothing => Err(self.await_create()),
            Found::Unclear(failure) => Err(self.try_again(&failure)),
        }
    }

    /// Waits until what this process last did to the order shows in a read.
    pub(super) async fn until_shown(&self) {
        if let Some((_, shown_by)) = self.context.shown_by(self.order()) {
            tokio::time::sleep_until(shown_by).await;
        }
    }

    /// The same, unless all that it did was to create it.
    pub(super) async fn until_update_shown(&self) {
        if let Some((Operation::UpdateOrder, shown_by)) = self.context.shown_by(self.order()) {
            tokio::time::sleep_until(shown_by).await;
        }
    }

    /// Waits until a call for this message that another process may have begun has ended, and shows in a read. Says
    /// whether there may have been one.
    pub(super) async fn until_calls_have_ended(&self) -> bool {
        let may_be_open = self.inbound.redelivered || self.inbound.history.outcome_unknown;
        if may_be_open {
            tokio::time::sleep(self.context.timing.call_ended).await;
        }
        may_be_open
    }

    /// An update that certainly had no effect: when it is tried again, if ever.
    pub(super) fn not_updated(&self, failure: &Failure) -> Settlement {
        match action(failure.class, &self.context.limits) {
            Action::AwaitCreate => self.await_create(),
            Action::Retry { .. } => self.try_again(failure),
            Action::Refuse | Action::Compare | Action::Done => self.refused(failure),
        }
    }

    /// Comes back later, or is given up when its budget is spent.
    pub(super) fn try_again(&self, failure: &Failure) -> Settlement {
        let budget = match action(failure.class, &self.context.limits) {
            Action::Retry { attempts } => attempts,
            // a read or an update that was refused for good says nothing about the order: few tries, then a letter
            Action::Done | Action::Compare | Action::AwaitCreate | Action::Refuse => {
                self.context.limits.denied_attempts
            }
        };
        match self.retry(failure, budget) {
            Verdict::Later(later) => Settlement::Later(later),
            Verdict::GiveUp { attempts } => self.exhausted(failure, attempts),
        }
    }

    /// Waits in the retry queues for the order to be created.
    pub(super) fn await_create(&self) -> Settlement {
        match decide::await_create(&self.context.limits, &self.history(), Timestamp::now()) {
            Verdict::Later(later) => Settlement::Later(later),
            Verdict::GiveUp { .. } => self.refuse(OwnCode::OrderNotFound, "no such order was created in time"),
        }
    }
}
