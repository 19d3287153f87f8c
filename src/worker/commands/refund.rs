//! Refunds of an order: each payment reaches the API once, because a read says before each call which are missing.
//!
//! Not here: what an order shows of a refund (`domain::refunds_left`).

use crate::domain::command::UpdateRefunds;
use crate::domain::conventions::Conventions;
use crate::domain::input::{RefundsInput, UpdateOrderInput};
use crate::domain::outcome::{Outcome, ResultKind, ResultRefund};
use crate::domain::refunds_left::{Obstacle, RefundsLeft, left_of};
use crate::domain::stored::StoredOrder;
use crate::policy::classify::{Failure, not_told};
use crate::ports::{Operation, OrderApi, Purpose, Settlement};
use crate::worker::call::Call;
use crate::worker::ending::{Ending, EndsHere};
use crate::worker::update::{Alone, alone, existing, read_back, update};

/// Tells the API what an order does not show yet of its refunds.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Refund<'a>(pub(in crate::worker) &'a UpdateRefunds);

impl Refund<'_> {
    /// Sends what is missing.
    pub(in crate::worker) async fn apply<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
    ) -> Result<Settlement, EndsHere> {
        let conventions = &call.context.conventions;
        let look = async || {
            // nothing is sent unless it is known to be missing
            let stored = existing(call, ending, &self.0.identifier, Purpose::Refund).await?;
            let left = self.left(conventions, ending, &stored, false)?;
            Ok((stored, left))
        };
        let Alone { stored, found: left, lock: _lock } =
            alone(call, ending, Operation::UpdateOrder, look, |_| true).await?;
        if left.details.is_empty() {
            let outcome = match left.superseded {
                true => Outcome::Superseded,
                false if ending.outcome_unknown() => Outcome::Updated,
                false => Outcome::Unchanged,
            };
            return Ok(self.refunded(ending, outcome, &stored));
        }
        Ok(self.send(call, ending, &stored, left).await)
    }

    /// The result of refunds that the order shows, before their message is given up.
    pub(in crate::worker) fn effect(
        self,
        conventions: &Conventions,
        ending: &Ending<'_>,
        stored: &StoredOrder,
    ) -> Option<Settlement> {
        let left = left_of(self.0, stored, &conventions.aliases.line, &conventions.rules).ok()?;
        left.details.is_empty().then(|| self.refunded(ending, Outcome::Updated, stored))
    }

    /// The part that the order does not show.
    ///
    /// # Errors
    /// The message is refused, or the order does not tell; perhaps after an effect.
    fn left(
        self,
        conventions: &Conventions,
        ending: &Ending<'_>,
        stored: &StoredOrder,
        effect_possible: bool,
    ) -> Result<RefundsLeft, EndsHere> {
        left_of(self.0, stored, &conventions.aliases.line, &conventions.rules).map_err(|obstacle| match obstacle {
            Obstacle::Rejected(rejection) => ending.reject(&rejection).into(),
            Obstacle::NotTold(what) => {
                ending.untold(&Failure { effect_possible, ..not_told(what, &stored.unknown) }).into()
            }
        })
    }

    async fn send<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
        stored: &StoredOrder,
        left: RefundsLeft,
    ) -> Settlement {
        let input =
            UpdateOrderInput { refunds: Some(RefundsInput { details: left.details }), ..UpdateOrderInput::default() };
        // one attempt for each read: between two attempts another process may have done it
        match update(call, stored, 0, &input).await {
            Ok(updated) => self.refunded(ending, Outcome::Updated, &updated.over(stored)),
            Err(failure) if failure.effect_possible => {
                // nothing more is said before the call has certainly ended
                let shows_after = call.context.timing.call_ended;
                let shown = |stored: Box<StoredOrder>| self.shown(&call.context.conventions, ending, &stored);
                read_back(call, ending, (&self.0.identifier, Purpose::Refund), shows_after, &failure, shown).await
            }
            Err(failure) => ending.not_updated(&failure),
        }
    }

    /// The end of refunds whose answer was lost; none when some are missing.
    fn shown(self, conventions: &Conventions, ending: &Ending<'_>, stored: &StoredOrder) -> Option<Settlement> {
        match self.left(conventions, ending, stored, true) {
            Ok(left) => left.details.is_empty().then(|| self.refunded(ending, Outcome::Updated, stored)),
            Err(early) => Some(EndsHere::settlement(Err(early))),
        }
    }

    fn refunded(self, ending: &Ending<'_>, outcome: Outcome, stored: &StoredOrder) -> Settlement {
        let refunds = self.0.refunds.iter().filter_map(|refund| {
            let known = stored.refunds.as_deref().unwrap_or_default();
            let by_alias = known.iter().find(|known| {
                refund.alias.as_ref().is_some_and(|alias| known.aliases.as_ref().is_some_and(|its| its.contains(alias)))
            });
            let id = refund.id.clone().or_else(|| by_alias.map(|known| known.id.clone()))?;
            Some(ResultRefund { external_id: refund.alias.as_ref().map(|alias| alias.alias_id.clone()), id })
        });
        let refunds = refunds.collect();
        ending.done_with(ResultKind::OrderUpdated, outcome, stored, |data| data.refunds = refunds)
    }
}
