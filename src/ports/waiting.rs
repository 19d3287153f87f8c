//! Why a message waits: one list for logs, the header of a hop, metrics and the operator.
//!
//! Not here: the waiting.

use jiff::Timestamp;
use strum::EnumIter;

/// Why a message waits.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Ord, PartialEq, PartialOrd)]
pub enum WaitReason {
    /// It was delivered, and may not be taken while publishers are blocked.
    BrokerBlocked,
    /// It was delivered, and there is no room for it.
    Room,
    /// A call of the worker that was active before may still be under way.
    Takeover,
    /// The process for mappings cannot be started.
    Mapping,
    /// Another message of its order comes first.
    Order,
    /// Its own delay after a failed attempt.
    Delay,
    /// It has been handled for as long as one message may be.
    MaxHold,
    /// Calls are paused.
    Pause,
    /// Calls take turns at their rate.
    Rate,
    /// The broker has not said lately that this worker is the active one.
    Active,
    /// The effect of a call need not show in a read yet.
    Effect,
    /// Its order is not created yet.
    Create,
    /// The broker has not confirmed a publication for it yet.
    Confirm,
    /// It goes back to the broker.
    GivenBack,
}

impl WaitReason {
    /// The reason in one word, as logs, headers and metrics name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::BrokerBlocked => "broker-blocked",
            Self::Room => "room",
            Self::Takeover => "takeover",
            Self::Mapping => "mapping",
            Self::Order => "order",
            Self::Delay => "delay",
            Self::MaxHold => "max-hold",
            Self::Pause => "pause",
            Self::Rate => "rate",
            Self::Active => "active",
            Self::Effect => "effect",
            Self::Create => "create",
            Self::Confirm => "confirm",
            Self::GivenBack => "given-back",
        }
    }

    /// The reason in a sentence, for an operator.
    pub fn words(self) -> &'static str {
        match self {
            Self::BrokerBlocked => "the broker has blocked publishers, so nothing is taken",
            Self::Room => "as many messages or bytes are in flight as may be",
            Self::Takeover => "a call of the worker that was active before may still be under way",
            Self::Mapping => "the process for mappings cannot be started; the log says why",
            Self::Order => "another message of its order comes first",
            Self::Delay => "its own delay after a failed attempt",
            Self::MaxHold => "it was handled for `broker.max_hold`, others go first",
            Self::Pause => "calls are paused; `/readyz` says why",
            Self::Rate => "calls take turns at the rate that the API allows",
            Self::Active => "the broker has not confirmed lately that this worker is the active one",
            Self::Effect => "the effect of a call need not show in a read yet",
            Self::Create => "its order is not created yet",
            Self::Confirm => "the broker has not confirmed what was published for it",
            Self::GivenBack => "it goes back to the broker, since the worker stops or lost its session",
        }
    }
}

/// A message that waits in this process.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Waiting {
    /// The shop's order id, or Buy with Prime's, where known.
    pub order: Option<String>,
    /// Its id, given or made from the body; none for one without an id that has not been read.
    pub message_id: Option<String>,
    /// Why.
    pub reason: WaitReason,
    /// Since when.
    pub since: Timestamp,
}
