//! The pace of all calls: a token for each attempt, a quota for repeated ones, a pause while no call is of use.
//!
//! Not here: the rules (`policy::limiter`, `policy::breaker`); the calls.

mod told;

use std::future::pending;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge, histogram};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use self::told::{Paused, of_pauses};
use super::clock::{Clock, HeldBack};
use crate::policy::breaker::Waits;
use crate::policy::breakers::{Admission, Breakers, Probe};
use crate::policy::call_queue::{CallQueue, Place};
use crate::policy::catalogue::Class;
use crate::policy::limiter::{Limiter, RetryQuota};
use crate::policy::sign::Sign;
use crate::ports::{Operation, Pause};

/// Settings of the pace.
#[derive(Clone, Debug)]
pub struct Pacing {
    /// Calls per second that are never exceeded, where somebody has set that.
    pub max_calls_per_second: Option<f64>,
    /// Waits of a pause.
    pub waits: Waits,
}

/// The pace of all calls of a process.
#[derive(Debug)]
pub struct Pace {
    state: Mutex<State>,
    /// Changes whenever a call that had to wait may find it otherwise.
    changes: watch::Sender<u64>,
    stop: CancellationToken,
    /// When the clock of the rules began.
    start: Instant,
}

#[derive(Debug)]
struct State {
    limiter: Limiter,
    quota: RetryQuota,
    breakers: Breakers,
    /// Messages that wait for a call.
    queue: CallQueue<Arc<Notify>>,
    held_back: HeldBack,
}

/// Why a call is not made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutOff {
    /// Calls of its operation are paused, others are not.
    Paused,
    /// The process is to end.
    Stopping,
    /// Others were first until it was too late.
    NoTurn,
    /// The message's session with the broker is lost: it comes again.
    SessionLost,
    /// The broker did not say in time that this worker is still the active one.
    NotConfirmedActive,
    /// Another message changed the order until it was too late.
    OrderBusy,
}

impl PutOff {
    /// As the history of a message writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paused => "Paused",
            Self::Stopping => "Stopping",
            Self::NoTurn => "NoTurn",
            Self::SessionLost => "SessionLost",
            Self::NotConfirmedActive => "NotConfirmedActive",
            Self::OrderBusy => "OrderBusy",
        }
    }
}

/// An attempt that has ended.
#[derive(Clone, Copy, Debug)]
pub struct Attempt<'a> {
    /// The operation that was called.
    pub operation: Operation,
    /// The order that it was for.
    pub order: &'a str,
    /// When it began.
    pub began: Instant,
    /// Class of its failure; `None` for a success.
    pub class: Option<Class>,
    /// Its sign for all calls.
    pub sign: Sign,
    /// How the API answered, in its own names; empty for a success.
    pub answer: &'a str,
}

impl<'a> Attempt<'a> {
    /// An attempt that succeeded.
    pub(super) fn success(operation: Operation, order: &'a str, began: Instant) -> Self {
        Self { operation, order, began, class: None, sign: Sign::Works(operation), answer: "" }
    }
}

/// The right to begin one call. Where that call is a probe, the next one may begin when this is dropped.
#[derive(Debug)]
pub struct Permit<'a> {
    pace: &'a Pace,
    probe: Probe,
}

/// A message that waits for a call. Dropped, it waits no longer, and the next one is told.
struct Waiting<'a> {
    pace: &'a Pace,
    place: Place,
    its_turn: Arc<Notify>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(next) = self.pace.state().queue.leave(self.place) {
            next.notify_one();
        }
    }
}

impl Drop for Permit<'_> {
    fn drop(&mut self) {
        if self.probe != Probe::default() {
            self.pace.change(|state, _| state.breakers.release(self.probe));
            self.pace.tell();
        }
    }
}

impl Pace {
    /// No pause, and no limit but the one that is set.
    pub fn new(pacing: Pacing) -> Self {
        let state = State {
            limiter: Limiter::new(pacing.max_calls_per_second),
            quota: RetryQuota::default(),
            breakers: Breakers::new(&pacing.waits),
            queue: CallQueue::default(),
            held_back: HeldBack::default(),
        };
        Self {
            state: Mutex::new(state),
            changes: watch::Sender::default(),
            stop: CancellationToken::new(),
            start: Instant::now(),
        }
    }

    /// A message's clock, begun at this time.
    pub fn clock(&self, began: Instant) -> Clock {
        let mut state = self.state();
        Clock::new(began, state.held_back.total(self.start.elapsed()), state.queue.rank())
    }

    /// The clock of a message that has failed: it goes on, and others make their calls before it.
    pub fn behind_others(&self, clock: &Clock) -> Clock {
        clock.with(self.state().queue.rank())
    }

    /// The time on a message's clock.
    pub fn elapsed(&self, clock: &Clock) -> Duration {
        clock.shows(self.state().held_back.total(self.start.elapsed()))
    }

    /// Waits for the permit of a call as long as all calls are held back. Else it waits until the message's clock shows
    /// `until`, or its session is lost. The message that has been handled for longest goes first.
    ///
    /// # Errors
    /// The call is not to be made now.
    pub async fn permit(
        &self,
        operation: Operation,
        clock: &Clock,
        until: Duration,
        lost: &CancellationToken,
    ) -> Result<Permit<'_>, PutOff> {
        let asked = Instant::now();
        let permit = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(PutOff::Stopping),
            () = lost.cancelled() => Err(PutOff::SessionLost),
            permit = self.next_permit(operation, clock) => permit,
            () = self.shows(clock, until) => Err(PutOff::NoTurn),
        };
        if permit.is_ok() {
            histogram!("bwp_api_turn_seconds").record(asked.elapsed());
        }
        permit
    }

    async fn next_permit(&self, operation: Operation, clock: &Clock) -> Result<Permit<'_>, PutOff> {
        let mut changes = self.changes.subscribe();
        let waiting = self.join_queue(clock);
        loop {
            changes.mark_unchanged();
            if !self.state().queue.is_first(waiting.place) {
                waiting.its_turn.notified().await;
                continue;
            }
            let wait = match self.change(|state, now| state.admit(operation, now)) {
                Ok(Ok(probe)) => return Ok(Permit { pace: self, probe }),
                Ok(Err(wait)) => wait,
                Err(put_off) => return Err(put_off),
            };
            tokio::select! {
                () = sleep_or_never(wait) => {}
                // it cannot fail: the sender is ours
                _ = changes.changed() => {}
            }
        }
    }

    fn join_queue(&self, clock: &Clock) -> Waiting<'_> {
        let its_turn = Arc::new(Notify::new());
        let place = self.state().queue.join(clock.rank(), Arc::clone(&its_turn));
        Waiting { pace: self, place, its_turn }
    }

    /// Waits until a message's clock shows this.
    pub(super) async fn shows(&self, clock: &Clock, until: Duration) {
        let mut changes = self.changes.subscribe();
        loop {
            changes.mark_unchanged();
            let rest = until.saturating_sub(self.elapsed(clock));
            let stands_still = self.state().held_back.is_on();
            if rest.is_zero() && !stands_still {
                return;
            }
            tokio::select! {
                () = sleep_or_never(if stands_still { None } else { Some(rest) }) => {}
                _ = changes.changed() => {}
            }
        }
    }

    /// Whether a failed call may be made again at once; uses up one of all messages' retries.
    pub fn may_repeat(&self) -> bool {
        let may = self.change(|state, _| state.quota.take());
        if !may {
            counter!("bwp_retries_refused_total").increment(1);
        }
        may
    }

    /// An attempt has ended.
    pub fn ended(&self, attempt: Attempt<'_>) {
        let began = attempt.began.saturating_duration_since(self.start);
        self.change(|state, now| {
            match attempt.class {
                Some(Class::Throttled) => state.limiter.throttled(began, now),
                None => {
                    state.limiter.passed(now);
                    state.quota.succeeded();
                }
                Some(_) if matches!(attempt.sign, Sign::Works { .. }) => state.limiter.passed(now),
                Some(_) => {}
            }
            gauge!("bwp_api_rate_limit").set(state.limiter.rate().unwrap_or_default());
            let Attempt { operation, order, sign, answer, .. } = attempt;
            state.breakers.ended(operation, sign, (order, answer), began, now);
        });
    }

    /// Calls begin one at a time until one is answered: the worker that was active before may have paused.
    pub fn took_over(&self) {
        self.change(|state, _| state.breakers.one_at_a_time());
    }

    /// Whether calls of this operation are paused, alone or with all others.
    pub fn is_paused(&self, operation: Operation) -> bool {
        self.state().breakers.is_paused(operation)
    }

    /// Whether a call of this operation that asks now is put off, since that operation is paused.
    pub fn puts_off(&self, operation: Operation) -> bool {
        self.state().breakers.puts_off(operation, self.start.elapsed())
    }

    /// Whether all calls wait for more than their rate: for a pause, or for the first answer after a takeover.
    pub fn holds_back(&self) -> bool {
        self.state().held_back.is_on()
    }

    /// From now on no call is begun.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Whether no call is to be begun any more.
    pub fn is_stopping(&self) -> bool {
        self.stop.is_cancelled()
    }

    /// Resolves when no call is to be begun any more.
    pub async fn stopped(&self) {
        self.stop.cancelled().await;
    }

    /// The pause, while there is one; also while a message tries. The one of all calls goes first.
    pub fn pause(&self) -> Option<Pause> {
        let state = self.state();
        let (stopped, outage, next_probe) = state.breakers.outages().next()?;
        let now = self.start.elapsed();
        let since = SignedDuration::try_from(now.saturating_sub(outage.since)).unwrap_or_default();
        let next_probe = next_probe.map(|at| at.saturating_sub(now));
        let today = Timestamp::now();
        Some(Pause {
            cause: outage.cause.name(),
            answer: outage.answer.clone(),
            operation: stopped.map(Operation::name),
            since: today.checked_sub(since).unwrap_or(today),
            next_probe: next_probe.and_then(|wait| today.checked_add(wait).ok()),
        })
    }

    /// Changes the state, and tells what has become of the pauses.
    fn change<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.state();
        let now = self.start.elapsed();
        let (before, held_back) = (state.paused(), state.held_back.is_on());
        let changed = change(&mut state, now);
        let holds_back = state.breakers.holds_back();
        state.held_back.set(holds_back, now);
        let (after, still_held_back) = (state.paused(), state.held_back.is_on());
        drop(state);
        if before != after {
            of_pauses(&before, &after);
        }
        if before != after || held_back != still_held_back {
            self.tell();
        }
        changed
    }

    fn tell(&self) {
        self.changes.send_modify(|changes| *changes = changes.wrapping_add(1));
    }

    /// A panic in another task leaves nothing half done in here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A token; or how long to wait for it, where that is known.
    fn admit(&mut self, operation: Operation, now: Duration) -> Result<Result<Probe, Option<Duration>>, PutOff> {
        let probe = match self.breakers.admit(operation, now) {
            Admission::Free(probe) => probe,
            Admission::Wait(until) => return Ok(Err(until.map(|until| until.saturating_sub(now)))),
            Admission::Paused => return Err(PutOff::Paused),
        };
        let taken = self.limiter.take(now);
        if taken.is_err() {
            self.breakers.release(probe);
        }
        Ok(taken.map(|()| probe).map_err(Some))
    }

    fn paused(&self) -> Vec<Paused> {
        let outages = self.breakers.outages();
        outages
            .map(|(stopped, outage, _)| Paused { stopped, cause: outage.cause, answer: outage.answer.clone() })
            .collect()
    }
}

async fn sleep_or_never(wait: Option<Duration>) {
    match wait {
        Some(wait) => sleep(wait).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests;
