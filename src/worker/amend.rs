//! An order is changed: what it does not show yet is sent, however often the message comes.
//!
//! Not here: what an order shows (`domain::amendment_left`).

use tokio::time::Instant;

use super::case::{Case, Identity};
use super::context::DoneAmendment;
use super::look_up::Found;
use crate::domain::amendment_left::{LastWords, left_of};
use crate::domain::command::AmendOrder;
use crate::domain::input::UpdateOrderInput;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::outcome::{Outcome, ResultKind, result_id};
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::Failure;
use crate::policy::decide::{Action, action};
use crate::ports::{Operation, OrderApi, Settlement};

/// Whose an alias is that the API says is taken.
enum Holder {
    Us,
    Another,
    Nobody,
    Unclear(Failure),
}

impl<A: OrderApi> Case<'_, A> {
    /// Changes the order as far as it is not so already. What comes after a later amendment would take that back, so a
    /// copy changes nothing, and one that the broker gave back late changes what the later one did not set. A replay is
    /// neither: somebody wants it to be the last.
    pub async fn amend(&self, AmendOrder { identifier, input, .. }: &AmendOrder) -> Result<Settlement, Settlement> {
        let Identity { source, message_id, .. } = &self.identity;
        let amendment = result_id(source, message_id, ResultKind::OrderUpdated, self.inbound.history.replays);
        // what is given out first comes after all that was
        let late = self.rank.filter(|_| self.inbound.hopped || self.inbound.redelivered);
        let set_after = late.map(|rank| self.context.set_after(self.order(), rank)).unwrap_or_default();
        let wanted = set_after.left_of(input);
        if self.context.is_superseded(self.order(), amendment) || wanted == UpdateOrderInput::default() {
            let stored = self.existing(identifier).await?;
            return Ok(self.done(ResultKind::OrderUpdated, Outcome::Superseded, &stored));
        }
        let settlement = self.amend_now(identifier, &wanted).await?;
        if matches!(settlement, Settlement::Done(_)) {
            self.context
                .amended(self.order(), DoneAmendment { amendment, rank: self.rank, set: LastWords::of(&wanted) });
        }
        Ok(settlement)
    }

    async fn amend_now(
        &self,
        identifier: &OrderIdentifier,
        wanted: &UpdateOrderInput,
    ) -> Result<Settlement, Settlement> {
        self.until_shown().await?;
        let look = async || {
            let stored = self.existing(identifier).await?;
            let left = left_of(wanted, &stored);
            Ok((stored, left))
        };
        let (stored, left) = self.settled(look, |(_, left)| *left != UpdateOrderInput::default()).await?;
        if left == UpdateOrderInput::default() {
            // an earlier attempt may have been what changed it
            let outcome = if self.outcome_unknown() { Outcome::Updated } else { Outcome::Unchanged };
            return Ok(self.done(ResultKind::OrderUpdated, outcome, &stored));
        }
        let count = |told: Option<usize>, added: usize| told.unwrap_or_default() + added;
        let aliases = count(stored.aliases.as_ref().map(Vec::len), left.aliases.len());
        let links = count(stored.links.as_ref().map(Vec::len), left.order_links.len());
        Ok(match self.context.conventions.rules.check_counts(aliases, links) {
            Ok(()) => self.send_amendment(&stored, left).await,
            Err(broken) => self.reject(&broken),
        })
    }

    /// Sends what is left. Aliases that turn out to be ours are taken out, and the rest is sent again.
    async fn send_amendment(&self, stored: &StoredOrder, mut left: UpdateOrderInput) -> Settlement {
        let identifier = OrderIdentifier::OrderId(stored.id.clone());
        let api = &self.context.api;
        loop {
            let failure = match self.send(Operation::UpdateOrder, || api.update_order(&identifier, &left)).await {
                Ok(updated) => return self.done(ResultKind::OrderUpdated, Outcome::Updated, &updated.over(stored)),
                Err(failure) => failure,
            };
            if failure.effect_possible {
                return self.look_for_amendment(&identifier, &left, &failure).await;
            }
            if action(failure.class) != Action::Compare {
                return self.not_updated(&failure);
            }
            if let Err(settlement) = self.without_ours(&mut left, stored, &failure).await {
                return settlement;
            }
            if left == UpdateOrderInput::default() {
                return self.done(ResultKind::OrderUpdated, Outcome::Updated, stored);
            }
        }
    }

    /// It may have taken effect: what is still left then is sent by the next attempt.
    async fn look_for_amendment(
        &self,
        identifier: &OrderIdentifier,
        sent: &UpdateOrderInput,
        failure: &Failure,
    ) -> Settlement {
        if self.wait(Instant::now() + self.context.timing.settle).await.is_err() {
            return self.try_again(&failure.not_looked_at());
        }
        match self.read(identifier).await {
            Found::Order(stored) if left_of(sent, &stored) == UpdateOrderInput::default() => {
                self.done(ResultKind::OrderUpdated, Outcome::Updated, &stored)
            }
            Found::Order(_) | Found::Nothing | Found::Unclear(_) => self.try_again(failure),
        }
    }

    /// Takes those aliases out that the order has already; at least one, or the message's end is returned.
    async fn without_ours(
        &self,
        left: &mut UpdateOrderInput,
        stored: &StoredOrder,
        conflict: &Failure,
    ) -> Result<(), Settlement> {
        let (before, mut others) = (left.aliases.len(), Vec::new());
        for alias in std::mem::take(&mut left.aliases) {
            match self.holder(&alias, stored).await {
                Holder::Us => {}
                Holder::Nobody => others.push(alias),
                Holder::Another => {
                    let why = format!("alias type {}: it names another order", alias.alias_type);
                    return Err(self.refuse(OwnCode::AliasBelongsToAnotherOrder, &why));
                }
                Holder::Unclear(failure) => return Err(self.try_again(&failure)),
            }
        }
        left.aliases = others;
        // taken, and yet nobody's: the API has not made up its mind, or hides the order from us
        if left.aliases.len() == before { Err(self.taken_by_nobody(conflict)) } else { Ok(()) }
    }

    async fn holder(&self, alias: &Alias, ours: &StoredOrder) -> Holder {
        match self.read(&OrderIdentifier::Alias(alias.clone())).await {
            Found::Order(stored) if stored.id == ours.id => Holder::Us,
            Found::Order(_) => Holder::Another,
            Found::Nothing => Holder::Nobody,
            Found::Unclear(failure) => Holder::Unclear(failure),
        }
    }
}
