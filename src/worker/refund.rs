//! Refunds of an order: each payment reaches the API once, because a read says before each call which are missing.
//!
//! Not here: what an order shows of a refund (`domain::refunds_left`).

use super::case::Case;
use super::update::Alone;
use crate::domain::command::UpdateRefunds;
use crate::domain::input::{RefundsInput, UpdateOrderInput};
use crate::domain::outcome::{Outcome, ResultKind, ResultRefund};
use crate::domain::refunds_left::{Obstacle, RefundsLeft, left_of};
use crate::domain::stored::StoredOrder;
use crate::policy::classify::{Failure, not_told};
use crate::ports::{OrderApi, Settlement};

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
        // nothing is sent unless it is known to be missing
        let stored = self.existing(&command.identifier).await?;
        let left = self.left_by(command, &stored, false).map_err(|end| *end)?;
        Ok((stored, left))
    }

    /// What the order does not show; or what becomes of the message where it cannot tell, perhaps after an effect.
    fn left_by(
        &self,
        command: &UpdateRefunds,
        stored: &StoredOrder,
        effect_possible: bool,
    ) -> Result<RefundsLeft, Box<Settlement>> {
        let conventions = &self.context.conventions;
        left_of(command, stored, &conventions.aliases.line, &conventions.rules).map_err(|obstacle| {
            Box::new(match obstacle {
                Obstacle::Rejected(rejection) => self.reject(&rejection),
                Obstacle::NotTold(what) => self.untold(&Failure { effect_possible, ..not_told(what) }),
            })
        })
    }

    async fn send_refunds(&self, command: &UpdateRefunds, stored: &StoredOrder, left: RefundsLeft) -> Settlement {
        let input =
            UpdateOrderInput { refunds: Some(RefundsInput { details: left.details }), ..UpdateOrderInput::default() };
        // one attempt for each read: between two attempts another process may have done it
        match self.update(stored, 0, &input).await {
            Ok(updated) => self.refunded(command, Outcome::Updated, &updated.over(stored)),
            Err(failure) if failure.effect_possible => {
                // nothing more is said before the call has certainly ended
                let shows_after = self.context.timing.call_ended;
                self.read_back(&command.identifier, shows_after, &failure, |stored| {
                    self.shown_refunds(command, &stored)
                })
                .await
            }
            Err(failure) => self.not_updated(&failure),
        }
    }

    /// The end of refunds whose answer was lost; none when some are missing.
    fn shown_refunds(&self, command: &UpdateRefunds, stored: &StoredOrder) -> Option<Settlement> {
        match self.left_by(command, stored, true) {
            Ok(left) => left.details.is_empty().then(|| self.refunded(command, Outcome::Updated, stored)),
            Err(end) => Some(*end),
        }
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
