//! Every error code that is known: what it means, what is done about it, what an operator can do. The single source.
//!
//! Not here: how an answer's error finds its row (`classify`), budgets and times (`decide`).

mod listing;
mod rows;

pub use listing::{Entry, entries};
pub use rows::ROWS;
use rows::{CANCELLED, FIVE_ALIASES};

use crate::domain::rules::Rule;
use crate::ports::Operation;

/// What an error means for the message that met it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Class {
    /// An order with this alias is there; whether it is ours, a read tells.
    MaybeAlreadyDone,
    /// What was asked for is so already.
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
    /// In no list.
    Unlisted,
    /// In no list, and its number says that it passes by itself.
    UnlistedTransient,
}

impl Class {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::MaybeAlreadyDone,
        Self::AlreadyDone,
        Self::Throttled,
        Self::Transient,
        Self::OutcomeUnknown,
        Self::Denied,
        Self::NotThere,
        Self::Rejected,
        Self::QueryRefused,
        Self::Unlisted,
        Self::UnlistedTransient,
    ];

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
            Self::Unlisted | Self::UnlistedTransient => "unknown",
        }
    }

    /// What is done about it. A read and a fulfillment know more of their own case: see the worker.
    pub fn decision(self) -> Decision {
        match self {
            Self::AlreadyDone => Decision::Done,
            Self::MaybeAlreadyDone => Decision::Compare,
            Self::Throttled | Self::Transient | Self::OutcomeUnknown | Self::QueryRefused => Decision::Retry,
            // it may be this message's own fault, so it is not tried for long
            Self::Denied | Self::UnlistedTransient => Decision::RetryFew,
            Self::NotThere => Decision::AwaitCreate,
            Self::Rejected | Self::Unlisted => Decision::Refuse,
        }
    }

    /// Whether it speaks of the API, the way to it or our access, rather than of one order.
    pub fn is_the_apis(self) -> bool {
        match self {
            Self::Throttled | Self::Transient | Self::OutcomeUnknown | Self::QueryRefused | Self::UnlistedTransient => {
                true
            }
            Self::MaybeAlreadyDone
            | Self::AlreadyDone
            | Self::Denied
            | Self::NotThere
            | Self::Rejected
            | Self::Unlisted => false,
        }
    }
}

/// What is done about an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Decision {
    /// Nothing: it is done, although the call failed.
    Done,
    /// Read whose the order is.
    Compare,
    /// Try again, up to `retry.attempts`.
    Retry,
    /// Try again, up to `retry.denied_attempts`.
    RetryFew,
    /// Wait for the order to be created, up to `orders.wait_for_create`.
    AwaitCreate,
    /// Write a dead letter.
    Refuse,
}

impl Decision {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Done, Self::Compare, Self::Retry, Self::RetryFew, Self::AwaitCreate, Self::Refuse];

    /// The decision as the table of errors writes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Compare => "compare",
            Self::Retry => "retry",
            Self::RetryFew => "retry-few",
            Self::AwaitCreate => "await-create",
            Self::Refuse => "dead-letter",
        }
    }
}

/// One row: an error of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation that answers so.
    pub operation: Operation,
    /// Type without its suffix: `Validation` stands for `ValidationError` and `ValidationException`.
    pub error_type: &'static str,
    /// Code; `None` where the API gives none.
    pub code: Option<&'static str>,
    /// What it means.
    pub class: Class,
    /// What an operator can do.
    pub action: &'static str,
}

/// What is said of a code that stands in no row.
pub const UNLISTED_ACTION: &str = "the API does not document this code: read its message, mend the message, replay";

/// What is said when the API refuses the query itself.
pub const QUERY_ACTION: &str =
    "the API does not take this worker's query: check `api.version`, update the worker, replay";

/// The worker's own codes, for what never reached the API or was decided here.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum OwnCode {
    /// Not readable.
    InvalidMessage,
    /// A type that this worker does not handle.
    UnsupportedMessage,
    /// It brought the process down, or made it panic, again and again.
    PoisonMessage,
    /// The budget of attempts is spent.
    RetriesExhausted,
    /// The order that the message is about did not come.
    OrderNotFound,
    /// Nobody can say whether the order is there.
    OutcomeUnknown,
    /// The alias names an order that is not this one.
    AliasBelongsToAnotherOrder,
    /// A rule of the API that was checked before the call.
    Broken(Rule),
    /// The order is cancelled and cannot be started.
    ExecutionCannotBeStartedDueToCancellation,
}

impl OwnCode {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        let without_rules = [
            Self::InvalidMessage,
            Self::UnsupportedMessage,
            Self::PoisonMessage,
            Self::RetriesExhausted,
            Self::OrderNotFound,
            Self::OutcomeUnknown,
            Self::AliasBelongsToAnotherOrder,
            Self::ExecutionCannotBeStartedDueToCancellation,
        ];
        without_rules.into_iter().chain(Rule::ALL.map(Self::Broken))
    }

    /// The code as it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::InvalidMessage => "InvalidMessage",
            Self::UnsupportedMessage => "UnsupportedMessage",
            Self::PoisonMessage => "PoisonMessage",
            Self::RetriesExhausted => "RetriesExhausted",
            Self::OrderNotFound => "OrderNotFound",
            Self::OutcomeUnknown => "OutcomeUnknown",
            Self::AliasBelongsToAnotherOrder => "AliasBelongsToAnotherOrder",
            Self::Broken(rule) => rule.code(),
            Self::ExecutionCannotBeStartedDueToCancellation => "ExecutionCannotBeStartedDueToCancellation",
        }
    }

    /// `LocalValidation` where a rule of the API was checked before the call, else `BwpSync`.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::Broken(_) | Self::ExecutionCannotBeStartedDueToCancellation => "LocalValidation",
            Self::InvalidMessage
            | Self::UnsupportedMessage
            | Self::PoisonMessage
            | Self::RetriesExhausted
            | Self::OrderNotFound
            | Self::OutcomeUnknown
            | Self::AliasBelongsToAnotherOrder => "BwpSync",
        }
    }

    /// The operation that a message with this code asks for; `None` where it can be any, or cannot be told.
    pub fn operation(self) -> Option<Operation> {
        match self {
            Self::Broken(rule) => of_rule(rule),
            Self::OrderNotFound | Self::ExecutionCannotBeStartedDueToCancellation => Some(Operation::UpdateOrder),
            Self::InvalidMessage
            | Self::UnsupportedMessage
            | Self::PoisonMessage
            | Self::RetriesExhausted
            | Self::AliasBelongsToAnotherOrder
            | Self::OutcomeUnknown => None,
        }
    }

    /// What an operator can do.
    pub fn action(self) -> &'static str {
        match self {
            Self::InvalidMessage => "correct the field that the message names and send the message again",
            Self::UnsupportedMessage => "bind only the documented types, or update the worker and replay",
            Self::PoisonMessage => "keep the letter for a bug report; replay only with a mended worker",
            Self::RetriesExhausted => "find out why the API kept failing for this order alone, then replay",
            Self::OutcomeUnknown => "look by hand whether the order is as the message wants it; replay when it is not",
            Self::OrderNotFound => "look for the order's own dead letter, replay that first, then this",
            Self::AliasBelongsToAnotherOrder => {
                "find out which of the two orders is right; send this one under another id"
            }
            Self::Broken(Rule::AliasLimit) => FIVE_ALIASES,
            Self::Broken(Rule::OfferIds) => "give the ids of delivery offer and preview on every Prime line",
            Self::Broken(Rule::ExpiredOffer) => {
                "ask for a new delivery preview, and send the offer that is chosen of it"
            }
            Self::Broken(rule) => action_of(rule.code()),
            Self::ExecutionCannotBeStartedDueToCancellation => CANCELLED,
        }
    }
}

/// The operation that a rule is about; `None` where it is about several.
fn of_rule(rule: Rule) -> Option<Operation> {
    match rule {
        Rule::OfferIds | Rule::ItemAttributes | Rule::QuantityLimit | Rule::ExpiredOffer => {
            Some(Operation::CreateOrder)
        }
        Rule::DuplicateRefundId | Rule::MissingRefundId | Rule::RefundState => Some(Operation::UpdateOrder),
        Rule::AliasLimit | Rule::LinkLimit | Rule::Destination => None,
    }
}

/// What an operator can do about the API's code.
fn action_of(code: &str) -> &'static str {
    ROWS.iter().find(|row| row.code == Some(code)).map_or(UNLISTED_ACTION, |row| row.action)
}

/// Whether a code stands in a row or is one of the worker's own.
pub fn knows(code: &str) -> bool {
    codes().any(|known| known == code)
}

/// All codes, some of them several times.
pub fn codes() -> impl Iterator<Item = &'static str> {
    ROWS.iter().filter_map(|row| row.code).chain(OwnCode::all().map(OwnCode::name))
}
