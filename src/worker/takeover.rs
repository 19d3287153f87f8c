//! Start of the updates of a message that another process may have had in flight.
//!
//! Not here: the wait itself.

use std::time::Duration;

use tokio::time::Instant;

use crate::domain::envelope::Kind;
use crate::ports::Inbound;

/// Earliest time at which an update may begin. By then another process' call for its order has ended and shows in a read.
/// None where there was no such process, and for creates, whose alias decides.
pub(super) fn updates_begin_at(kind: Option<Kind>, inbound: &Inbound, call_ended: Duration) -> Option<Instant> {
    if kind?.operation().repeats_without_harm() {
        return None;
    }
    let taken_at = inbound.taken_at.unwrap_or_else(Instant::now);
    let of_session = inbound.session.took_over_at;
    let of_delivery = inbound.redelivered.then_some(taken_at);
    let other = of_session.max(of_delivery).map(|at| at + call_ended);
    other.max(last_attempt_ended(inbound, call_ended))
}

/// When a call of unknown outcome has certainly ended that was made before a hop or a hold.
fn last_attempt_ended(inbound: &Inbound, call_ended: Duration) -> Option<Instant> {
    let failed_by = inbound.failed_by.or(inbound.taken_at);
    inbound.history.outcome_unknown.then(|| failed_by.unwrap_or_else(Instant::now) + call_ended)
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
    async fn a_hop_with_unknown_outcome_counts_from_the_latest_end_of_its_last_attempt_and_from_no_clock_of_another() {
        let start = Instant::now();
        tokio::time::advance(Duration::from_secs(100)).await;
        let seconds = Duration::from_secs;
        for (failed_by, expected) in
            [(Some(95), seconds(7)), (Some(40), Duration::ZERO), (Some(100), CALL), (None, CALL)]
        {
            for last_failed_at in [None, Some(jiff::Timestamp::UNIX_EPOCH), Some(jiff::Timestamp::MAX)] {
                let hopped = Inbound {
                    history: History { outcome_unknown: true, last_failed_at, ..History::default() },
                    failed_by: failed_by.map(|at| start + seconds(at)),
                    ..inbound()
                };
                assert_eq!(begins(Kind::RefundUpdated, &hopped), Some(expected), "{failed_by:?} {last_failed_at:?}");
            }
        }
    }
}
