//! The worker's own codes.
//!
//! Not here: codes of the API.

use strum::{EnumIter, IntoEnumIterator};

use super::advice::{CANCELLED, UNLISTED_ACTION};
use super::rows::rows;
use crate::domain::rejection::RejectionCode;
use crate::domain::rule::Rule;
use crate::ports::Operation;

const FIVE_ALIASES: &str = "send at most five aliases for an order, its id and display id included";

/// The worker's own codes, for messages that never reached the API or were judged here.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, PartialEq)]
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
    #[strum(disabled)]
    Broken(Rule),
    /// The order is cancelled and cannot be started.
    ExecutionCannotBeStartedDueToCancellation,
}

impl From<RejectionCode> for OwnCode {
    fn from(code: RejectionCode) -> Self {
        match code {
            RejectionCode::InvalidMessage => Self::InvalidMessage,
            RejectionCode::UnsupportedMessage => Self::UnsupportedMessage,
            RejectionCode::Broken(rule) => Self::Broken(rule),
        }
    }
}

impl OwnCode {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::iter().chain(Rule::iter().map(Self::Broken))
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

    /// Advice to the operator.
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
            Self::Broken(Rule::DuplicatePaymentId) => "tell each payment under one refund, each with an id of its own",
            Self::Broken(Rule::TotalIsSum) => "find out which amount the shop or its mapping leaves out of the order",
            Self::Broken(rule) => action_of(rule.code()),
            Self::ExecutionCannotBeStartedDueToCancellation => CANCELLED,
        }
    }
}

/// The operation that a rule is about; `None` where it is about several.
fn of_rule(rule: Rule) -> Option<Operation> {
    match rule {
        Rule::OfferIds | Rule::ItemAttributes | Rule::QuantityLimit | Rule::ExpiredOffer | Rule::TotalIsSum => {
            Some(Operation::CreateOrder)
        }
        Rule::DuplicateRefundId | Rule::DuplicatePaymentId | Rule::MissingRefundId | Rule::RefundState => {
            Some(Operation::UpdateOrder)
        }
        Rule::AliasLimit | Rule::LinkLimit | Rule::Destination => None,
    }
}

/// Advice on the API's code.
fn action_of(code: &str) -> &'static str {
    rows().find(|row| row.code == Some(code)).map_or(UNLISTED_ACTION, |row| row.action)
}
