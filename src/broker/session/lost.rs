//! Why a session with the broker ended.
//!
//! Not here: what follows from that; see `run`.

use metrics::{counter, gauge};

use super::consuming::{ConsumerError, LookError};
use super::settle::SettleError;
use super::tries::TriesError;
use crate::broker::connection::{OpenError, is_frame_too_large};
use crate::broker::topology::TopologyError;

/// Why a session ended that was not stopped.
#[derive(Debug, thiserror::Error)]
pub(super) enum Lost {
    #[error("cannot connect: {0}")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error("the broker does not answer while a session is set up: does a node hang?")]
    Unanswered,
    #[error(transparent)]
    Consume(#[from] ConsumerError),
    #[error("cannot open a channel: {0}")]
    Channel(#[from] lapin::Error),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error("cannot acknowledge: {0}")]
    Ack(lapin::Error),
    #[error(transparent)]
    Tries(#[from] TriesError),
    #[error("the publishing connection is gone")]
    Publishing,
    #[error(transparent)]
    Look(#[from] LookError),
    #[error("a delivery is unacknowledged for `broker.give_back_after`, so all messages are given back")]
    HeldTooLong,
    #[error("the worker takes no more messages")]
    NoWorker,
}

/// Causes of a lost session, in metrics.
const CAUSES: [&str; 11] = [
    "not-connected",
    "topology",
    "consumer",
    "consumer-cancelled",
    "channel",
    "settlement",
    "tries",
    "publishing-connection",
    "look",
    "held-too-long",
    "no-worker",
];

/// Begins all series of this room at zero.
pub fn begin_series() {
    CAUSES.iter().for_each(|cause| counter!("bwp_sessions_lost_total", "cause" => *cause).absolute(0));
    gauge!("bwp_paused", "cause" => "broker-blocked").set(0);
}

impl Lost {
    /// Whether the headers of a message fitted into no frame of the consuming connection.
    pub(super) fn is_frame_too_large(&self) -> bool {
        match self {
            Self::Consume(ConsumerError::Failed { error, .. })
            | Self::Look(LookError::Unanswered(error))
            | Self::Channel(error)
            | Self::Ack(error) => is_frame_too_large(error),
            Self::Consume(ConsumerError::Cancelled(_) | ConsumerError::Unanswered(_))
            | Self::Look(LookError::NotCounted)
            | Self::Open(_)
            | Self::Topology(_)
            | Self::Unanswered
            | Self::Settle(_)
            | Self::Tries(_)
            | Self::Publishing
            | Self::HeldTooLong
            | Self::NoWorker => false,
        }
    }

    /// The cause in one word, for metrics.
    pub(super) fn name(&self) -> &'static str {
        let [
            not_connected,
            topology,
            consumer,
            consumer_cancelled,
            channel,
            settlement,
            tries,
            publishing,
            look,
            held_too_long,
            no_worker,
        ] = CAUSES;
        match self {
            Self::Open(_) => not_connected,
            Self::Topology(_) | Self::Unanswered | Self::Consume(ConsumerError::Unanswered(_)) => topology,
            Self::Consume(ConsumerError::Failed { .. }) => consumer,
            Self::Consume(ConsumerError::Cancelled(_)) => consumer_cancelled,
            Self::Channel(_) => channel,
            Self::Settle(_) | Self::Ack(_) => settlement,
            Self::Tries(_) => tries,
            Self::Publishing => publishing,
            Self::Look(_) => look,
            Self::HeldTooLong => held_too_long,
            Self::NoWorker => no_worker,
        }
    }
}
