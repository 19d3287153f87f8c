//! Buy with Prime over HTTP: one call, one attempt, facts about what came of it.
//!
//! Not here: judging an error, waiting, trying again; the one exception is a token that was refused.

mod body;
mod client;
mod clock;
mod config;
mod dialect;
mod document;
mod left_out;
mod probe;
mod reason;
mod token;
mod token_endpoint;
mod transport;
mod wire;

pub use client::Client;
pub use config::{ApiVersion, ClientConfig, ClientError, DEFAULT_TARGET_HEADER};
pub use probe::{Probe, Probed};
pub use token::begin_series;
