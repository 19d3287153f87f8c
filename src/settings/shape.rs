//! The settings after loading, as each room gets them.
//!
//! Not here: the sources (`load`), contradictions between values (`checks`).

use std::net::SocketAddr;
use std::time::Duration;

use crate::api::ClientConfig;
use crate::broker::BrokerConfig;
use crate::domain::conventions::Conventions;
use crate::mapper::Mapping;
use crate::policy::decide::Limits;
use crate::trace::Relation;
use crate::worker::{Pacing, Timing};

/// All settings. `config/default.toml` explains the keys.
#[derive(Debug)]
pub struct Settings {
    pub(super) broker: BrokerConfig,
    pub(super) mappings: Vec<Mapping>,
    pub(super) api: ClientConfig,
    pub(super) allow_plain_http: bool,
    pub(super) conventions: Conventions,
    pub(super) limits: Limits,
    pub(super) timing: Timing,
    pub(super) pacing: Pacing,
    pub(super) max_hold: Duration,
    pub(super) max_message_bytes: usize,
    pub(super) admin: Listen,
    /// Format and filter of the log.
    pub log: Log,
    pub(super) relation: Relation,
    pub(super) changed: Vec<String>,
    pub(super) grace: Duration,
}

/// Format and filter of the log.
#[derive(Debug)]
pub struct Log {
    /// Format of a log line.
    pub format: LogFormat,
    /// Filter, in the syntax of `EnvFilter`.
    pub filter: String,
}

/// Formats of a log line.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object in each line.
    Json,
    /// Coloured text for a terminal.
    Pretty,
}

/// Start of fulfillment, if the message does not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StartFulfillment {
    /// The message `fulfillment-triggered`.
    OnTrigger,
    /// The order's creation.
    WithOrder,
}

/// An address to listen on, or `None`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listen(pub(super) Option<SocketAddr>);

/// Calls per second, or `None` for no bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate(pub(super) Option<f64>);

/// Settings that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// Every problem, each with its key and its origin.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// The built-in defaults lack a key, or have a wrong value.
    #[error("built-in defaults: {0}")]
    Defaults(String),
}

impl Settings {
    /// Settings of the broker room.
    pub fn broker(&self) -> BrokerConfig {
        self.broker.clone()
    }

    /// Mappings of foreign messages.
    pub fn mappings(&self) -> &[Mapping] {
        &self.mappings
    }

    /// Settings of the API's client.
    pub fn api(&self) -> ClientConfig {
        self.api.clone()
    }

    /// Agreements between the store and its shop.
    pub fn conventions(&self) -> Conventions {
        self.conventions.clone()
    }

    /// Budgets and delays.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Waiting times inside the process.
    pub fn timing(&self) -> Timing {
        self.timing.clone()
    }

    /// Pacing of all calls.
    pub fn pacing(&self) -> Pacing {
        self.pacing.clone()
    }

    /// Most bytes of a body; a longer one is refused unread.
    pub fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Address of probes and metrics; `None` switches them off.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.0
    }

    /// How the trace of a message is related to the shop's.
    pub fn relation(&self) -> Relation {
        self.relation
    }

    /// The settings that differ from their defaults, as `key=value`; of a secret the key alone.
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// Time in flight after which a message marks the process as stuck: five times `broker.max_hold`.
    pub fn stuck_after(&self) -> Duration {
        self.max_hold * 5
    }

    /// Time that calls in flight may take after a signal.
    pub fn grace(&self) -> Duration {
        self.grace
    }
}
