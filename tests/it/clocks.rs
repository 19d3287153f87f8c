//! Clocks of two machines differ: no time that another one wrote counts an attempt or shortens a wait.
//! Not here: the wait after an unknown outcome; see `src/worker/takeover.rs`.

use std::time::Duration;

use bwp_sync::api::ApiVersion;
use bwp_sync::ports::{History, Inbound, Operation as Called, Settlement};
use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Simulator};
use bwp_sync::worker::handle;
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use crate::scenario::{context, event, plain_checkout};

#[tokio::test]
async fn an_attempt_counts_by_the_clock_of_this_process_whatever_another_one_wrote() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    simulator.add_fault(FaultRule::always(Fault::status(500)).on(Operation::CreateOrder));
    // whether it works for another order after the last failure, before it, or never. Another clock wrote that time. A
    // follower has not failed where it comes from: a success from before it began counts nothing
    for (works, has_failed, counted) in
        [(Some(true), true, 1), (Some(false), true, 0), (None, true, 0), (Some(true), false, 0)]
    {
        for written in [-86_400, -1, 0, 1, 86_400] {
            let context = context(&simulator, "sim-secret", ApiVersion::default());
            if works == Some(false) {
                context.succeeded(Called::CreateOrder, "SO-2");
            }
            let failed_by = Instant::now() + Duration::from_millis(1);
            sleep_until(failed_by).await;
            if works == Some(true) {
                context.succeeded(Called::CreateOrder, "SO-2");
            }
            let written = Timestamp::now() + SignedDuration::from_secs(written);
            let history = History {
                first_failed_at: has_failed.then_some(written),
                last_failed_at: has_failed.then_some(written),
                delays: 1,
                ..History::default()
            };
            let message = event("m-1", "checkout-completed", &plain_checkout("SO-1"));
            let inbound = Inbound { hopped: true, failed_by: Some(failed_by), history, ..message };
            let settlement = handle(&context, &inbound).await;
            let Settlement::Later(later) = settlement else { panic!("{settlement:?}") };
            assert_eq!(later.history.attempts, counted, "{works:?} {has_failed} {written}");
        }
    }
}
