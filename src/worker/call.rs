//! Calls of one message, and its waits: the one loop that makes a call again.
//!
//! Not here: what an error means (`policy`); what follows when the loop ends.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Poll;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::attempts::tell;
use super::clock::Clock;
use super::context::Context;
use super::open::Delivered;
use super::pace::{Attempt, Permit, PutOff};
use super::status::Held;
use crate::policy::classify::{Failure, classify_by, out_of_time, put_off};
use crate::policy::decide::again_here;
use crate::policy::sign::{answer, sign};
use crate::ports::{ApiError, Operation, OrderApi, WaitReason};
use crate::trace;

/// The calls of one message, in one attempt.
#[derive(Debug)]
pub(super) struct Call<'a, A> {
    /// Shared by all messages.
    pub(super) context: &'a Context<A>,
    delivered: Delivered<'a>,
    /// For how long the message has been handled.
    clock: Clock,
    /// Whether a call has been made in this attempt.
    has_called: AtomicBool,
}

impl<'a, A: OrderApi> Call<'a, A> {
    /// No call has been made yet.
    pub(super) fn new(context: &'a Context<A>, delivered: Delivered<'a>, clock: Clock) -> Self {
        Self { context, delivered, clock, has_called: AtomicBool::new(false) }
    }

    /// Name of the order in the process' memory.
    pub(super) fn order(&self) -> &str {
        self.delivered.label.order()
    }

    /// Shows that the message waits, and why, until the returned guard is dropped.
    pub(super) fn waits_for(&self, reason: WaitReason) -> Held {
        self.context.status.holds(self.delivered.label, reason)
    }

    /// Waits, and shows why unless there is nothing to wait for.
    async fn shown<T>(&self, reason: WaitReason, mut awaited: Pin<&mut impl Future<Output = T>>) -> T {
        let at_once = poll_fn(|context| Poll::Ready(awaited.as_mut().poll(context))).await;
        if let Poll::Ready(done) = at_once {
            return done;
        }
        let _held = self.waits_for(reason);
        awaited.await
    }

    /// Makes a call, a few times within a few seconds if its failure passes by itself. Each attempt needs a permit.
    ///
    /// The failure that is returned is the last one; whether an effect is possible is said of all of them.
    /// No call is begun when the message has been held for long already, while all calls are paused, or when the process
    /// stops. None is begun either after the message's session is lost: its next worker must be able to rely on a read.
    pub(super) async fn send<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        operation: Operation,
        call: impl Fn() -> F,
    ) -> Result<T, Failure> {
        self.send_about(self.order(), self.context.timing.retries, operation, call).await
    }

    /// Makes a call about an order that may be another than the message's: a success is that order's. After a failure that
    /// passes by itself, the call is made again up to `retries` times.
    pub(super) async fn send_about<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        order: &str,
        retries: usize,
        operation: Operation,
        call: impl Fn() -> F,
    ) -> Result<T, Failure> {
        let timing = &self.context.timing;
        let mut waits = ExponentialBuilder::default()
            .with_min_delay(timing.first_wait)
            // jitter is added on top and can double it
            .with_max_delay(timing.longest_wait / 2)
            .with_max_times(retries)
            .with_jitter()
            .build();
        let mut last: Option<Failure> = None;
        loop {
            let clock = if last.is_some() { self.context.pace.behind_others(&self.clock) } else { self.clock };
            let permit = match self.may_begin(operation, &clock).await {
                Ok(permit) => permit,
                Err(why) => return Err(last.unwrap_or(why)),
            };
            // boxed, or every future around it would have room for the largest call
            let attempted = self.attempt(order, operation, Box::pin(call())).await;
            drop(permit);
            let mut failure = match attempted {
                Ok(done) => return Ok(done),
                Err(failure) => failure,
            };
            failure.effect_possible |= last.is_some_and(|before| before.effect_possible);
            let wait = hinted(waits.next(), failure.retry_after, timing.longest_wait);
            // a suspect does not wait for a probe, since its process may end meanwhile for another reason
            let waits_alone = self.delivered.inbound.suspect && self.context.pace.holds_back();
            let again = again_here(&failure) && !waits_alone;
            let until = wait.filter(|_| again).map(|wait| Instant::now() + wait);
            match until.filter(|until| !self.is_too_late(*until) && self.context.pace.may_repeat()) {
                None => return Err(failure),
                Some(until) => {
                    if self.sleeps_until(until, WaitReason::Delay).await.is_err() {
                        return Err(failure);
                    }
                }
            }
            last = Some(failure);
        }
    }

    /// Waits for the permit of a call.
    async fn may_begin(&self, operation: Operation, clock: &Clock) -> Result<Permit<'_>, Failure> {
        if self.is_too_late(Instant::now()) && !self.context.pace.holds_back() {
            return Err(out_of_time(operation));
        }
        let put_off = |why: PutOff| not_called(operation, why);
        loop {
            if operation.changes_an_order() && !self.is_confirmed_active() {
                // seldom
                Box::pin(self.until_confirmed_active()).await.map_err(put_off)?;
            }
            let lost = &self.delivered.inbound.session.lost;
            let permit = pin!(self.context.pace.permit(operation, clock, self.permit_by(), lost));
            let permit = self.shown(WaitReason::Rate, permit).await.map_err(put_off)?;
            // a permit is not kept waiting, since others wait behind it
            if !operation.changes_an_order() || self.is_confirmed_active() {
                self.has_called.store(true, Ordering::Relaxed);
                return Ok(permit);
            }
        }
    }

    /// Time on its clock until which the message waits for its next call. For the first one it waits for half of its time
    /// at most. Made at the last moment, that call would leave no time for those that are to follow.
    fn permit_by(&self) -> Duration {
        let last_call = self.context.timing.last_call;
        if self.has_called.load(Ordering::Relaxed) {
            return last_call;
        }
        (self.context.pace.elapsed(&self.clock) + last_call) / 2
    }

    /// Whether the broker has said lately that this worker is the active one.
    fn is_confirmed_active(&self) -> bool {
        self.delivered.inbound.session.calls_until.as_ref().is_none_or(|until| Instant::now() < *until.borrow())
    }

    /// Waits for that. A worker that was frozen, or whose connection is half open, must not change an order that another one
    /// handles by now.
    async fn until_confirmed_active(&self) -> Result<(), PutOff> {
        let Some(mut calls_until) = self.delivered.inbound.session.calls_until.clone() else { return Ok(()) };
        let confirmed = async { calls_until.wait_for(|until| Instant::now() < *until).await.map(drop) };
        let confirmed = pin!(self.in_time(confirmed, PutOff::NotConfirmedActive));
        // it ends with its session
        self.shown(WaitReason::Active, confirmed).await?.map_err(|_ended| PutOff::SessionLost)
    }

    /// One call, of whose end all are told that must hear of it.
    async fn attempt<T>(
        &self,
        order: &str,
        operation: Operation,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let kind = if operation.changes_an_order() { "mutation" } else { "query" };
        let span = trace::call(kind, operation.name());
        call.instrument(span.clone())
            .await
            .inspect(|_| tell(self.context, Attempt::success(operation, order, began), None))
            .map_err(|error| {
                let mut failure = classify_by(&self.context.rows, operation, &error);
                trace::failed(&span, &failure.code);
                failure.effect_possible &= operation.changes_an_order();
                let (class, sign, answer) = (Some(failure.class), sign(&failure, &error), answer(&failure, &error));
                tell(self.context, Attempt { operation, order, began, class, sign, answer: &answer }, Some(&failure));
                failure
            })
    }

    /// Waits before a read, until the effect of a call shows in it. A message whose time for reads would be over by then is
    /// not held: it comes back.
    pub(super) async fn wait(&self, until: Instant) -> Result<(), Failure> {
        if self.is_too_late(until) {
            return Err(out_of_time(Operation::Order));
        }
        self.sleeps_until(until, WaitReason::Effect).await.map_err(|why| not_called(Operation::Order, why))
    }

    /// Sleeps, unless the message goes back to the broker before.
    async fn sleeps_until(&self, until: Instant, reason: WaitReason) -> Result<(), PutOff> {
        let _held = self.waits_for(reason);
        self.unless_given_back(sleep_until(until)).await
    }

    /// Waits as long as the message has time for further calls.
    pub(super) async fn in_time<T>(&self, awaited: impl Future<Output = T>, late: PutOff) -> Result<T, PutOff> {
        let awaited = self.unless_given_back(awaited);
        tokio::select! {
            biased;
            done = awaited => done,
            () = self.context.pace.shows(&self.clock, self.context.timing.last_call) => Err(late),
        }
    }

    /// Waits, unless the message goes back to the broker before.
    async fn unless_given_back<T>(&self, awaited: impl Future<Output = T>) -> Result<T, PutOff> {
        tokio::select! {
            biased;
            () = self.delivered.inbound.session.lost.cancelled() => Err(PutOff::SessionLost),
            () = self.context.pace.stopped() => Err(PutOff::Stopping),
            done = awaited => Ok(done),
        }
    }

    /// Whether no further call may be begun then, since the message will have been handled for long.
    fn is_too_late(&self, at: Instant) -> bool {
        let elapsed = self.context.pace.elapsed(&self.clock) + at.saturating_duration_since(Instant::now());
        elapsed > self.context.timing.last_call
    }
}

/// A call that is not made, with the reason why its message waits.
pub(super) fn not_called(operation: Operation, why: PutOff) -> Failure {
    let reason = match why {
        PutOff::Paused => WaitReason::Pause,
        PutOff::NoTurn => WaitReason::Rate,
        PutOff::NotConfirmedActive => WaitReason::Active,
        PutOff::OrderBusy => WaitReason::Order,
        PutOff::Stopping | PutOff::SessionLost => WaitReason::GivenBack,
    };
    put_off(operation, why.name(), reason)
}

/// The longer of our wait and the API's hint; none when the hint is longer than a message is held for.
///
/// Our wait must stay an `Option` all the way: it is what ends the attempts.
fn hinted(wait: Option<Duration>, hint: Option<Duration>, longest: Duration) -> Option<Duration> {
    match hint {
        Some(hint) if hint > longest => None,
        Some(hint) => wait.map(|wait| wait.max(hint)),
        None => wait,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_that_is_not_made_says_why_its_message_waits() {
        for (why, reason) in [
            (PutOff::Paused, WaitReason::Pause),
            (PutOff::NoTurn, WaitReason::Rate),
            (PutOff::NotConfirmedActive, WaitReason::Active),
            (PutOff::OrderBusy, WaitReason::Order),
            (PutOff::Stopping, WaitReason::GivenBack),
            (PutOff::SessionLost, WaitReason::GivenBack),
        ] {
            assert_eq!(not_called(Operation::Order, why).cost.reason(), reason, "{why:?}");
        }
    }

    #[test]
    fn a_hint_is_kept_or_left_to_the_retry_queues() {
        let seconds = Duration::from_secs;
        let after = |wait: Option<u64>, hint: Option<u64>| hinted(wait.map(seconds), hint.map(seconds), seconds(2));
        assert_eq!(after(Some(1), None), Some(seconds(1)));
        assert_eq!(after(Some(1), Some(2)), Some(seconds(2)));
        assert_eq!(after(Some(2), Some(1)), Some(seconds(2)));
        assert_eq!(after(Some(1), Some(3)), None);
        assert_eq!(after(None, Some(1)), None, "a hint makes no further attempt");
    }
}
