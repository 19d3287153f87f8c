//! What all updates of an order share: the order must be there, and what follows when the update is not done.
//!
//! Not here: what each kind of update changes.

use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::case::Case;
use super::context::Timing;
use super::look_up::Found;
use super::pace::PutOff;
use super::send::not_called;
use crate::domain::input::UpdateOrderInput;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::Failure;
use crate::policy::decide::{self, Action, Budget, Verdict, action};
use crate::ports::{Operation, OrderApi, Purpose, Settlement, WaitReason};

/// An order that nothing else of this process changes meanwhile.
pub(super) struct Alone<T> {
    /// The order, as it was read.
    pub(super) stored: Box<StoredOrder>,
    /// The rest of what the look found.
    pub(super) found: T,
    /// Held as long as this.
    pub(super) lock: OwnedMutexGuard<()>,
}

impl<A: OrderApi> Case<'_, A> {
    /// The order that an update is about, or what becomes of the message without it.
    pub(super) async fn existing(
        &self,
        identifier: &OrderIdentifier,
        purpose: Purpose,
    ) -> Result<Box<StoredOrder>, Settlement> {
        match self.read(identifier, purpose).await {
            Found::Order(stored) => Ok(stored),
            Found::Nothing => Err(self.await_create()),
            Found::Unclear(failure) if self.outcome_unknown() => Err(self.untold(&failure)),
            Found::Unclear(failure) => Err(self.try_again(&failure)),
        }
    }

    /// What became of an update that failed and may have taken effect all the same: looks when that must show. `shown` gives
    /// the message's end as far as the order shows one; without one the message comes again, and sends what is missing.
    pub(super) async fn read_back(
        &self,
        (identifier, purpose): (&OrderIdentifier, Purpose),
        shows_after: Duration,
        failure: &Failure,
        shown: impl FnOnce(Box<StoredOrder>) -> Option<Settlement>,
    ) -> Settlement {
        if self.wait(Instant::now() + shows_after).await.is_err() {
            return self.untold(&failure.not_looked_at());
        }
        match self.read(identifier, purpose).await {
            Found::Order(stored) => shown(stored).unwrap_or_else(|| self.try_again(failure)),
            Found::Unclear(unread) => self.untold(&Failure { effect_possible: true, ..unread }),
            Found::Nothing => self.untold(failure),
        }
    }

    /// No read tells what is there. While none tells it of any order, that passes; else somebody has to look in the end.
    pub(super) fn untold(&self, failure: &Failure) -> Settlement {
        self.unclear_within(Budget::Passing, failure)
    }

    /// Runs `look` while nothing else of this process changes the order. Looks again where it had to wait: for another
    /// message, or until this process' last change of the order shows in a read.
    pub(super) async fn alone<T, F: Future<Output = Result<(Box<StoredOrder>, T), Settlement>>>(
        &self,
        look: impl Fn() -> F,
        waits_for: impl Fn(Operation) -> bool,
    ) -> Result<Alone<T>, Settlement> {
        if self.inbound.history.awaited.is_some() && self.context.pace.holds_back() {
            // no probe: that its order is still not there says nothing
            return Err(Settlement::Later(decide::await_pause(&self.history(), Timestamp::now())));
        }
        if self.context.pace.puts_off(Operation::UpdateOrder) {
            // a read would be in vain
            return Err(self.try_again(&not_called(Operation::UpdateOrder, PutOff::Paused)));
        }
        let shown_by = |name: &str| {
            let change = self.context.shown_by(name).filter(|(operation, _)| waits_for(*operation));
            change.map(|(_, shown_by)| shown_by)
        };
        self.until(shown_by(self.order())).await?;
        let asked = Instant::now();
        let (stored, found) = look().await?;
        let free = self.context.locks.try_lock(&stored.id);
        let (lock, was_free) = match free {
            Some(lock) => (lock, true),
            None => (self.lock(&stored.id).await.map_err(|busy| self.try_again(&busy))?, false),
        };
        // changed under another name while it was read, or shortly before
        let changed = shown_by(&stored.id).filter(|shown_by| *shown_by > asked);
        if was_free && changed.is_none() {
            return Ok(Alone { stored, found, lock });
        }
        self.until(changed).await?;
        let (stored, found) = look().await?;
        Ok(Alone { stored, found, lock })
    }

    async fn until(&self, at: Option<Instant>) -> Result<(), Settlement> {
        match at {
            Some(at) if at > Instant::now() => self.wait(at).await.map_err(|late| self.try_again(&late)),
            Some(_) | None => Ok(()),
        }
    }

    async fn lock(&self, id: &str) -> Result<OwnedMutexGuard<()>, Failure> {
        let _held = self.waits_for(WaitReason::Order);
        let locked = self.in_time(self.context.locks.lock(id), PutOff::OrderBusy).await;
        locked.map_err(|why| not_called(Operation::UpdateOrder, why))
    }

    /// Sends an update of an order that [`Case::alone`] has locked.
    pub(super) async fn update(
        &self,
        stored: &StoredOrder,
        retries: usize,
        input: &UpdateOrderInput,
    ) -> Result<StoredOrder, Failure> {
        let identifier = OrderIdentifier::OrderId(stored.id.clone());
        let call = || self.context.api.update_order(&identifier, input);
        let updated = self.send_about(self.order(), retries, Operation::UpdateOrder, call).await;
        let Timing { settle, call_ended, .. } = self.context.timing;
        let shows_after = match &updated {
            Ok(_) => Some(settle),
            // nobody knows whether the call has ended
            Err(failure) => failure.effect_possible.then_some(call_ended),
        };
        if let Some(shows_after) = shows_after {
            self.context.changed(Operation::UpdateOrder, [self.order(), &stored.id], shows_after);
        }
        updated
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
