//! The one loop that makes a call again.
//!
//! Not here: what an error means (`policy`), what follows when the loop ends.

use std::sync::atomic::Ordering;
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use metrics::{counter, histogram};
use tokio::time::{Instant, sleep_until};

use super::case::Case;
use super::pace::{Attempt, PutOff};
use crate::policy::classify::{Failure, classify_by, out_of_time, put_off};
use crate::policy::decide::again_here;
use crate::policy::sign::{sign, works};
use crate::ports::{ApiError, Operation, OrderApi};

impl<A: OrderApi> Case<'_, A> {
    /// Makes a call, a few times within a few seconds if its failure passes by itself. Each time takes its turn.
    ///
    /// The failure that is returned is the last one; whether an effect is possible is said of all of them.
    /// No call is begun when the message has been held for long already, while all calls are paused, when the process
    /// stops, or when the message's session is lost: whoever has it by then must be able to rely on a read.
    pub async fn send<T, F: Future<Output = Result<T, ApiError>>>(
        &self,
        operation: Operation,
        call: impl Fn() -> F,
    ) -> Result<T, Failure> {
        self.send_about(self.order(), self.context.timing.retries, operation, call).await
    }

    /// The same, about an order that may be another than the message's: a success is that order's. After a failure that
    /// passes by itself, the call is made again so many times.
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
            if let Err(why) = self.may_begin(operation).await {
                return Err(last.unwrap_or(why));
            }
            let mut failure = match self.attempt(order, operation, call()).await {
                Ok(done) => {
                    self.context.succeeded(operation, order);
                    return Ok(done);
                }
                Err(failure) => failure,
            };
            if operation == Operation::UpdateOrder && failure.effect_possible {
                self.open_call.store(true, Ordering::Relaxed);
            }
            failure.effect_possible |= last.is_some_and(|before| before.effect_possible);
            let wait = hinted(waits.next(), failure.retry_after, timing.longest_wait);
            let until = wait.filter(|_| again_here(&failure)).map(|wait| Instant::now() + wait);
            match until.filter(|until| !self.is_too_late(*until) && self.context.pace.may_repeat()) {
                None => return Err(failure),
                Some(until) => sleep_until(until).await,
            }
            last = Some(failure);
        }
    }

    /// Waits for the turn of a call, and says whether it may begin then.
    async fn may_begin(&self, operation: Operation) -> Result<(), Failure> {
        if self.is_too_late(Instant::now()) {
            return Err(out_of_time(operation));
        }
        let turn = self.context.pace.turn(self.last_call()).await;
        turn.map_err(|why| put_off(operation, why.name()))?;
        if operation == Operation::UpdateOrder {
            self.still_claimed().await?;
        }
        if self.inbound.lost.is_cancelled() {
            return Err(put_off(operation, PutOff::SessionLost.name()));
        }
        if self.context.pace.is_stopping() {
            return Err(put_off(operation, PutOff::Stopping.name()));
        }
        Ok(())
    }

    /// One call. Whoever has an interest in it is told what came of it.
    async fn attempt<T>(
        &self,
        order: &str,
        operation: Operation,
        call: impl Future<Output = Result<T, ApiError>>,
    ) -> Result<T, Failure> {
        let began = Instant::now();
        let outcome = call.await.map_err(|error| {
            let failure = classify_by(self.context.rows, operation, &error);
            let sign = sign(&failure, &error);
            (failure, sign)
        });
        let (class, sign) = match &outcome {
            Ok(_) => (None, works(operation)),
            Err((failure, sign)) => (Some(failure.class), *sign),
        };
        let name = class.map_or("ok", |class| class.name());
        histogram!("bwp_api_call_seconds", "operation" => operation.name(), "class" => name).record(began.elapsed());
        self.context.pace.seen(Attempt { order, began, class, sign });
        outcome.map_err(|(failure, _)| failure).inspect_err(|failure| {
            if failure.unlisted {
                counter!("bwp_unlisted_errors_total", "operation" => operation.name()).increment(1);
            }
            if failure.systemic {
                self.context.board.api_fails(failure);
            }
        })
    }

    /// When the last call for this message may begin.
    pub(super) fn last_call(&self) -> Instant {
        self.taken_at + self.context.timing.last_call
    }

    /// Waits before a read. A message that could not be read for any more then is not held for the wait: it comes back.
    pub(super) async fn wait(&self, until: Instant) -> Result<(), Failure> {
        if self.is_too_late(until) {
            return Err(out_of_time(Operation::Order));
        }
        sleep_until(until).await;
        Ok(())
    }

    /// Whether no further call may be begun then, since the message will have been held for long.
    fn is_too_late(&self, at: Instant) -> bool {
        at > self.last_call()
    }
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
