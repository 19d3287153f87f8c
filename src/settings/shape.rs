//! The settings as they are once read: what each room is told.
//!
//! Not here: where they come from (`load`), whether they contradict each other (`checks`).

use std::net::SocketAddr;
use std::time::Duration;

use crate::api::ClientConfig;
use crate::broker::BrokerConfig;
use crate::domain::conventions::Conventions;
use crate::policy::decide::Limits;
use crate::worker::{Pacing, Timing};

/// All settings. The keys are explained in `config/default.toml`.
#[derive(Debug)]
pub struct Settings {
    pub(super) broker: BrokerConfig,
    pub(super) api: ClientConfig,
    pub(super) allow_plain_http: bool,
    pub(super) conventions: Conventions,
    pub(super) limits: Limits,
    pub(super) timing: Timing,
    pub(super) pacing: Pacing,
    pub(super) max_hold: Duration,
    pub(super) max_message_bytes: usize,
    pub(super) admin: Listen,
    /// How to log.
    pub log: Log,
    pub(super) grace: Duration,
}

/// How to log.
#[derive(Debug)]
pub struct Log {
    /// For whom.
    pub format: LogFormat,
    /// What, in the syntax of `EnvFilter`.
    pub filter: String,
}

/// For whom to log.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// Coloured text.
    Pretty,
}

/// What starts fulfillment where the message does not say.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum StartFulfillment {
    /// A message of its own.
    OnTrigger,
    /// The order's creation.
    WithOrder,
}

/// An address to listen on, or none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Listen(pub(super) Option<SocketAddr>);

/// Calls per second, or no bound.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate(pub(super) Option<f64>);

/// Settings that cannot be worked with.
#[derive(Debug, thiserror::Error)]
pub enum SettingsError {
    /// All that is wrong, each with its key and where it comes from.
    #[error("{}", .0.join("\n"))]
    Problems(Vec<String>),
    /// The built-in defaults lack a key or have it wrong.
    #[error("built-in defaults: {0}")]
    Defaults(String),
}

impl Settings {
    /// What the broker room is told.
    pub fn broker(&self) -> BrokerConfig {
        self.broker.clone()
    }

    /// What the API's client is told.
    pub fn api(&self) -> ClientConfig {
        self.api.clone()
    }

    /// What the store and its shop have agreed on.
    pub fn conventions(&self) -> Conventions {
        self.conventions.clone()
    }

    /// Budgets and delays.
    pub fn limits(&self) -> Limits {
        self.limits.clone()
    }

    /// Waits inside the process.
    pub fn timing(&self) -> Timing {
        self.timing.clone()
    }

    /// The pace of all calls.
    pub fn pacing(&self) -> Pacing {
        self.pacing.clone()
    }

    /// Bytes of a body that is still read.
    pub fn max_message_bytes(&self) -> usize {
        self.max_message_bytes
    }

    /// Where probes and metrics are served, if anywhere.
    pub fn admin(&self) -> Option<SocketAddr> {
        self.admin.0
    }

    /// How long a message may be handled before the process counts as stuck: long after it should have been let go.
    pub fn stuck_after(&self) -> Duration {
        self.max_hold * 5
    }

    /// How long calls under way may take after a signal.
    pub fn grace(&self) -> Duration {
        self.grace
    }
}
