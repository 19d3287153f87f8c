//! The one loop that makes a call again.
//!
//! Not here: what an error means (`policy`), what follows when the loop ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use metrics::{counter, histogram};

use super::case::Case;
use crate::policy::classify::{Failure, classify_by, not_begun};
use crate::policy::decide::again_here;
use crate::ports::{ApiError, Operation, OrderApi};

impl<A: OrderApi> Case<'_, A> {
    /// Makes a call, a few times within a few seconds if its failure passes by itself.
    ///
    /// The failure that is returned is the last one; whether an effect is possible is said of all of them.
    /// No call is begun when the message has been held for long already, or when the process stops.
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
        if self.is_late() {
            return Err(not_begun(operation));
        }
        let timing = &self.context.timing;
        let backoff = ExponentialBuilder::default()
            .with_min_delay(timing.first_wait)
            // jitter is added on top and can double it
            .with_max_delay(timing.longest_wait / 2)
            .with_max_times(retries)
            .with_jitter();
        let effect_possible = AtomicBool::new(false);
        let attempt = || async {
            let began = tokio::time::Instant::now();
            let outcome = call().await.map_err(|error| classify_by(self.context.rows, operation, &error));
            let class = outcome.as_ref().map_or_else(|failure| failure.class.name(), |_| "ok");
            histogram!("bwp_api_call_seconds", "operation" => operation.name(), "class" => class)
                .record(began.elapsed());
            outcome.inspect_err(|failure| {
                effect_possible.fetch_or(failure.effect_possible, Ordering::Relaxed);
                if failure.unlisted {
                    counter!("bwp_unlisted_errors_total", "operation" => operation.name()).increment(1);
                }
                if failure.systemic {
                    self.context.board.api_fails(failure);
                }
            })
        };
        let result = attempt
            .retry(backoff)
            .when(|failure| again_here(failure) && !self.is_late())
            .adjust(|failure, wait| wait.and_then(|wait| hinted(wait, failure.retry_after, timing.longest_wait)))
            .await;
        match result {
            Ok(done) => {
                self.context.succeeded(operation, order);
                Ok(done)
            }
            Err(failure) => Err(Failure { effect_possible: effect_possible.into_inner(), ..failure }),
        }
    }

    /// Whether no further call may be begun: the message has been held for long, or the process is to end.
    fn is_late(&self) -> bool {
        self.taken_at.elapsed() > self.context.timing.last_call || self.context.is_stopping()
    }
}

/// The longer of our wait and the API's hint; none when the hint is longer than a message is held for.
///
/// Our wait must stay an `Option` all the way: it is what ends the attempts.
fn hinted(wait: Duration, hint: Option<Duration>, longest: Duration) -> Option<Duration> {
    match hint {
        Some(hint) if hint > longest => None,
        Some(hint) => Some(wait.max(hint)),
        None => Some(wait),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hint_is_kept_or_left_to_the_retry_queues() {
        let seconds = Duration::from_secs;
        assert_eq!(hinted(seconds(1), None, seconds(2)), Some(seconds(1)));
        assert_eq!(hinted(seconds(1), Some(seconds(2)), seconds(2)), Some(seconds(2)));
        assert_eq!(hinted(seconds(2), Some(seconds(1)), seconds(2)), Some(seconds(2)));
        assert_eq!(hinted(seconds(1), Some(seconds(3)), seconds(2)), None);
    }
}
