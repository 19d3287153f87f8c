//! The context of a worker that a test runs itself.
//! Not here: the program as a process; see `program`.

use std::time::Duration;

use bwp_sync::api::{ApiVersion, Client, ClientConfig};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::policy::breaker::Waits;
use bwp_sync::policy::decide::Limits;
use bwp_sync::simulator::Simulator;
use bwp_sync::worker::{Context, Pacing, Timing};

/// Timeout of a call, long enough for a busy machine. A hanging call alone takes this long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(3);

/// A context with short waits and few attempts, so that their end is reached soon. Tests change its fields.
pub(crate) fn context<A>(api: A) -> Context<A> {
    paced(api, pacing())
}

/// After a failure that pauses all calls the next message may try at once.
pub(crate) fn pacing() -> Pacing {
    Pacing { max_calls_per_second: None, waits: Waits { first: Duration::ZERO, longest: Duration::ZERO } }
}

/// The context with another pace.
pub(crate) fn paced<A>(api: A, pacing: Pacing) -> Context<A> {
    let limits = Limits {
        attempts: 3,
        denied_attempts: 3,
        panics: 3,
        delays: vec![Duration::from_secs(5)],
        wait_for_create: Duration::from_secs(3600),
    };
    let timing = Timing {
        visible_after: Duration::from_millis(20),
        call_ended: Duration::from_millis(50),
        first_wait: Duration::from_millis(5),
        longest_wait: Duration::from_millis(20),
        retries: 2,
        last_call: Duration::from_secs(60),
        hold_at_most: 0,
    };
    Context::new(api, Conventions::default(), limits, timing, pacing, 1_000_000)
}

/// A client of a simulator.
pub(crate) fn client(simulator: &Simulator, secret: &str, version: ApiVersion) -> Client {
    let config = ClientConfig {
        endpoint: simulator.endpoint().parse().unwrap(),
        token_endpoint: simulator.token_endpoint().parse().unwrap(),
        client_id: "sim-client".into(),
        client_secret: secret.into(),
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
