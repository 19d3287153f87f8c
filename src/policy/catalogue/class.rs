//! Classes of errors, and the decision that follows from each.
//!
//! Not here: which error is of which class; how decisions are carried out.

use strum::{EnumIter, IntoEnumIterator};

/// Meaning of an error for the message that met it.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, PartialEq)]
pub enum Class {
    /// An order with this alias is there; whether it is ours, a read tells.
    MaybeAlreadyDone,
    /// The order is already as asked for.
    AlreadyDone,
    /// Too many calls: slow down.
    Throttled,
    /// Passes by itself.
    Transient,
    /// It may have taken effect, or not.
    OutcomeUnknown,
    /// No access: a credential, or an order that is not there.
    Denied,
    /// The API knows no such order.
    NotThere,
    /// This message will never be accepted as it is.
    Rejected,
    /// Our query is wrong, or the API has changed. Not the order's fault.
    QueryRefused,
    /// In no list: nobody knows what it means.
    Unlisted,
}

impl Class {
    /// The class as letters, results and metrics write it.
    pub fn name(self) -> &'static str {
        match self {
            Self::MaybeAlreadyDone => "maybe-already-done",
            Self::AlreadyDone => "already-done",
            Self::Throttled => "throttled",
            Self::Transient => "transient",
            Self::OutcomeUnknown => "outcome-unknown",
            Self::Denied => "denied",
            Self::NotThere => "not-there",
            Self::Rejected => "rejected",
            Self::QueryRefused => "query-refused",
            Self::Unlisted => "unknown",
        }
    }

    /// The decision that follows. A read and a fulfillment know more of their own case: see the worker.
    pub fn decision(self) -> Decision {
        match self {
            Self::AlreadyDone => Decision::Done,
            Self::MaybeAlreadyDone => Decision::Compare,
            Self::Throttled | Self::Transient | Self::OutcomeUnknown | Self::QueryRefused => {
                Decision::Retry(Budget::Passing)
            }
            // it may be this message's own fault, so it is not tried for long
            Self::Denied | Self::Unlisted => Decision::Retry(Budget::Denied),
            Self::NotThere => Decision::AwaitCreate,
            Self::Rejected => Decision::Refuse,
        }
    }

    /// Whether it speaks of the API, the way to it or our access, rather than of one order.
    pub fn is_the_apis(self) -> bool {
        match self {
            Self::Throttled | Self::Transient | Self::OutcomeUnknown | Self::QueryRefused => true,
            Self::MaybeAlreadyDone
            | Self::AlreadyDone
            | Self::Denied
            | Self::NotThere
            | Self::Rejected
            | Self::Unlisted => false,
        }
    }
}

/// Decision that follows from an error.
#[derive(Clone, Copy, Debug, EnumIter, Eq, PartialEq)]
pub enum Decision {
    /// It is done, although the call failed.
    Done,
    /// Read whose the order is.
    Compare,
    /// Try again; when the budget is spent, give up.
    #[strum(disabled)]
    Retry(Budget),
    /// Wait for the order to be created, up to `orders.wait_for_create`.
    AwaitCreate,
    /// Never again as it is: write a dead letter.
    Refuse,
}

/// Budget that a counted attempt is taken from. An attempt that went into one is not missing in another.
#[derive(Clone, Copy, Debug, EnumIter, Eq, PartialEq)]
pub enum Budget {
    /// For failures that pass by themselves: `retry.attempts`.
    Passing,
    /// For denials, and for codes that no document lists: `retry.denied_attempts`.
    Denied,
}

impl Decision {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter().chain(Budget::iter().map(Self::Retry))
    }

    /// The decision as the table of errors writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Compare => "compare",
            Self::Retry(Budget::Passing) => "retry",
            Self::Retry(Budget::Denied) => "retry-few",
            Self::AwaitCreate => "await-create",
            Self::Refuse => "dead-letter",
        }
    }
}
