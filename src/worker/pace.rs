//! The pace of all calls: a token for each attempt, a quota for repeated ones, a pause while no call is of use.
//!
//! Not here: the rules (`policy::limiter`, `policy::breaker`); the calls.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use metrics::{counter, gauge, histogram};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout_at};

use crate::policy::breaker::{Breaker, Waits};
use crate::policy::catalogue::Class;
use crate::policy::limiter::{Limiter, RetryQuota};
use crate::policy::sign::{Cause, Sign};
use crate::ports::{Flow, Pause};

/// What the pace is told.
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
    /// Held by the one whose turn is next; whoever asked first gets it first.
    turn: tokio::sync::Mutex<()>,
    flow: watch::Sender<Flow>,
    /// When the clock of the rules began.
    start: Instant,
}

#[derive(Debug)]
struct State {
    limiter: Limiter,
    quota: RetryQuota,
    breaker: Breaker,
    stopping: bool,
}

/// Why a call is not made.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum PutOff {
    /// All calls are paused.
    Paused,
    /// The process is to end.
    Stopping,
    /// Others were first until it was too late.
    NoTurn,
    /// The message's session with the broker is lost: it comes again.
    SessionLost,
    /// Another message, here or in another worker, is changing the order.
    ClaimedByAnother,
    /// The claim of the order ended before the call could begin.
    ClaimLost,
    /// The broker does not say whose the claim of the order is.
    ClaimUnknown,
}

impl PutOff {
    /// As the history of a message writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Paused => "Paused",
            Self::Stopping => "Stopping",
            Self::NoTurn => "NoTurn",
            Self::SessionLost => "SessionLost",
            Self::ClaimedByAnother => "ClaimedByAnother",
            Self::ClaimLost => "ClaimLost",
            Self::ClaimUnknown => "ClaimUnknown",
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

impl Pace {
    /// No pause, and no limit but the one that is set.
    pub fn new(pacing: Pacing) -> Self {
        let state = State {
            limiter: Limiter::new(pacing.max_calls_per_second),
            quota: RetryQuota::default(),
            breaker: Breaker::new(pacing.waits),
            stopping: false,
        };
        Self {
            state: Mutex::new(state),
            turn: tokio::sync::Mutex::default(),
            flow: watch::Sender::default(),
            start: Instant::now(),
        }
    }

    /// Waits for a token, not longer than `until`.
    ///
    /// # Errors
    /// There is none for this call.
    pub async fn turn(&self, until: Instant) -> Result<(), PutOff> {
        let asked = Instant::now();
        let mut flow = self.flow.subscribe();
        let _next = timeout_at(until, self.turn.lock()).await.map_err(|_late| PutOff::NoTurn)?;
        loop {
            let wait = match self.change(|state, now| state.take(now)) {
                Ok(Ok(())) => break,
                Ok(Err(wait)) => wait,
                Err(put_off) => return Err(put_off),
            };
            if Instant::now() + wait > until {
                return Err(PutOff::NoTurn);
            }
            tokio::select! {
                () = sleep(wait) => {}
                _ = flow.changed() => {}
            }
        }
        histogram!("bwp_api_turn_seconds").record(asked.elapsed());
        Ok(())
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
            state.breaker.seen(attempt.sign, attempt.order, began, now);
        });
    }

    /// From now on no call is begun.
    pub fn stop(&self) {
        self.state().stopping = true;
    }

    /// Whether no call is to be begun any more.
    pub fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// The pause, while there is one; also while a message tries.
    pub fn pause(&self) -> Option<Pause> {
        let state = self.state();
        let (now, pause) = (self.start.elapsed(), state.breaker.pause()?);
        let since = SignedDuration::try_from(now.saturating_sub(pause.since)).unwrap_or_default();
        let next_probe = state.breaker.next_probe().map(|at| at.saturating_sub(now));
        let today = Timestamp::now();
        Some(Pause {
            cause: pause.cause.name(),
            since: today.checked_sub(since).unwrap_or(today),
            next_probe: next_probe.and_then(|wait| today.checked_add(wait).ok()),
        })
    }

    /// How many messages may be taken, from now on.
    pub fn flow(&self) -> watch::Receiver<Flow> {
        self.flow.subscribe()
    }

    /// Lets a message try whenever it is time for that. Never returns.
    pub async fn probe_when_due(&self) {
        let mut flow = self.flow.subscribe();
        loop {
            let due = self.state().breaker.next_probe();
            match due {
                Some(at) => {
                    sleep_until(self.start + at).await;
                    self.change(|_, _| {});
                }
                // it cannot fail: the sender is ours
                None => drop(flow.changed().await),
            }
        }
    }

    /// Changes the state, and tells what has become of the pause.
    fn change<T>(&self, change: impl FnOnce(&mut State, Duration) -> T) -> T {
        let (mut state, now) = (self.state(), self.start.elapsed());
        let before = state.breaker.pause();
        let changed = change(&mut state, now);
        let flow = state.breaker.flow(now);
        let after = state.breaker.pause();
        let causes = (before.map(|pause| pause.cause), after.map(|pause| pause.cause));
        if causes.0 != causes.1 {
            show_pause(causes.1);
        }
        match causes {
            (None, Some(cause)) => {
                tracing::warn!(cause = cause.name(), "paused: nothing is called, messages stay in the broker");
            }
            (Some(before), Some(cause)) if before != cause => {
                tracing::warn!(cause = cause.name(), "paused for another cause");
            }
            (Some(cause), None) => tracing::info!(cause = cause.name(), "the pause is over"),
            (None, None) | (Some(_), Some(_)) => {}
        }
        self.flow.send_if_modified(|shown| std::mem::replace(shown, flow) != flow);
        changed
    }

    /// A panic in another task leaves nothing half done in here.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// A token, or how long to wait for it.
    fn take(&mut self, now: Duration) -> Result<Result<(), Duration>, PutOff> {
        if self.stopping {
            return Err(PutOff::Stopping);
        }
        match self.breaker.flow(now) {
            Flow::Nothing => Err(PutOff::Paused),
            Flow::Full | Flow::One => Ok(self.limiter.take(now)),
        }
    }
}

fn show_pause(present: Option<Cause>) {
    for cause in Cause::ALL {
        gauge!("bwp_paused", "cause" => cause.name()).set(u8::from(present == Some(cause)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sign::works;
    use crate::ports::Operation;

    const SECOND: Duration = Duration::from_secs(1);
    const REFUSED: Sign = Sign::Fails(Cause::CredentialsRefused);

    fn pace(max_calls_per_second: Option<f64>) -> Pace {
        Pace::new(Pacing { max_calls_per_second, waits: Waits { first: SECOND, longest: 4 * SECOND } })
    }

    fn seen(pace: &Pace, class: Option<Class>, sign: Sign) {
        pace.seen(Attempt { order: "SO-1", began: Instant::now(), class, sign });
    }

    fn until(seconds: u32) -> Instant {
        Instant::now() + seconds * SECOND
    }

    #[tokio::test(start_paused = true)]
    async fn a_healthy_api_costs_no_wait() {
        let (pace, began) = (pace(None), Instant::now());
        for _ in 0..1000 {
            assert_eq!(pace.turn(began).await, Ok(()));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_first_is_first_and_nobody_waits_longer_than_told() {
        let (pace, began) = (pace(Some(1.0)), Instant::now());
        let turns = futures_util::future::join_all((0..6).map(|_| pace.turn(began + 3 * SECOND)));
        let ends: Vec<_> = turns.await.into_iter().map(|turn| turn.is_ok()).collect();
        assert_eq!(ends, [true, true, true, true, false, false], "at 0, 1, 2 and 3 s");
        assert!(began.elapsed() <= 4 * SECOND, "{:?}", began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_put_off_when_a_pause_begins() {
        let pace = pace(Some(1.0));
        pace.turn(until(0)).await.unwrap();
        let began = Instant::now();
        let (first, second, ()) = tokio::join!(pace.turn(until(60)), pace.turn(until(60)), async {
            seen(&pace, Some(Class::Denied), REFUSED)
        });
        assert_eq!((first, second), (Err(PutOff::Paused), Err(PutOff::Paused)));
        assert_eq!(began.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_waits_is_put_off_when_the_process_is_to_end() {
        let pace = pace(Some(1.0));
        pace.turn(until(0)).await.unwrap();
        let (waiting, ()) = tokio::join!(pace.turn(until(60)), async { pace.stop() });
        assert_eq!(waiting, Err(PutOff::Stopping));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_lets_one_message_try_after_its_wait_and_ends_when_that_succeeds() {
        let pace = pace(None);
        let receiver = pace.flow();
        let flow = || *receiver.borrow();
        seen(&pace, Some(Class::Denied), REFUSED);
        assert_eq!((flow(), pace.turn(until(60)).await), (Flow::Nothing, Err(PutOff::Paused)));
        let shown = pace.pause().unwrap();
        assert_eq!((shown.cause, shown.next_probe.is_some()), ("credentials-refused", true));

        tokio::time::timeout(2 * SECOND, pace.probe_when_due()).await.unwrap_err();
        assert_eq!((flow(), pace.turn(until(60)).await), (Flow::One, Ok(())));
        seen(&pace, Some(Class::Denied), REFUSED);
        assert_eq!(flow(), Flow::Nothing);

        tokio::time::timeout(SECOND, pace.probe_when_due()).await.unwrap_err();
        assert_eq!(flow(), Flow::Nothing, "the second wait is longer");
        tokio::time::timeout(2 * SECOND, pace.probe_when_due()).await.unwrap_err();
        assert_eq!(flow(), Flow::One);
        seen(&pace, None, works(Operation::Order));
        assert_eq!((flow(), pace.pause()), (Flow::Full, None));
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_slows_all_down_and_a_refused_order_does_not() {
        let (pace, began) = (pace(None), Instant::now());
        seen(&pace, Some(Class::Rejected), works(Operation::CreateOrder));
        pace.turn(until(0)).await.unwrap();
        assert_eq!(began.elapsed(), Duration::ZERO);
        seen(&pace, Some(Class::Throttled), Sign::Nothing);
        pace.turn(until(60)).await.unwrap();
        assert!(began.elapsed() >= Duration::from_millis(100), "{:?}", began.elapsed());
    }
}
