//! Refunds of an order: each payment reaches the API once, because a read says before each call which are missing.
//!
//! Not here: what an order shows of a refund (`domain::refunds_left`).

use tokio::time::Instant;

use super::case::Case;
use super::look_up::Found;
use super::update::Alone;
use crate::domain::command::UpdateRefunds;
use crate::domain::input::{RefundsInput, UpdateOrderInput};
use crate::domain::outcome::{Outcome, ResultKind, ResultRefund};
use crate::domain::refunds_left::{Obstacle, RefundsLeft, left_of};
use crate::domain::stored::StoredOrder;
use crate::policy::classify::{Failure, not_told};
use crate::policy::decide::Budget;
use crate::ports::{OrderApi, Purpose, Settlement};

impl<A: OrderApi> Case<'_, A> {
    /// Tells what the order does not show yet.
    pub async fn update_refunds(&self, command: &UpdateRefunds) -> Result<Settlement, Settlement> {
        let found = self.alone(|| self.refunds_left(command), |_| true).await?;
        let Alone { stored, found: left, lock: _lock } = found;
        if left.details.is_empty() {
            let outcome = match left.superseded {
                true => Outcome::Superseded,
                false if self.outcome_unknown() => Outcome::Updated,
                false => Outcome::Unchanged,
            };
            return Ok(self.refunded(command, outcome, &stored));
        }
        Ok(self.send_refunds(command, &stored, left).await)
    }

    /// The order, and what it does not show yet; or what becomes of the message without them.
    async fn refunds_left(&self, command: &UpdateRefunds) -> Result<(Box<StoredOrder>, RefundsLeft), Settlement> {
        let stored = match self.read(&command.identifier, Purpose::Refund).await {
            // nothing is sent unless it is known to be missing
            Found::Unclear(failure) if self.outcome_unknown() => return Err(self.untold(&failure)),
            Found::Unclear(failure) => return Err(self.try_again(&failure)),
            Found::Nothing => return Err(self.await_create()),
            Found::Order(stored) => stored,
        };
        let conventions = &self.context.conventions;
        match left_of(command, &stored, &conventions.aliases.line, &conventions.rules) {
            Ok(left) => Ok((stored, left)),
            Err(Obstacle::Rejected(rejection)) => Err(self.reject(&rejection)),
            Err(Obstacle::NotTold(what)) => Err(self.untold(&not_told(what, &stored.unknown))),
        }
    }

    async fn send_refunds(&self, command: &UpdateRefunds, stored: &StoredOrder, left: RefundsLeft) -> Settlement {
        let input =
            UpdateOrderInput { refunds: Some(RefundsInput { details: left.details }), ..UpdateOrderInput::default() };
        // one attempt for each read: between two attempts another process may have done it
        match self.update(stored, 0, &input).await {
            Ok(updated) => self.refunded(command, Outcome::Updated, &updated.over(stored)),
            Err(failure) if failure.effect_possible => self.look_for_refunds(command, &failure).await,
            Err(failure) => self.not_updated(&failure),
        }
    }

    /// They may have been recorded: nothing more is said before the call has certainly ended and a read has told.
    async fn look_for_refunds(&self, command: &UpdateRefunds, failure: &Failure) -> Settlement {
        if self.wait(Instant::now() + self.context.timing.call_ended).await.is_err() {
            return self.untold(&failure.not_looked_at());
        }
        let stored = match self.read(&command.identifier, Purpose::Refund).await {
            Found::Order(stored) => stored,
            Found::Unclear(unread) => return self.untold(&Failure { effect_possible: true, ..unread }),
            Found::Nothing => return self.untold(failure),
        };
        let conventions = &self.context.conventions;
        match left_of(command, &stored, &conventions.aliases.line, &conventions.rules) {
            Ok(left) if left.details.is_empty() => self.refunded(command, Outcome::Updated, &stored),
            Ok(_) => self.try_again(failure),
            Err(Obstacle::Rejected(rejection)) => self.reject(&rejection),
            Err(Obstacle::NotTold(what)) => {
                self.untold(&Failure { effect_possible: true, ..not_told(what, &stored.unknown) })
            }
        }
    }

    /// No read tells what is there. While none tells it of any order, that passes; else somebody has to look in the end.
    fn untold(&self, failure: &Failure) -> Settlement {
        self.unclear_within(Budget::Passing, failure)
    }

    pub(super) fn refunded(&self, command: &UpdateRefunds, outcome: Outcome, stored: &StoredOrder) -> Settlement {
        let refunds = command.refunds.iter().filter_map(|refund| {
            let known = stored.refunds.as_deref().unwrap_or_default();
            let by_alias = known.iter().find(|known| {
                refund.alias.as_ref().is_some_and(|alias| known.aliases.as_ref().is_some_and(|its| its.contains(alias)))
            });
            let id = refund.id.clone().or_else(|| by_alias.map(|known| known.id.clone()))?;
            Some(ResultRefund { external_id: refund.alias.as_ref().map(|alias| alias.alias_id.clone()), id })
        });
        let refunds = refunds.collect();
        self.done_with(ResultKind::OrderUpdated, outcome, stored, |data| data.refunds = refunds)
    }
}
