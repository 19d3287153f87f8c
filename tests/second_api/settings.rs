//! Settings of each API: the only difference between them.
//! Not here: any other way to make a client or a worker.

use bwp_sync::api::Client;
use bwp_sync::settings::Settings;
#[cfg(feature = "simulator")]
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::Context;

use crate::daemon;
use crate::server::http::{CLIENT_ID, CLIENT_SECRET, Server, TARGET};

/// Settings for the second API.
pub(crate) fn for_second(server: &Server) -> Settings {
    let (endpoint, token_endpoint) = (server.endpoint(), server.token_endpoint());
    daemon::load(&format!(
        "[api]\nendpoint = \"{endpoint}\"\ntoken_endpoint = \"{token_endpoint}\"\n\
         client_id = \"{CLIENT_ID}\"\nclient_secret = \"{CLIENT_SECRET}\"\ntarget_id = \"{TARGET}\"\n"
    ))
}

/// Settings for a simulator with its own defaults.
#[cfg(feature = "simulator")]
pub(crate) fn for_simulator(simulator: &Simulator) -> Settings {
    for_simulator_in(simulator, "2024-11-01")
}

/// Settings for a simulator in this version of the API.
#[cfg(feature = "simulator")]
pub(crate) fn for_simulator_in(simulator: &Simulator, version: &str) -> Settings {
    let (endpoint, token_endpoint) = (simulator.endpoint(), simulator.token_endpoint());
    let Config { client_id, client_secret, .. } = Config::default();
    daemon::load(&format!(
        "[api]\nendpoint = \"{endpoint}\"\ntoken_endpoint = \"{token_endpoint}\"\nversion = \"{version}\"\n\
         client_id = \"{client_id}\"\nclient_secret = \"{client_secret}\"\ntarget_id = \"any-store\"\n"
    ))
}

pub(crate) fn client(settings: &Settings) -> Client {
    Client::new(settings.api()).unwrap()
}

/// The context of a worker, made as the daemon makes it.
pub(crate) fn context(settings: &Settings) -> Context<Client> {
    daemon::context(settings, settings.pacing())
}
