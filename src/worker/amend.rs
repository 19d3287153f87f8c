//! An order is changed: what it does not show yet is sent, however often the message comes.
//!
//! Not here: what an order shows (`domain::amendment_left`).

use std::sync::PoisonError;

use uuid::Uuid;

use super::amended::{Done, Judged};
use super::case::Case;
use super::label::Label;
use super::look_up::Found;
use super::update::Alone;
use crate::domain::amendment_left::{LastWords, left_of};
use crate::domain::command::AmendOrder;
use crate::domain::input::UpdateOrderInput;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::outcome::{Outcome, ResultKind, result_id};
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::OwnCode;
use crate::policy::classify::Failure;
use crate::policy::decide::{Action, action};
use crate::ports::{OrderApi, Purpose, Settlement};

/// Whose an alias is that the API says is taken.
enum Holder {
    Us,
    Another,
    Nobody,
    Unclear(Failure),
}

impl<A: OrderApi> Case<'_, A> {
    /// Changes the order as far as it is not so already, and as far as no later amendment has set it.
    pub async fn amend(&self, AmendOrder { identifier, input, .. }: &AmendOrder) -> Result<Settlement, Settlement> {
        let look = async || {
            let stored = self.existing(identifier, Purpose::Amend).await?;
            let judged = self.judge_amendment(&stored.id, input);
            let left = left_of(&judged.wanted, &stored);
            Ok((stored, (judged, left)))
        };
        let Alone { stored, found: (judged, left), lock: _lock } = self.alone(look, |_| true).await?;
        if judged.wanted == UpdateOrderInput::default() {
            return Ok(self.done_with(ResultKind::OrderUpdated, Outcome::Superseded, &stored, |data| {
                data.superseded_by = judged.superseded_by;
            }));
        }
        let settlement = self.amend_now(&stored, left).await;
        if matches!(settlement, Settlement::Done(_)) {
            self.remember_amendment(&stored.id, &judged.wanted);
        }
        Ok(settlement)
    }

    async fn amend_now(&self, stored: &StoredOrder, left: UpdateOrderInput) -> Settlement {
        if left == UpdateOrderInput::default() {
            // an earlier attempt may have been what changed it
            let outcome = if self.outcome_unknown() { Outcome::Updated } else { Outcome::Unchanged };
            return self.done(ResultKind::OrderUpdated, outcome, stored);
        }
        let count = |told: Option<usize>, added: usize| told.unwrap_or_default() + added;
        let aliases = count(stored.aliases.as_ref().map(Vec::len), left.aliases.len());
        let links = count(stored.links.as_ref().map(Vec::len), left.order_links.len());
        match self.context.conventions.rules.check_counts(aliases, links) {
            Ok(()) => self.send_amendment(stored, left).await,
            Err(broken) => self.reject(&broken),
        }
    }

    /// Tells this amendment from others; a copy is the same.
    fn amendment(&self) -> Uuid {
        let Label { source, message_id, .. } = self.label;
        result_id(source, message_id, ResultKind::OrderUpdated, self.inbound.history.replays)
    }

    fn judge_amendment(&self, id: &str, input: &UpdateOrderInput) -> Judged {
        let amended = self.context.amended.lock().unwrap_or_else(PoisonError::into_inner);
        amended.judge(id, self.amendment(), self.has_own_id, &self.stamp, input)
    }

    fn remember_amendment(&self, id: &str, set: &UpdateOrderInput) {
        let done = Done {
            amendment: self.amendment(),
            message_id: self.label.message_id.clone(),
            stamp: self.stamp.clone(),
            set: LastWords::of(set),
            has_own_id: self.has_own_id,
        };
        self.context.amended.lock().unwrap_or_else(PoisonError::into_inner).done(id, done);
    }

    /// Sends what is left. Aliases that turn out to be ours are taken out, and the rest is sent again.
    async fn send_amendment(&self, stored: &StoredOrder, mut left: UpdateOrderInput) -> Settlement {
        let identifier = OrderIdentifier::OrderId(stored.id.clone());
        let retries = self.context.timing.retries;
        loop {
            let failure = match self.update(stored, retries, &left).await {
                Ok(updated) => return self.done(ResultKind::OrderUpdated, Outcome::Updated, &updated.over(stored)),
                Err(failure) => failure,
            };
            if failure.effect_possible {
                let shown = |stored: Box<StoredOrder>| {
                    let is_there = left_of(&left, &stored) == UpdateOrderInput::default();
                    is_there.then(|| self.done(ResultKind::OrderUpdated, Outcome::Updated, &stored))
                };
                return self
                    .read_back((&identifier, Purpose::Amend), self.context.timing.settle, &failure, shown)
                    .await;
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
        match self.read(&OrderIdentifier::Alias(alias.clone()), Purpose::Identify).await {
            Found::Order(stored) if stored.id == ours.id => Holder::Us,
            Found::Order(_) => Holder::Another,
            Found::Nothing => Holder::Nobody,
            Found::Unclear(failure) => Holder::Unclear(failure),
        }
    }
}
