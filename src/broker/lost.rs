//! Why a session with the broker ended.
//!
//! Not here: what follows from that; see `session`.

use super::connection::OpenError;
use super::consuming::{ConsumerError, LookError};
use super::settle::SettleError;
use super::topology::TopologyError;
use super::tries::TriesError;

/// Why a session ended that was not told to.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("cannot connect: {0}")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Consume(#[from] ConsumerError),
    #[error("cannot open a channel: {0}")]
    Channel(#[from] lapin::Error),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error(transparent)]
    Tries(#[from] TriesError),
    #[error("the publishing connection is gone")]
    Publishing,
    #[error(transparent)]
    Look(#[from] LookError),
    #[error("a delivery is unacknowledged for `broker.give_back_after`, so everything is given back")]
    HeldTooLong,
    #[error("nobody takes messages any more")]
    NoWorker,
}

impl Lost {
    /// The cause in one word.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "not-connected",
            Self::Topology(_) => "topology",
            Self::Consume(ConsumerError::Failed { .. }) => "consumer",
            Self::Consume(ConsumerError::Cancelled(_)) => "consumer-cancelled",
            Self::Channel(_) => "channel",
            Self::Settle(_) => "settlement",
            Self::Tries(_) => "tries",
            Self::Publishing => "publishing-connection",
            Self::Look(_) => "look",
            Self::HeldTooLong => "held-too-long",
            Self::NoWorker => "no-worker",
        }
    }
}
