//! How a simulator is set up.
//! Not here: how it behaves from then on (`behaviour`).

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::behaviour::Behaviour;
use super::fault::FaultRule;

/// How a simulator is set up.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The only client that gets tokens.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// How long a token is good. The real API says 885 seconds.
    pub token_lifetime: Duration,
    /// Ids of the first orders; those of all others are made up.
    pub order_ids: Vec<String>,
    /// How it behaves at first.
    pub behaviour: Behaviour,
    /// Faults from the start.
    pub faults: Vec<FaultRule>,
    /// Seed for rules with a probability.
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
