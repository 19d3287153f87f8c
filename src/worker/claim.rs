//! Whoever changes an order claims it first, so that two workers with two copies of a message do not both do it.
//!
//! Not here: how other workers come to know of a claim (`broker::claims`).

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::case::Case;
use crate::policy::classify::{Failure, put_off};
use crate::ports::{ClaimRequest, Operation, OrderApi, Settlement};

/// What a message has to do with the claim of its order.
#[derive(Debug, Default)]
pub struct Claim {
    /// It has made one.
    made: AtomicBool,
    /// An update for it was sent of which nobody knows whether it has ended.
    open_call: AtomicBool,
}

impl<A: OrderApi> Case<'_, A> {
    /// Carries an update out while no other worker changes the order. All that it goes by it must read meanwhile.
    pub(super) async fn claimed(&self, update: impl Future<Output = Settlement>) -> Settlement {
        if let Err(failure) = self.ask(|order, answer| ClaimRequest::Take { order, answer }).await {
            return self.try_again(&failure);
        }
        self.claim.made.store(true, Ordering::Relaxed);
        let settlement = update.await;
        self.release().await;
        settlement
    }

    /// Whether an update may be sent now.
    pub(super) async fn still_claimed(&self) -> Result<(), Failure> {
        match self.claim.made.load(Ordering::Relaxed) {
            true => self.ask(|order, answer| ClaimRequest::Hold { order, answer }).await,
            false => Ok(()),
        }
    }

    /// An update may have taken effect, or may yet.
    pub(super) fn leaves_call_open(&self) {
        self.claim.open_call.store(true, Ordering::Relaxed);
    }

    async fn ask(&self, request: impl FnOnce(String, oneshot::Sender<bool>) -> ClaimRequest) -> Result<(), Failure> {
        let Some(claims) = &self.context.claims else { return Ok(()) };
        let (answer, answered) = oneshot::channel();
        let asked = async {
            claims.send(request(self.order().into(), answer)).await.ok()?;
            answered.await.ok()
        };
        let why = tokio::select! {
            ours = asked => match ours {
                Some(true) => return Ok(()),
                Some(false) => "ClaimedByAnotherWorker",
                None => "ClaimUnknown",
            },
            () = self.inbound.lost.cancelled() => "SessionLost",
        };
        Err(put_off(Operation::UpdateOrder, why))
    }

    /// Others may change the order once what was done here shows in their reads.
    async fn release(&self) {
        let Some(claims) = &self.context.claims else { return };
        let shown_by = || self.context.shown_by(self.order()).map_or_else(Instant::now, |(_, shown_by)| shown_by);
        let at = (!self.claim.open_call.load(Ordering::Relaxed)).then(shown_by);
        let request = ClaimRequest::Release { order: self.order().into(), at };
        tokio::select! {
            // a claim that nobody releases ends by itself
            _ = claims.send(request) => {}
            () = self.inbound.lost.cancelled() => {}
        }
    }
}
