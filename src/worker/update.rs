//! Steps that all updates of an order share: find the order, have it alone, send, and look when an answer was lost.
//!
//! Not here: what each kind of update changes.

use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::time::Instant;

use super::call::{Call, not_called};
use super::context::Timing;
use super::ending::{Ending, EndsHere};
use super::look_up::{Found, read};
use super::pace::PutOff;
use crate::domain::input::UpdateOrderInput;
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::StoredOrder;
use crate::policy::classify::Failure;
use crate::ports::{ApiError, Operation, OrderApi, Purpose, Settlement, WaitReason};

/// An order that nothing else of this process changes meanwhile.
pub(super) struct Alone<T> {
    /// The order, as it was read.
    pub(super) stored: Box<StoredOrder>,
    /// The rest of what the look found.
    pub(super) found: T,
    /// Held as long as this.
    pub(super) lock: OwnedMutexGuard<()>,
}

/// The order that an update is about.
///
/// # Errors
/// It is not there, or no read tells.
pub(super) async fn existing<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    identifier: &OrderIdentifier,
    purpose: Purpose,
) -> Result<Box<StoredOrder>, EndsHere> {
    match read(call, identifier, purpose).await {
        Found::Order(stored) => Ok(stored),
        Found::Nothing => Err(ending.await_create().into()),
        Found::Unclear(failure) if ending.outcome_unknown() => Err(ending.untold(&failure).into()),
        Found::Unclear(failure) => Err(ending.try_again(&failure).into()),
    }
}

/// The end of an update that failed and may have taken effect all the same: looks when that must show. `shown` gives the
/// message's end as far as the order shows one. Without one the message comes again, and sends what is missing.
pub(super) async fn read_back<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    (identifier, purpose): (&OrderIdentifier, Purpose),
    shows_after: Duration,
    failure: &Failure,
    shown: impl FnOnce(Box<StoredOrder>) -> Option<Settlement>,
) -> Settlement {
    if call.wait(Instant::now() + shows_after).await.is_err() {
        return ending.untold(&failure.not_looked_at());
    }
    match read(call, identifier, purpose).await {
        Found::Order(stored) => shown(stored).unwrap_or_else(|| ending.try_again(failure)),
        Found::Unclear(unread) => ending.untold(&Failure { effect_possible: true, ..unread }),
        Found::Nothing => ending.untold(failure),
    }
}

/// Runs `look` while nothing else of this process changes the order, before a call of `operation`. Looks again where it had
/// to wait: for another message, or until this process' last change of the order shows in a read.
///
/// # Errors
/// The look ends the message, or there is no time to wait for.
pub(super) async fn alone<A: OrderApi, T, F: Future<Output = Result<(Box<StoredOrder>, T), EndsHere>>>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    operation: Operation,
    look: impl Fn() -> F,
    waits_for: impl Fn(Operation) -> bool,
) -> Result<Alone<T>, EndsHere> {
    let context = call.context;
    if ending.awaits_create() && context.pace.holds_back() {
        // no probe: that its order is still not there says nothing
        return Err(ending.await_pause().into());
    }
    if context.pace.puts_off(operation) {
        // a read would be in vain
        return Err(ending.try_again(&not_called(operation, PutOff::Paused)).into());
    }
    let shown_by = |name: &str| {
        let change = context.memory.shown_by(name).filter(|(operation, _)| waits_for(*operation));
        change.map(|(_, shown_by)| shown_by)
    };
    let late = |late: Failure| EndsHere::from(ending.try_again(&late));
    until(call, shown_by(call.order())).await.map_err(late)?;
    let asked = Instant::now();
    let (stored, found) = look().await?;
    let free = context.locks.try_lock(&stored.id);
    let (lock, was_free) = match free {
        Some(lock) => (lock, true),
        None => (lock(call, operation, &stored.id).await.map_err(late)?, false),
    };
    // changed under another name while it was read, or shortly before
    let changed = shown_by(&stored.id).filter(|shown_by| *shown_by > asked);
    if was_free && changed.is_none() {
        return Ok(Alone { stored, found, lock });
    }
    until(call, changed).await.map_err(late)?;
    let (stored, found) = look().await?;
    Ok(Alone { stored, found, lock })
}

async fn until<A: OrderApi>(call: &Call<'_, A>, at: Option<Instant>) -> Result<(), Failure> {
    match at {
        Some(at) if at > Instant::now() => call.wait(at).await,
        Some(_) | None => Ok(()),
    }
}

async fn lock<A: OrderApi>(call: &Call<'_, A>, operation: Operation, id: &str) -> Result<OwnedMutexGuard<()>, Failure> {
    let _held = call.waits_for(WaitReason::Order);
    let locked = call.in_time(call.context.locks.lock(id), PutOff::OrderBusy).await;
    locked.map_err(|why| not_called(operation, why))
}

/// Sends an update of an order that [`alone`] has locked.
pub(super) async fn update<A: OrderApi>(
    call: &Call<'_, A>,
    stored: &StoredOrder,
    retries: usize,
    input: &UpdateOrderInput,
) -> Result<StoredOrder, Failure> {
    let identifier = OrderIdentifier::OrderId(stored.id.clone());
    change(call, stored, retries, Operation::UpdateOrder, || call.context.api.update_order(&identifier, input)).await
}

/// Makes a call that changes an order which [`alone`] has locked.
pub(super) async fn change<A: OrderApi, F: Future<Output = Result<StoredOrder, ApiError>>>(
    call: &Call<'_, A>,
    stored: &StoredOrder,
    retries: usize,
    operation: Operation,
    send: impl Fn() -> F,
) -> Result<StoredOrder, Failure> {
    let changed = call.send_about(call.order(), retries, operation, send).await;
    let Timing { visible_after, call_ended, .. } = call.context.timing;
    let shows_after = match &changed {
        Ok(_) => Some(visible_after),
        // nobody knows whether the call has ended
        Err(failure) => failure.effect_possible.then_some(call_ended),
    };
    if let Some(shows_after) = shows_after {
        call.context.memory.changed(operation, [call.order(), &stored.id], shows_after);
    }
    changed
}
