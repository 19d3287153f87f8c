//! When the updates of a message may begin that another process may have had in hand.
//!
//! Not here: the wait itself.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::domain::envelope::Kind;
use crate::ports::Inbound;

/// When an update may begin: by then a call that another process began for it, or for another message of its order, has
/// ended and shows in a read. None where there was no such process, and for creates, whose alias decides.
pub(super) fn updates_begin_at(kind: Option<Kind>, inbound: &Inbound, call_ended: Duration) -> Option<Instant> {
    match kind? {
        Kind::CheckoutCompleted => return None,
        Kind::FulfillmentTriggered | Kind::OrderAmended | Kind::RefundUpdated => {}
    }
    let taken_at = inbound.taken_at.unwrap_or_else(Instant::now);
    let of_session = inbound.session.took_over_at;
    let of_delivery = inbound.redelivered.then_some(taken_at);
    let other = of_session.max(of_delivery).map(|at| at + call_ended);
    other.max(last_attempt_ended(inbound, call_ended))
}

/// When a call of unknown outcome has certainly ended that was made before a hop or a hold. Clocks of two machines may
/// differ: it is never later than if the call had begun just now.
fn last_attempt_ended(inbound: &Inbound, call_ended: Duration) -> Option<Instant> {
    if !inbound.history.outcome_unknown {
        return None;
    }
    let failed = inbound.history.last_failed_at.map(|at| Timestamp::now().duration_since(at));
    let ago = failed.and_then(|ago| Duration::try_from(ago).ok()).unwrap_or_default();
    Some(Instant::now() + call_ended.saturating_sub(ago))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ports::{History, Session};

    const CALL: Duration = Duration::from_secs(12);

    fn begins(kind: Kind, inbound: &Inbound) -> Option<Duration> {
        updates_begin_at(Some(kind), inbound, CALL).map(|at| at.saturating_duration_since(Instant::now()))
    }

    fn inbound() -> Inbound {
        Inbound { taken_at: Some(Instant::now()), ..Inbound::default() }
    }

    #[tokio::test(start_paused = true)]
    async fn a_message_that_no_other_process_can_have_had_begins_at_once() {
        assert_eq!(begins(Kind::FulfillmentTriggered, &inbound()), None);
        assert_eq!(updates_begin_at(None, &inbound(), CALL), None);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_takeover_updates_begin_at_one_moment_and_creates_at_once() {
        let session = Session { took_over_at: Some(Instant::now()), ..Session::default() };
        tokio::time::advance(Duration::from_secs(5)).await;
        let fresh = Inbound { session, ..inbound() };
        let seven = Duration::from_secs(7);
        for kind in [Kind::FulfillmentTriggered, Kind::OrderAmended, Kind::RefundUpdated] {
            assert_eq!(begins(kind, &fresh), Some(seven));
        }
        assert_eq!(begins(Kind::CheckoutCompleted, &fresh), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_redelivered_message_that_comes_later_waits_as_long_from_its_delivery() {
        let session = Session { took_over_at: Some(Instant::now()), ..Session::default() };
        tokio::time::advance(Duration::from_secs(5)).await;
        let late = Inbound { session, redelivered: true, ..inbound() };
        assert_eq!(begins(Kind::OrderAmended, &late), Some(CALL));
    }

    #[tokio::test(start_paused = true)]
    async fn a_hop_with_unknown_outcome_counts_from_the_time_of_the_hop() {
        let ago = |seconds| Some(Timestamp::now() - jiff::SignedDuration::from_secs(seconds));
        let hopped = |last_failed_at| Inbound {
            history: History { outcome_unknown: true, last_failed_at, ..History::default() },
            ..inbound()
        };
        let wait = begins(Kind::RefundUpdated, &hopped(ago(5))).unwrap();
        assert!(wait > Duration::from_secs(6) && wait <= Duration::from_secs(7), "{wait:?}");
        assert_eq!(begins(Kind::RefundUpdated, &hopped(ago(60))), Some(Duration::ZERO));
        // one that was held in this process since its delivery
        let held = hopped(ago(5));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert!(begins(Kind::RefundUpdated, &held).unwrap() > Duration::from_secs(6));
        // a clock that is ahead, and a time that nobody wrote down
        assert_eq!(begins(Kind::RefundUpdated, &hopped(ago(-60))), Some(CALL));
        assert_eq!(begins(Kind::RefundUpdated, &hopped(None)), Some(CALL));
    }
}
