//! Settings of a simulator at its start.
//! Not here: its behaviour later (`behaviour`).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::behaviour::Behaviour;
use super::fault::FaultRule;

/// Settings of a simulator at its start.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Id of the only client that gets tokens.
    pub client_id: String,
    /// Secret of that client.
    pub client_secret: String,
    /// Lifetime of a token. The real API's is 885 seconds.
    pub token_lifetime: Duration,
    /// Ids of the first orders; later ids are generated.
    pub order_ids: Vec<String>,
    /// Behaviour at the start.
    pub behaviour: Behaviour,
    /// Fault rules at the start.
    pub faults: Vec<FaultRule>,
    /// Seed for fault rules with a probability.
    pub seed: u64,
    /// Fields of answers that it does not know, as `Type.field`.
    pub unknown_fields: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            client_id: "sim-client".to_owned(),
            client_secret: "sim-secret".to_owned(),
            token_lifetime: Duration::from_secs(885),
            order_ids: Vec::new(),
            behaviour: Behaviour::default(),
            faults: Vec::new(),
            seed: 0,
            unknown_fields: Vec::new(),
        }
    }
}
