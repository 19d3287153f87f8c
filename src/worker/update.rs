//! What all updates of an order share: the order must be there, and what follows when the update is not done.
//!
//! Not here: what each kind of update changes.

use jiff::Timestamp;
use tokio::time::Instant;

use super::case::Case;
use super::look_up::Found;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::Failure;
use crate::policy::decide::{self, Action, Budget, Verdict, action};
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
    pub(super) async fn until_shown(&self) -> Result<(), Settlement> {
        match self.context.shown_by(self.order()) {
            Some((_, shown_by)) => self.wait(shown_by).await.map_err(|late| self.try_again(&late)),
            None => Ok(()),
        }
    }

    /// The same, unless all that it did was to create it.
    pub(super) async fn until_update_shown(&self) -> Result<(), Settlement> {
        match self.context.shown_by(self.order()) {
            Some((Operation::UpdateOrder, _)) => self.until_shown().await,
            Some(_) | None => Ok(()),
        }
    }

    /// What `look` finds. Where an update hangs on it, that is what it finds when a call for this message that another
    /// process may have begun has ended, and shows in a read.
    pub(super) async fn settled<T, F: Future<Output = Result<T, Settlement>>>(
        &self,
        look: impl Fn() -> F,
        update_hangs_on: impl Fn(&T) -> bool,
    ) -> Result<T, Settlement> {
        let found = look().await?;
        let may_be_open = self.inbound.redelivered || self.inbound.history.outcome_unknown;
        if !(may_be_open && update_hangs_on(&found)) {
            return Ok(found);
        }
        let ended = Instant::now() + self.context.timing.call_ended;
        self.wait(ended).await.map_err(|late| self.try_again(&late))?;
        look().await
    }

    /// An update that certainly had no effect: when it is tried again, if ever.
    pub(super) fn not_updated(&self, failure: &Failure) -> Settlement {
        match action(failure.class) {
            Action::AwaitCreate => self.await_create(),
            Action::Retry(_) => self.try_again(failure),
            Action::Refuse | Action::Compare | Action::Done => self.refused(failure),
        }
    }

    /// Comes back later, or is given up when its budget is spent.
    pub(super) fn try_again(&self, failure: &Failure) -> Settlement {
        let budget = match action(failure.class) {
            Action::Retry(budget) => budget,
            // a read or an update that was refused for good says nothing about the order: few tries, then a letter
            Action::Done | Action::Compare | Action::AwaitCreate | Action::Refuse => Budget::Denied,
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
