//! State of the rooms, for each other, for probes, and for the preflight.
//!
//! Not here: what follows from it.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use super::{WaitReason, Waiting};

/// Why calls are paused: all of them, or those of one operation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pause {
    /// Why, in one word.
    pub cause: &'static str,
    /// How the API answered last, by status and in its own names.
    pub answer: String,
    /// The operation that is paused; `None` for all of them.
    pub operation: Option<&'static str>,
    /// Since when.
    pub since: Timestamp,
    /// When a message may try again; `None` once one may.
    pub next_probe: Option<Timestamp>,
}

/// The broker room's state.
#[derive(Clone, Debug)]
pub struct BrokerState {
    /// Prefetch of the registered consumer; `None` when there is none.
    pub prefetch: Option<u16>,
    /// The broker feeds this worker: a delivery has come in this session. A standby has none.
    pub active: bool,
    /// Why nothing is consumed, or taken although something is.
    pub cause: Option<String>,
    /// Since when.
    pub since: Timestamp,
    /// When the broker will be tried next.
    pub next_try: Option<Timestamp>,
    /// Deliveries that the worker has not taken yet, by their tag: the message's id, and when it came.
    pub not_taken: BTreeMap<u64, (Option<String>, Timestamp)>,
    /// Why it has not.
    pub not_taken_for: WaitReason,
}

impl BrokerState {
    /// Nothing is consumed, for this reason.
    pub fn down(cause: impl Into<String>, since: Timestamp, next_try: Option<Timestamp>) -> Self {
        Self { prefetch: None, cause: Some(cause.into()), next_try, ..Self::up(0, since) }
    }

    /// A consumer is registered with this prefetch; no delivery has come yet.
    pub fn up(prefetch: u16, since: Timestamp) -> Self {
        Self {
            prefetch: Some(prefetch),
            active: false,
            cause: None,
            since,
            next_try: None,
            not_taken: BTreeMap::new(),
            not_taken_for: WaitReason::Room,
        }
    }

    /// The deliveries that the worker has not taken yet.
    pub fn waiting(&self) -> impl Iterator<Item = Waiting> + '_ {
        let reason = self.not_taken_for;
        let not_taken = self.not_taken.values().cloned();
        not_taken.map(move |(message_id, since)| Waiting { order: None, message_id, reason, since })
    }
}

/// How the API does.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub enum ApiState {
    /// Nobody has asked it yet: not even a token was had.
    #[default]
    Unknown,
    /// A call succeeded last, or a token was had.
    Works,
    /// Calls fail.
    Fails(Trouble),
}

/// Something is wrong that is not one message's fault.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Trouble {
    /// The present trouble, as a code and in words.
    pub cause: String,
    /// Since when.
    pub since: Timestamp,
}

/// One thing that a preflight looked at.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// Subject of the look.
    pub subject: String,
    /// Result of the look.
    pub verdict: Verdict,
    /// In words.
    pub detail: String,
    /// The promise that hangs on it.
    pub promise: &'static str,
}

/// Result of a look.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// It is as it must be.
    Holds,
    /// It is not.
    Fails,
    /// Nobody can say from here.
    Unknown,
}

impl Finding {
    /// It is as it must be.
    pub fn holds(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Holds, detail: detail.into(), promise }
    }

    /// Nobody can say from here.
    pub fn unknown(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Unknown, detail: detail.into(), promise }
    }

    /// It is not.
    pub fn fails(subject: impl Into<String>, detail: impl Into<String>, promise: &'static str) -> Self {
        Self { subject: subject.into(), verdict: Verdict::Fails, detail: detail.into(), promise }
    }
}
