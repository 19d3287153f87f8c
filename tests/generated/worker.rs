//! A worker with the real client for these tests: short waits, and budgets that no series of faults can exhaust.
//! Not here: messages.

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::{ApiVersion, Client, ClientConfig};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::policy::breaker::Waits;
use bwp_sync::policy::decide::Limits;
use bwp_sync::simulator::Simulator;
use bwp_sync::worker::{Context, Pacing, Timing};

/// Timeout of a call; only a hanging call takes this long.
const TIMEOUT: Duration = Duration::from_secs(3);

/// Context that all messages of a worker share.
pub(crate) fn context(simulator: &Simulator, version: ApiVersion) -> Arc<Context<Client>> {
    let limits = Limits {
        attempts: 1000,
        denied_attempts: 1000,
        panics: 2,
        delays: [50, 200, 1000, 5000, 60_000].map(Duration::from_millis).to_vec(),
        wait_for_create: Duration::from_secs(86_400),
    };
    let visible_after = Duration::from_millis(10);
    let timing = Timing {
        visible_after,
        call_ended: TIMEOUT + visible_after,
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(100),
        retries: 2,
        last_call: Duration::from_secs(60),
        hold_at_most: 0,
    };
    // after a failure that pauses all calls, the next message may try at once
    let waits = Waits { first: Duration::ZERO, longest: Duration::ZERO };
    let pacing = Pacing { max_calls_per_second: None, waits };
    Arc::new(Context::new(client(simulator, version), Conventions::default(), limits, timing, pacing, 1_000_000))
}

/// A client of a simulator.
pub(crate) fn client(simulator: &Simulator, version: ApiVersion) -> Client {
    let config = ClientConfig {
        endpoint: simulator.endpoint().parse().unwrap(),
        token_endpoint: simulator.token_endpoint().parse().unwrap(),
        client_id: "sim-client".into(),
        client_secret: "sim-secret".into(),
        target_id: "store-1".into(),
        target_header: "x-api-target-id".into(),
        access_key: None,
        version,
        timeout: TIMEOUT,
        connect_timeout: Duration::from_secs(2),
        ca: None,
        proxy: None,
    };
    Client::new(config).unwrap()
}
