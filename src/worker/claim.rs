//! Whoever changes an order claims it first, so that two workers with two copies of a message do not both do it.
//!
//! Not here: how other workers come to know of a claim (`broker::claims`).

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, timeout_at};

use super::case::Case;
use super::pace::PutOff;
use crate::policy::classify::{Failure, put_off};
use crate::ports::{ClaimRequest, Claimed, Later, Operation, OrderApi, Settlement};

/// How long to wait before a claim that another has is asked for again. It has it for a few seconds.
const ASK_AGAIN: Duration = Duration::from_millis(500);

impl<A: OrderApi> Case<'_, A> {
    /// Carries an update out while nobody else changes the order. All that it goes by it must read meanwhile. An `Err` is
    /// the end of a message, too: of one for which nothing was sent.
    pub(super) async fn claimed(&self, update: impl Future<Output = Result<Settlement, Settlement>>) -> Settlement {
        if self.context.claims.is_none() {
            return update.await.unwrap_or_else(|settlement| settlement);
        }
        if let Err(failure) = self.take().await {
            return match self.try_again(&failure) {
                // whoever has it does not have it for long, however long this message has waited for something else
                Settlement::Later(later) => Settlement::Later(Later { queue: 0, ..later }),
                settlement => settlement,
            };
        }
        let mut release = Release { case: self, has_ended: false };
        let settlement = update.await.unwrap_or_else(|settlement| settlement);
        release.has_ended = true;
        settlement
    }

    /// Whether an update may be sent now: all of them are within [`Case::claimed`].
    pub(super) async fn still_claimed(&self) -> Result<(), Failure> {
        if self.context.claims.is_none() {
            return Ok(());
        }
        match self.ask(|order, answer| ClaimRequest::Hold { order, answer }).await? {
            Claimed::Ours { calls_until } if Instant::now() < calls_until => Ok(()),
            Claimed::Ours { .. } | Claimed::NotOurs => Err(not_now(PutOff::ClaimLost)),
        }
    }

    /// Waits in the process while another has the claim: through a retry queue the broker's count of this message's
    /// deliveries would get lost, by which one is known that kills its worker.
    async fn take(&self) -> Result<(), Failure> {
        loop {
            if self.ask(|order, answer| ClaimRequest::Take { order, answer }).await? != Claimed::NotOurs {
                return Ok(());
            }
            let pace = &self.context.pace;
            if Instant::now() + ASK_AGAIN > self.last_call() || pace.is_stopping() || pace.pause().is_some() {
                return Err(not_now(PutOff::ClaimedByAnother));
            }
            sleep(ASK_AGAIN).await;
        }
    }

    async fn ask(
        &self,
        request: impl FnOnce(String, oneshot::Sender<Claimed>) -> ClaimRequest,
    ) -> Result<Claimed, Failure> {
        let (answer, answered) = oneshot::channel();
        self.tell(request(self.order().into(), answer));
        let why = tokio::select! {
            biased;
            () = self.inbound.lost.cancelled() => PutOff::SessionLost,
            answer = timeout_at(self.last_call(), answered) => match answer {
                Ok(Ok(claimed)) => return Ok(claimed),
                Ok(Err(_)) | Err(_) => PutOff::ClaimUnknown,
            },
        };
        Err(not_now(why))
    }

    fn tell(&self, request: ClaimRequest) {
        if let Some(claims) = &self.context.claims {
            // nobody is left to hear it when the process ends
            claims.send(request).ok();
        }
    }
}

fn not_now(why: PutOff) -> Failure {
    put_off(Operation::UpdateOrder, why.name())
}

/// Gives the claim up when the message is through, also by a panic.
struct Release<'a, 'b, A: OrderApi> {
    case: &'a Case<'b, A>,
    has_ended: bool,
}

impl<A: OrderApi> Drop for Release<'_, '_, A> {
    fn drop(&mut self) {
        let case = self.case;
        let shown_by = || case.context.shown_by(case.order()).map_or_else(Instant::now, |(_, shown_by)| shown_by);
        let is_clear = self.has_ended && !case.open_call.load(Ordering::Relaxed);
        case.tell(ClaimRequest::Release { order: case.order().into(), at: is_clear.then(shown_by) });
    }
}
