//! State of the worker that probes and metrics show: messages handled, held and delayed, and how the API does.
//!
//! Not here: who looks at it, and what they conclude.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::clock::Clock;
use super::label::Label;
use super::pace::Pace;
use crate::policy::classify::{Failure, NO_TOKEN};
use crate::ports::{ApiState, History, Operation, Trouble, WaitReason, Waiting};

/// State that the worker shows.
#[derive(Debug, Default)]
pub struct Status {
    state: Mutex<State>,
}

/// How long a delayed message is shown after its time: behind others in the work queue, or lost to another worker.
const BACK_WITHIN: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
struct State {
    next: u64,
    in_flight: HashMap<u64, Instant>,
    handled: HashMap<u64, Clock>,
    /// The last step of the pool, while it runs.
    stepped_at: Option<Instant>,
    held: BTreeMap<u64, Wait>,
    delayed: HashMap<u64, Delayed>,
    /// How many there may be before those that are not expected any more are removed.
    sweep_at: usize,
    api: ApiState,
    /// Codes that were told since the API has been failing: a change between two is told once.
    told: Vec<String>,
}

/// A message that is held. Nearly always nobody looks, so its names are not copied before.
#[derive(Debug)]
struct Wait {
    label: Arc<Label>,
    reason: WaitReason,
    since: Timestamp,
}

impl From<&Wait> for Waiting {
    fn from(Wait { label, reason, since }: &Wait) -> Self {
        let (order, message_id) = (label.order.clone(), Some(label.message_id.clone()));
        Self { order, message_id, reason: *reason, since: *since }
    }
}

/// How many codes are told of one failure of the API.
const TOLD: usize = 10;

#[derive(Debug)]
struct Delayed {
    first_failed_at: Timestamp,
    expected_by: Instant,
}

impl Status {
    /// A message is in flight until the returned guard is dropped.
    pub fn in_flight(self: &Arc<Self>, since: Option<Instant>) -> InFlight {
        let mut state = self.state();
        state.next += 1;
        let key = state.next;
        state.in_flight.insert(key, since.unwrap_or_else(Instant::now));
        InFlight { status: Arc::clone(self), key }
    }

    /// For how long the oldest message has been in flight.
    pub fn oldest_in_flight(&self) -> Option<Duration> {
        self.state().in_flight.values().map(Instant::elapsed).max()
    }

    /// The pool can take a message or an end, or it has ended.
    pub(super) fn steps(&self, runs: bool) {
        self.state().stepped_at = runs.then(Instant::now);
    }

    /// For how long the pool has made no step.
    pub fn without_step(&self) -> Option<Duration> {
        self.state().stepped_at.map(|at| at.elapsed())
    }

    /// A message is handled until the returned guard is dropped.
    pub fn handles(self: &Arc<Self>, clock: Clock) -> Handled {
        let mut state = self.state();
        state.next += 1;
        let key = state.next;
        state.handled.insert(key, clock);
        Handled { status: Arc::clone(self), key }
    }

    /// A message is held for this reason until the returned guard is dropped.
    pub fn holds(self: &Arc<Self>, label: &Arc<Label>, reason: WaitReason) -> Held {
        let wait = Wait { label: Arc::clone(label), reason, since: Timestamp::now() };
        let mut state = self.state();
        state.next += 1;
        let key = state.next;
        state.held.insert(key, wait);
        Held { status: Arc::clone(self), key }
    }

    /// The messages that are held, in the order in which their waits began. One that waits for its turn to call does so
    /// for whatever keeps calls back at present.
    pub fn held(&self, pace: &Pace) -> Vec<Waiting> {
        let keeps_calls_back = match (pace.holds_back(), pace.is_paused(Operation::Order)) {
            (true, true) => WaitReason::Pause,
            // calls begin one at a time until the first is answered
            (true, false) => WaitReason::Takeover,
            (false, _) => WaitReason::Rate,
        };
        let mut held: Vec<_> = self.state().held.values().map(Waiting::from).collect();
        for waiting in &mut held {
            if waiting.reason == WaitReason::Rate {
                waiting.reason = keeps_calls_back;
            }
        }
        held
    }

    /// For how long the worker has been with one message without coming to an end of it. Pauses do not count.
    pub fn longest_handled(&self, pace: &Pace) -> Option<Duration> {
        self.state().handled.values().map(|clock| pace.elapsed(clock)).max()
    }

    /// A message was sent through a retry queue.
    pub fn delayed(&self, message: u64, history: &History, delay: Duration) {
        let first_failed_at = history.first_failed_at.unwrap_or_else(Timestamp::now);
        let (now, expected_by) = (Instant::now(), Instant::now() + delay + BACK_WITHIN);
        let mut state = self.state();
        if state.delayed.len() >= state.sweep_at {
            state.delayed.retain(|_, delayed| delayed.expected_by > now);
            state.sweep_at = state.delayed.len() * 2 + 1000;
        }
        state.delayed.insert(message, Delayed { first_failed_at, expected_by });
    }

    /// A message is back, or settled.
    pub fn back(&self, message: u64) {
        self.state().delayed.remove(&message);
    }

    /// For how long the oldest of the messages that wait has been failing.
    pub fn oldest_delayed(&self) -> Option<Duration> {
        let (mut state, now) = (self.state(), Instant::now());
        state.delayed.retain(|_, delayed| delayed.expected_by > now);
        let oldest = state.delayed.values().map(|delayed| delayed.first_failed_at).min()?;
        Duration::try_from(Timestamp::now().duration_since(oldest)).ok()
    }

    /// A call succeeded, or a token was had, so the API is there.
    pub fn api_works(&self) {
        let mut state = self.state();
        let before = std::mem::replace(&mut state.api, ApiState::Works);
        state.told.clear();
        if let ApiState::Fails(trouble) = before {
            tracing::info!(cause = trouble.cause, since = %trouble.since, "the API works again");
        }
    }

    /// A token was had. That mends what failed for want of one, and nothing else.
    pub fn token_had(&self) {
        let mends = match &self.state().api {
            ApiState::Unknown => true,
            ApiState::Works => false,
            ApiState::Fails(trouble) => trouble.cause.starts_with(NO_TOKEN),
        };
        if mends {
            self.api_works();
        }
    }

    /// A call failed for a reason that is not its order's.
    pub fn api_fails(&self, failure: &Failure) {
        let mut state = self.state();
        let (code, cause) = (&failure.code, failure.cause());
        if !state.told.contains(code) && state.told.len() < TOLD {
            let again = if state.told.is_empty() { "the API fails" } else { "the API fails for another reason" };
            tracing::warn!(operation = failure.operation.name(), cause, "{again}");
            state.told.push(code.clone());
        }
        let since = match &state.api {
            ApiState::Fails(trouble) => trouble.since,
            ApiState::Unknown | ApiState::Works => Timestamp::now(),
        };
        state.api = ApiState::Fails(Trouble { cause, since });
    }

    /// How the API does.
    pub fn api(&self) -> ApiState {
        self.state().api.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message in flight.
#[derive(Debug)]
pub struct InFlight {
    status: Arc<Status>,
    key: u64,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.status.state().in_flight.remove(&self.key);
    }
}

/// A message that is handled.
#[derive(Debug)]
pub struct Handled {
    status: Arc<Status>,
    key: u64,
}

impl Drop for Handled {
    fn drop(&mut self) {
        self.status.state().handled.remove(&self.key);
    }
}

/// A message that is held.
#[derive(Debug)]
pub struct Held {
    status: Arc<Status>,
    key: u64,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.status.state().held.remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::policy::breaker::Waits;
    use crate::policy::catalogue::Class;
    use crate::policy::sign::{Cause, Sign};
    use crate::ports::Operation;
    use crate::worker::pace::{Attempt, Pacing};

    #[tokio::test(start_paused = true)]
    async fn a_message_counts_as_handled_until_its_end_and_pauses_do_not_count() {
        let second = Duration::from_secs(1);
        let pace = Pace::new(Pacing { max_calls_per_second: None, waits: Waits { first: second, longest: second } });
        let status = Arc::new(Status::default());
        assert_eq!(status.longest_handled(&pace), None);
        let first = status.handles(pace.clock(Instant::now()));
        tokio::time::advance(3 * second).await;
        let second_one = status.handles(pace.clock(Instant::now()));
        assert_eq!(status.longest_handled(&pace), Some(3 * second));
        let refused = Attempt {
            operation: Operation::Order,
            order: "SO-1",
            began: Instant::now(),
            class: Some(Class::Denied),
            sign: Sign::Fails(Cause::CredentialsRefused),
            answer: "NoToken",
        };
        pace.ended(refused);
        tokio::time::advance(60 * second).await;
        assert_eq!(status.longest_handled(&pace), Some(3 * second));
        drop(first);
        assert_eq!(status.longest_handled(&pace), Some(Duration::ZERO));
        drop(second_one);
        assert_eq!(status.longest_handled(&pace), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_waits_for_its_turn_does_so_for_what_keeps_calls_back() {
        let second = Duration::from_secs(1);
        let pacing = || Pacing { max_calls_per_second: None, waits: Waits { first: second, longest: second } };
        let refused = Attempt {
            operation: Operation::CreateOrder,
            answer: "HTTP 401",
            order: "SO-1",
            began: Instant::now(),
            class: Some(Class::Denied),
            sign: Sign::Fails(Cause::CredentialsRefused),
        };
        let (free, paused, takes_over) = (Pace::new(pacing()), Pace::new(pacing()), Pace::new(pacing()));
        paused.ended(refused);
        takes_over.took_over();
        let status = Arc::new(Status::default());
        let label = Label { order: Some("SO-1".into()), message_id: "m-1".into(), ..Label::default() };
        let label = Arc::new(label);
        let held: Vec<_> = WaitReason::iter().map(|reason| status.holds(&label, reason)).collect();
        for (pace, expected) in
            [(&free, WaitReason::Rate), (&paused, WaitReason::Pause), (&takes_over, WaitReason::Takeover)]
        {
            let shown = status.held(pace);
            assert!(shown.iter().all(|it| it.order.as_deref() == Some("SO-1")));
            assert!(shown.iter().all(|it| it.message_id.as_deref() == Some("m-1")));
            for (waiting, reason) in shown.iter().zip(WaitReason::iter()) {
                let expected = if reason == WaitReason::Rate { expected } else { reason };
                assert_eq!(waiting.reason, expected);
            }
        }
        drop(held);
        assert_eq!(status.held(&free), []);
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_another_replica_took_is_forgotten() {
        let status = Status::default();
        let failed_at = Timestamp::now() - jiff::SignedDuration::from_secs(100);
        let history = History { first_failed_at: Some(failed_at), ..History::default() };
        status.delayed(7, &history, Duration::from_secs(5));
        assert!(status.oldest_delayed().is_some_and(|age| age >= Duration::from_secs(100)));
        tokio::time::advance(Duration::from_secs(5) + BACK_WITHIN).await;
        assert_eq!(status.oldest_delayed(), None);
        status.delayed(7, &history, Duration::from_secs(5));
        status.back(7);
        assert_eq!(status.oldest_delayed(), None);
    }
}
