//! The pace of all calls: a token for each attempt, a quota for repeated ones, a pause while no call is of use.
//!
//! Not here: the rules (`policy::limiter`, `policy::breaker`); the calls.

use std::future::pending;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge, histogram};
use tokio::sync::watch;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::clock::{Clock, HeldBack};
use crate::policy::breaker::{Admission, Breaker, Waits};
use crate::policy::catalogue::Class;
use crate::policy::limiter::{Limiter, RetryQuota};
use crate::policy::sign::{Cause, Sign};
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
    /// Held by the call that begins next; calls begin in the order in which they asked.
    next: tokio::sync::Mutex<()>,
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
    /// Of every operation.
    calls: Breaker,
    /// Of creates alone.
    creates: Breaker,
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
    /// The order that it was for.
    pub order: &'a str,
    /// When it began.
    pub began: Instant,
    /// What came of it; `None` for a success.
    pub class: Option<Class>,
    /// What it says about all calls.
    pub sign: Sign,
}

/// The right to begin one call. Where that call is a probe, the next one may begin when this is dropped.
#[derive(Debug)]
pub struct Turn<'a> {
    pace: &'a Pace,
    probe: Probe,
}

/// Which breakers a call is a probe for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
struct Probe {
    calls: bool,
    creates: bool,
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if self.probe != Probe::default() {
            self.pace.change(|state, _| state.release(self.probe));
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
            calls: Breaker::new(pacing.waits.clone()),
            creates: Breaker::new(pacing.waits),
            held_back: HeldBack::default(),
        };
        Self {
            state: Mutex::new(state),
            next: tokio::sync::Mutex::default(),
            changes: watch::Sender::default(),
            stop: CancellationToken::new(),
            start: Instant::now(),
        }
    }

    /// A message's clock, begun at this time.
    pub fn clock(&self, began: Instant) -> Clock {
        Clock::new(began, self.state().held_back.total(self.start.elapsed()))
    }

    /// The time on a message's clock.
    pub fn elapsed(&self, clock: &Clock) -> Duration {
        clock.shows(self.state().held_back.total(self.start.elapsed()))
    }

    /// Waits for the turn of a call: for as long as all calls are held back, and else until the message's clock shows
    /// `until`, or its session is lost.
    ///
    /// # Errors
    /// The call is not to be made now.
    pub async fn turn(
        &self,
        operation: Operation,
        clock: &Clock,
        until: Duration,
        lost: &CancellationToken,
    ) -> Result<Turn<'_>, PutOff> {
        let asked = Instant::now();
        let turn = tokio::select! {
            biased;
            () = self.stop.cancelled() => Err(PutOff::Stopping),
            () = lost.cancelled() => Err(PutOff::SessionLost),
            turn = self.next_turn(operation) => turn,
            () = self.shows(clock, until) => Err(PutOff::NoTurn),
        };
        if turn.is_ok() {
            histogram!("bwp_api_turn_seconds").record(asked.elapsed());
        }
        turn
    }

    async fn next_turn(&self, operation: Operation) -> Result<Turn<'_>, PutOff> {
        let mut changes = self.changes.subscribe();
        let _next = self.next.lock().await;
        loop {
            changes.mark_unchanged();
            let wait = match self.change(|state, now| state.admit(operation, now)) {
                Ok(Ok(probe)) => return Ok(Turn { pace: self, probe }),
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
    pub fn seen(&self, attempt: Attempt<'_>) {
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
            state.seen(attempt.sign, attempt.order, began, now);
        });
    }

    /// Calls begin one at a time until one is answered: the worker that was active before may have paused.
    pub fn took_over(&self) {
        self.change(|state, _| state.calls.one_at_a_time());
    }

    /// Whether calls of this operation are paused.
    pub fn is_paused(&self, operation: Operation) -> bool {
        let state = self.state();
        state.calls.pause().is_some() || operation.creates_an_order() && state.creates.pause().is_some()
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
        let breakers = [&state.calls, &state.creates];
        let (breaker, pause) = breakers.into_iter().find_map(|breaker| Some((breaker, breaker.pause()?)))?;
        let now = self.start.elapsed();
        let since = SignedDuration::try_from(now.saturating_sub(pause.since)).unwrap_or_default();
        let next_probe = breaker.next_probe().map(|at| at.saturating_sub(now));
        let today = Timestamp::now();
        Some(Pause {
            cause: pause.cause.name(),
            since: today.checked_sub(since).unwrap_or(today),
            next_probe: next_probe.and_then(|wait| today.checked_add(wait).ok()),
        })
    }

    /// Changes the state, and tells what has become of the pauses.
    fn change<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let mut state = self.state();
        let now = self.start.elapsed();
        let (before, held_back) = (state.causes(), state.held_back.is_on());
        let changed = change(&mut state, now);
        let holds_back = state.calls.holds_back();
        state.held_back.set(holds_back, now);
        let (after, still_held_back) = (state.causes(), state.held_back.is_on());
        drop(state);
        for (before, after) in before.into_iter().zip(after) {
            tell_of_pause(before, after);
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
        let mut probe = Probe::default();
        match self.calls.admit(now) {
            Admission::Free => {}
            Admission::Probe => probe.calls = true,
            Admission::Wait(until) => return Ok(Err(until.map(|until| until.saturating_sub(now)))),
        }
        if operation.creates_an_order() {
            match self.creates.admit(now) {
                Admission::Free => {}
                Admission::Probe => probe.creates = true,
                Admission::Wait(_) => {
                    self.release(probe);
                    return Err(PutOff::Paused);
                }
            }
        }
        let taken = self.limiter.take(now);
        if taken.is_err() {
            self.release(probe);
        }
        Ok(taken.map(|()| probe).map_err(Some))
    }

    fn release(&mut self, probe: Probe) {
        if probe.calls {
            self.calls.release();
        }
        if probe.creates {
            self.creates.release();
        }
    }

    fn seen(&mut self, sign: Sign, order: &str, began: Duration, now: Duration) {
        match sign {
            Sign::Works { create } => {
                self.calls.works(began);
                if create {
                    self.creates.works(began);
                }
            }
            Sign::Fails(cause) if cause.stops_all_calls() => self.calls.fails(cause, order, began, now),
            Sign::Fails(cause) => {
                // the API answers, and knows our credentials
                self.calls.works(began);
                self.creates.fails(cause, order, began, now);
            }
            Sign::Nothing => {}
        }
    }

    fn causes(&self) -> [Option<Cause>; 2] {
        [&self.calls, &self.creates].map(|breaker| breaker.pause().map(|pause| pause.cause))
    }
}

fn tell_of_pause(before: Option<Cause>, after: Option<Cause>) {
    if before == after {
        return;
    }
    for (cause, on) in before.map(|cause| (cause, 0)).into_iter().chain(after.map(|cause| (cause, 1))) {
        gauge!("bwp_paused", "cause" => cause.name()).set(on);
    }
    match (before, after) {
        (None, Some(cause)) if cause.stops_all_calls() => {
            tracing::warn!(cause = cause.name(), "paused: no call is made, messages are held");
        }
        (None, Some(cause)) => tracing::warn!(cause = cause.name(), "paused: no order is created, other calls go on"),
        (Some(_), Some(cause)) => tracing::warn!(cause = cause.name(), "paused for another cause"),
        (Some(cause), None) => tracing::info!(cause = cause.name(), "the pause is over"),
        (None, None) => {}
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
