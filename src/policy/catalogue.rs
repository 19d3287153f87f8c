//! Every error code that is known: what it means and what an operator can do. The single source.
//!
//! Not here: how an answer's error finds its row (`classify`), what the worker does (`decide`).

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
    /// In no list: treated by its number.
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
}

impl Class {
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

const fn row(
    operation: Operation,
    error_type: &'static str,
    code: Option<&'static str>,
    class: Class,
    action: &'static str,
) -> Row {
    Row { operation, error_type, code, class, action }
}

/// Shorthand for the commonest kind of row.
const fn refused(operation: Operation, code: &'static str, action: &'static str) -> Row {
    row(operation, "Validation", Some(code), Class::Rejected, action)
}

use Class::{AlreadyDone, Denied, MaybeAlreadyDone, Throttled, Transient};
use Operation::{CreateOrder, Order, UpdateOrder};

const CHECK_ACCESS: &str = "check that the client's credentials may do this for this store, then replay";
const WAIT_SERVER: &str = "nothing to mend here: replay when the API works again";
const WAIT_THROTTLED: &str = "replay later and slower; lower the worker's prefetch if it happens often";
const SAME_ADDRESS: &str = "send the address that the delivery preview was made for";
const FIVE_LINKS: &str = "send at most five links for an order, those added earlier included";

/// All rows of the documents "Troubleshoot Order Errors" and "Best Practices for Orders".
pub const ROWS: &[Row] = &[
    row(CreateOrder, "AccessDenied", None, Denied, CHECK_ACCESS),
    row(
        CreateOrder,
        "Conflict",
        None,
        MaybeAlreadyDone,
        "look at the order that holds the alias; give this one another order id if they differ",
    ),
    row(CreateOrder, "InternalServer", None, Transient, WAIT_SERVER),
    row(CreateOrder, "Throttling", None, Throttled, WAIT_THROTTLED),
    refused(CreateOrder, "AddressMismatch", SAME_ADDRESS),
    row(
        CreateOrder,
        "Validation",
        Some("AliasValueAlreadyExists"),
        MaybeAlreadyDone,
        "look at the order that holds the alias; give this one another order id if they differ",
    ),
    refused(
        CreateOrder,
        "InvalidItemIdentifier",
        "correct the product's identifier, or add the product to the catalog",
    ),
    refused(CreateOrder, "InvalidRecipientAddressInput", "correct the delivery address"),
    refused(CreateOrder, "InvalidRecipientContactInput", "correct the recipient's contact"),
    refused(CreateOrder, "InvalidShopperContactInput", "correct the shopper's name or e-mail"),
    refused(CreateOrder, "ExpiredIdpToken", "have the shopper sign in again and replay with the new token"),
    refused(CreateOrder, "InvalidIdpToken", "have the shopper sign in again and replay with the new token"),
    refused(CreateOrder, "ItemOutOfStock", "take the item out of the order, or replay when it is in stock"),
    refused(CreateOrder, "ItemUnavailableWithPrime", "take the item out of the order, or fulfill it as a merchant"),
    refused(CreateOrder, "MissingItemAttributes", "give title, price and identifier on every Prime line"),
    refused(CreateOrder, "OrderLinkLimitExceeded", FIVE_LINKS),
    refused(CreateOrder, "OrderQuantityLimitExceeded", "split the order: at most twenty Prime items in one"),
    refused(CreateOrder, "ReduceQuantityToProceed", "reduce the quantity, or replay when there is more stock"),
    refused(CreateOrder, "SelectedQuantityNotAvailable", "reduce the quantity, or replay when there is more stock"),
    refused(CreateOrder, "ShopperIdMismatch", "send the shopper identity and address of the delivery preview"),
    refused(CreateOrder, "ShopperNotPrime", "the shopper needs a Prime membership; fulfill the order as a merchant"),
    row(UpdateOrder, "AccessDenied", None, Denied, "check the order id and the client's access, then replay"),
    row(UpdateOrder, "Conflict", None, Transient, "replay: the order was being changed by another call"),
    row(UpdateOrder, "InternalServer", None, Transient, WAIT_SERVER),
    row(UpdateOrder, "Throttling", None, Throttled, WAIT_THROTTLED),
    row(
        UpdateOrder,
        "Validation",
        Some("AliasValueAlreadyExists"),
        MaybeAlreadyDone,
        "another order holds this alias: give this order another one",
    ),
    refused(UpdateOrder, "DuplicateRefundId", "name each refund once in a message"),
    row(
        UpdateOrder,
        "Validation",
        Some("ExecutionAlreadyStarted"),
        AlreadyDone,
        "nothing: fulfillment had been started already",
    ),
    refused(
        UpdateOrder,
        "ExecutionCannotBeStartedDueToCancellation",
        "the order is cancelled: tell the shop, create a new order if it is still wanted",
    ),
    refused(UpdateOrder, "InvalidRefundId", "use a refund id that the order holds"),
    refused(UpdateOrder, "MissingRefundId", "give the refund id that Buy with Prime made"),
    refused(UpdateOrder, "OrderLinkLimitExceeded", FIVE_LINKS),
    refused(UpdateOrder, "InvalidOrderExecutionState", "fulfillment has started and cannot be taken back"),
    row(Order, "AccessDenied", None, Denied, "check the order id and the client's access, then replay"),
    row(Order, "InternalServer", None, Transient, WAIT_SERVER),
    row(Order, "Throttling", None, Throttled, WAIT_THROTTLED),
];

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
    /// More than five aliases on an order.
    OrderAliasLimitExceeded,
    /// More than five links on an order.
    OrderLinkLimitExceeded,
    /// The order is cancelled and cannot be started.
    ExecutionCannotBeStartedDueToCancellation,
}

impl OwnCode {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::InvalidMessage,
        Self::UnsupportedMessage,
        Self::PoisonMessage,
        Self::RetriesExhausted,
        Self::OrderNotFound,
        Self::OutcomeUnknown,
        Self::AliasBelongsToAnotherOrder,
        Self::OrderAliasLimitExceeded,
        Self::OrderLinkLimitExceeded,
        Self::ExecutionCannotBeStartedDueToCancellation,
    ];

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
            Self::OrderAliasLimitExceeded => "OrderAliasLimitExceeded",
            Self::OrderLinkLimitExceeded => "OrderLinkLimitExceeded",
            Self::ExecutionCannotBeStartedDueToCancellation => "ExecutionCannotBeStartedDueToCancellation",
        }
    }

    /// `LocalValidation` where a rule of the API was checked before the call, else `BwpSync`.
    pub fn error_type(self) -> &'static str {
        match self {
            Self::OrderAliasLimitExceeded
            | Self::OrderLinkLimitExceeded
            | Self::ExecutionCannotBeStartedDueToCancellation => "LocalValidation",
            Self::InvalidMessage
            | Self::UnsupportedMessage
            | Self::PoisonMessage
            | Self::RetriesExhausted
            | Self::OrderNotFound
            | Self::OutcomeUnknown
            | Self::AliasBelongsToAnotherOrder => "BwpSync",
        }
    }

    /// What an operator can do.
    pub fn action(self) -> &'static str {
        match self {
            Self::InvalidMessage => "correct the field that the message names and send the message again",
            Self::UnsupportedMessage => "bind only the documented types, or update the worker and replay",
            Self::PoisonMessage => "keep the letter for a bug report; replay only with a mended worker",
            Self::RetriesExhausted => "find out why the API kept failing for this order alone, then replay",
            Self::OutcomeUnknown => "look for the order by hand under its alias; replay when it is not there",
            Self::OrderNotFound => "look for the order's own dead letter, replay that first, then this",
            Self::AliasBelongsToAnotherOrder => {
                "find out which of the two orders is right; send this one under another id"
            }
            Self::OrderAliasLimitExceeded => "send at most five aliases for an order, its id and display id included",
            Self::OrderLinkLimitExceeded => FIVE_LINKS,
            Self::ExecutionCannotBeStartedDueToCancellation => {
                "the order is cancelled: tell the shop, create a new order if it is still wanted"
            }
        }
    }
}

/// Whether a code stands in a row or is one of the worker's own.
pub fn knows(code: &str) -> bool {
    ROWS.iter().any(|row| row.code == Some(code)) || OwnCode::ALL.iter().any(|own| own.name() == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_the_documents_is_there() {
        let rows = |operation| ROWS.iter().filter(|row| row.operation == operation).count();
        // 21, 11 and 3 rows of "Troubleshoot Order Errors", and InvalidOrderExecutionState of "Best Practices"
        assert_eq!((rows(CreateOrder), rows(UpdateOrder), rows(Order)), (21, 11 + 1, 3));
    }

    #[test]
    fn no_error_is_in_two_rows() {
        let mut keys: Vec<_> = ROWS.iter().map(|row| (row.operation.name(), row.error_type, row.code)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), ROWS.len());
    }

    #[test]
    fn a_rejection_is_always_a_validation() {
        assert!(ROWS.iter().filter(|row| row.class == Class::Rejected).all(|row| row.error_type == "Validation"));
    }
}
