//! The worker without a broker: settings in, the settlement of one message out.
//! Not here: TLS, files that change.

use std::time::Duration;

use bwp_sync::api::Client;
use bwp_sync::policy::breaker::Waits;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::Simulator;
use bwp_sync::worker::{Context, Pacing, handle};

use crate::support::settings;

/// A checkout, as the shop sends it.
pub(crate) const CHECKOUT: &[u8] = include_bytes!("../fixtures/messages/create-minimum-fulfillable.json");

/// The daemon's context for the simulator, with these settings under `[api]`.
pub(crate) fn context(simulator: &Simulator, api: &[(&str, &str)]) -> Context<Client> {
    let (endpoint, token_endpoint) = (simulator.endpoint(), simulator.token_endpoint());
    let mut keys = std::collections::BTreeMap::from([
        ("endpoint", endpoint.as_str()),
        ("token_endpoint", &token_endpoint),
        ("client_id", "sim-client"),
        ("client_secret", "sim-secret"),
        ("target_id", "store-1"),
    ]);
    keys.extend(api.iter().copied());
    let keys: String = keys.iter().map(|(key, value)| format!("api.{key} = '{value}'\n")).collect();
    // one call for each look-up: a test sees the result of each
    let text = format!("{keys}retry.in_process = 0\n");
    let settings = settings::load(&text);
    // a pause ends with the next attempt
    let waits = Waits { first: Duration::ZERO, longest: Duration::ZERO };
    settings::context(&settings, Pacing { waits, ..settings.pacing() })
}

/// Settlement of a checkout.
pub(crate) async fn checkout(context: &Context<Client>) -> Settlement {
    let content_type = Some("application/cloudevents+json".into());
    let inbound = Inbound { body: CHECKOUT.to_vec(), content_type, queue: "bwp.orders".into(), ..Inbound::default() };
    handle(context, &inbound).await
}
