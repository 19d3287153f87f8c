//! An order is changed: what it does not show yet is sent, however often the message comes.
//!
//! Not here: what an order shows (`domain::amendment_left`).

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::amendment_left::{LastWords, left_of};
use crate::domain::command::AmendOrder;
use crate::domain::envelope::Envelope;
use crate::domain::input::UpdateOrderInput;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::outcome::{Outcome, ResultKind, result_id};
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::{Decision, OwnCode};
use crate::policy::classify::Failure;
use crate::ports::{Inbound, Operation, OrderApi, Purpose, Settlement};
use crate::worker::amended::{Done, Judged, Stamp};
use crate::worker::call::Call;
use crate::worker::ending::{Ending, EndsHere};
use crate::worker::look_up::{Found, read};
use crate::worker::update::{Alone, alone, existing, read_back, update};

/// Changes an order as far as it is not so already, and as far as no later amendment has set it.
#[derive(Clone, Debug)]
pub(in crate::worker) struct Amend<'a> {
    command: &'a AmendOrder,
    /// Tells this amendment from others; a copy is the same.
    amendment: Uuid,
    message_id: &'a str,
    has_own_id: bool,
    stamp: Stamp,
}

/// Holder of an alias that the API says is taken.
enum AliasHolder {
    Us,
    Another,
    Nobody,
    Unclear(Failure),
}

impl<'a> Amend<'a> {
    /// The amendment of this message.
    pub(in crate::worker) fn new(command: &'a AmendOrder, inbound: &Inbound, envelope: &'a Envelope) -> Self {
        let Envelope { source, id, has_own_id, .. } = envelope;
        let amendment = result_id(source, id, ResultKind::OrderUpdated, inbound.history.replays);
        Self { command, amendment, message_id: id, has_own_id: *has_own_id, stamp: stamp(inbound, envelope) }
    }

    /// Changes the order.
    pub(in crate::worker) async fn apply<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
    ) -> Result<Settlement, EndsHere> {
        let AmendOrder { identifier, input, .. } = self.command;
        let look = async || {
            let stored = existing(call, ending, identifier, Purpose::Amend).await?;
            let judged = self.judge(call, &stored.id, input);
            let left = left_of(&judged.wanted, &stored);
            Ok((stored, (judged, left)))
        };
        let Alone { stored, found: (judged, left), lock: _lock } =
            alone(call, ending, Operation::UpdateOrder, look, |_| true).await?;
        if judged.wanted.is_empty() {
            return Ok(ending.done_with(ResultKind::OrderUpdated, Outcome::Superseded, &stored, |data| {
                data.superseded_by = judged.superseded_by;
            }));
        }
        let settlement = amend(call, ending, &stored, left).await;
        if matches!(settlement, Settlement::Done(_)) {
            self.remember(call, &stored.id, &judged.wanted);
        }
        Ok(settlement)
    }

    /// The result of an amendment that the order shows, before its message is given up.
    pub(in crate::worker) fn effect(
        command: &AmendOrder,
        ending: &Ending<'_>,
        stored: &StoredOrder,
    ) -> Option<Settlement> {
        shown(ending, &command.input, stored)
    }

    fn judge<A>(&self, call: &Call<'_, A>, id: &str, input: &UpdateOrderInput) -> Judged {
        call.context.memory.amended().judge(id, self.amendment, self.has_own_id, &self.stamp, input)
    }

    fn remember<A>(&self, call: &Call<'_, A>, id: &str, set: &UpdateOrderInput) {
        let done = Done {
            amendment: self.amendment,
            message_id: self.message_id.to_owned(),
            stamp: self.stamp.clone(),
            set: LastWords::of(set),
            has_own_id: self.has_own_id,
        };
        call.context.memory.amended().done(id, done);
    }
}

/// Place of an amendment among those of its order. A replay is meant to be the last, whatever its age.
fn stamp(inbound: &Inbound, envelope: &Envelope) -> Stamp {
    let taken = inbound.history.first_taken_at.unwrap_or_else(Timestamp::now);
    let may_be_late = inbound.hopped || inbound.redelivered;
    match inbound.history.replays {
        0 => Stamp { sequence: envelope.sequence.clone(), time: envelope.time, taken, may_be_late },
        _ => Stamp::of_replay(taken, false),
    }
}

async fn amend<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    stored: &StoredOrder,
    left: UpdateOrderInput,
) -> Settlement {
    if left.is_empty() {
        // an earlier attempt may have been what changed it
        let outcome = if ending.outcome_unknown() { Outcome::Updated } else { Outcome::Unchanged };
        return ending.done(ResultKind::OrderUpdated, outcome, stored);
    }
    let count = |told: Option<usize>, added: usize| told.unwrap_or_default() + added;
    let aliases = count(stored.aliases.as_ref().map(Vec::len), left.aliases.len());
    let links = count(stored.links.as_ref().map(Vec::len), left.order_links.len());
    match call.context.conventions.rules.check_counts(aliases, links) {
        Ok(()) => EndsHere::settlement(send(call, ending, stored, left).await),
        Err(broken) => ending.reject(&broken),
    }
}

/// Sends what is left. Aliases that turn out to be ours are removed, and the rest is sent again.
async fn send<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    stored: &StoredOrder,
    mut left: UpdateOrderInput,
) -> Result<Settlement, EndsHere> {
    let identifier = OrderIdentifier::OrderId(stored.id.clone());
    let timing = &call.context.timing;
    let updated = |stored: &StoredOrder| ending.done(ResultKind::OrderUpdated, Outcome::Updated, stored);
    loop {
        let failure = match update(call, stored, timing.retries, &left).await {
            Ok(changed) => return Ok(updated(&changed.over(stored))),
            Err(failure) => failure,
        };
        if failure.effect_possible {
            let look = (&identifier, Purpose::Amend);
            let shown = |stored: Box<StoredOrder>| shown(ending, &left, &stored);
            return Ok(read_back(call, ending, look, timing.visible_after, &failure, shown).await);
        }
        if failure.class.decision() != Decision::Compare {
            return Ok(ending.not_updated(&failure));
        }
        remove_ours(call, ending, &mut left, stored, &failure).await?;
        if left.is_empty() {
            return Ok(updated(stored));
        }
    }
}

/// The result of an amendment of which the order shows everything.
fn shown(ending: &Ending<'_>, wanted: &UpdateOrderInput, stored: &StoredOrder) -> Option<Settlement> {
    left_of(wanted, stored).is_empty().then(|| ending.done(ResultKind::OrderUpdated, Outcome::Updated, stored))
}

/// Removes the aliases that the order has already, at least one.
///
/// # Errors
/// Another order has one, or nobody can say whose they are.
async fn remove_ours<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    left: &mut UpdateOrderInput,
    stored: &StoredOrder,
    conflict: &Failure,
) -> Result<(), EndsHere> {
    let (before, mut others) = (left.aliases.len(), Vec::new());
    for alias in std::mem::take(&mut left.aliases) {
        match holder(call, &alias, stored).await {
            AliasHolder::Us => {}
            AliasHolder::Nobody => others.push(alias),
            AliasHolder::Another => {
                let why = format!("alias type {}: it names another order", alias.alias_type);
                return Err(ending.refuse(OwnCode::AliasBelongsToAnotherOrder, &why).into());
            }
            AliasHolder::Unclear(failure) => return Err(ending.try_again(&failure).into()),
        }
    }
    left.aliases = others;
    // taken, and yet nobody's: the API has not made up its mind, or hides the order from us
    if left.aliases.len() == before { Err(ending.conflict_with_nobody(conflict).into()) } else { Ok(()) }
}

async fn holder<A: OrderApi>(call: &Call<'_, A>, alias: &Alias, ours: &StoredOrder) -> AliasHolder {
    match read(call, &OrderIdentifier::Alias(alias.clone()), Purpose::Identify).await {
        Found::Order(stored) if stored.id == ours.id => AliasHolder::Us,
        Found::Order(_) => AliasHolder::Another,
        Found::Nothing => AliasHolder::Nobody,
        Found::Unclear(failure) => AliasHolder::Unclear(failure),
    }
}
