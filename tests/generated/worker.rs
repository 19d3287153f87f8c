//! A worker with the real client for these tests: budgets that no series of faults can exhaust.
//! Not here: messages.

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::policy::decide::Limits;
use bwp_sync::simulator::Simulator;
use bwp_sync::worker::Context;

use crate::context;

/// Context that all messages of a worker share.
pub(crate) fn context(simulator: &Simulator, version: ApiVersion) -> Arc<Context<Client>> {
    let mut context = context::context(context::client(simulator, "sim-secret", version));
    context.limits = Limits {
        attempts: 1000,
        denied_attempts: 1000,
        panics: 2,
        delays: [50, 200, 1000, 5000, 60_000].map(Duration::from_millis).to_vec(),
        wait_for_create: Duration::from_secs(86_400),
    };
    let timing = &mut context.timing;
    timing.visible_after = Duration::from_millis(10);
    timing.call_ended = context::TIMEOUT + timing.visible_after;
    timing.longest_wait = Duration::from_millis(100);
    Arc::new(context)
}
