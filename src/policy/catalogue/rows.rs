//! Errors of the API by its documents: one row for each error of each operation.
//!
//! Not here: the worker's own codes; the decision on a class.

use strum::IntoEnumIterator;

use super::advice::CANCELLED;
use super::class::Class::{self, AlreadyDone, Denied, MaybeAlreadyDone, Rejected, Throttled, Transient};
use crate::ports::Operation::{self, CreateOrder, Order, UpdateOrder};

const FIVE_LINKS: &str = "send at most five links for an order, those added earlier included";
const CHECK_ACCESS: &str = "check that the client's credentials may do this for this store, then replay";
const CHECK_ORDER: &str = "check the order id and the client's access, then replay";
const CODELESS: &str = "read the API's message; an order with more than five aliases is refused so";
const NEW_SIGN_IN: &str = "have the shopper sign in again and replay with the new token";
const REDUCE: &str = "reduce the quantity, or replay when there is more stock";
const SAME_ADDRESS: &str = "send the address that the delivery preview was made for";
const WAIT_SERVER: &str = "nothing to mend here: replay when the API works again";
const WAIT_THROTTLED: &str = "replay later and slower; lower the worker's prefetch if it happens often";
const WHOSE_ALIAS: &str = "look at the order that holds the alias; give this one another order id if they differ";

/// One row: an error of one operation.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The operation that answers so.
    pub operation: Operation,
    /// Type without its suffix: `Validation` stands for `ValidationError` and `ValidationException`.
    pub error_type: &'static str,
    /// Code; `None` where the API gives none.
    pub code: Option<&'static str>,
    /// Its class.
    pub class: Class,
    /// Advice to the operator.
    pub action: &'static str,
}

/// Errors of an operation: its table of "Troubleshoot Order Errors" in its order, then what other pages add.
fn rows_of(operation: Operation) -> &'static [Row] {
    match operation {
        CreateOrder => CREATES,
        UpdateOrder => UPDATES,
        Order => READS,
    }
}

/// Errors of all operations.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    Operation::iter().flat_map(rows_of)
}

const CREATES: &[Row] = &[
    // Troubleshoot Order Errors: creating orders
    row(CreateOrder, "AccessDenied", None, Denied, CHECK_ACCESS),
    row(CreateOrder, "Conflict", None, MaybeAlreadyDone, WHOSE_ALIAS),
    row(CreateOrder, "InternalServer", None, Transient, WAIT_SERVER),
    row(CreateOrder, "Throttling", None, Throttled, WAIT_THROTTLED),
    refused(CreateOrder, "AddressMismatch", SAME_ADDRESS),
    invalid(CreateOrder, "AliasValueAlreadyExists", MaybeAlreadyDone, WHOSE_ALIAS),
    refused(
        CreateOrder,
        "InvalidItemIdentifier",
        "correct the product's identifier, or add the product to the catalog",
    ),
    refused(CreateOrder, "InvalidRecipientAddressInput", "correct the delivery address"),
    refused(CreateOrder, "InvalidRecipientContactInput", "correct the recipient's contact"),
    refused(CreateOrder, "InvalidShopperContactInput", "correct the shopper's name or e-mail"),
    refused(CreateOrder, "ExpiredIdpToken", NEW_SIGN_IN),
    refused(CreateOrder, "InvalidIdpToken", NEW_SIGN_IN),
    refused(CreateOrder, "ItemOutOfStock", "take the item out of the order, or replay when it is in stock"),
    refused(CreateOrder, "ItemUnavailableWithPrime", "take the item out of the order, or fulfill it as a merchant"),
    refused(CreateOrder, "MissingItemAttributes", "give title, price and identifier on every Prime line"),
    refused(CreateOrder, "OrderLinkLimitExceeded", FIVE_LINKS),
    refused(CreateOrder, "OrderQuantityLimitExceeded", "split the order: at most twenty Prime items in one"),
    refused(CreateOrder, "ReduceQuantityToProceed", REDUCE),
    refused(CreateOrder, "SelectedQuantityNotAvailable", REDUCE),
    refused(CreateOrder, "ShopperIdMismatch", "send the shopper identity and address of the delivery preview"),
    refused(CreateOrder, "ShopperNotPrime", "the shopper needs a Prime membership; fulfill the order as a merchant"),
    // Best Practices for Orders: it gives no code for too many aliases
    row(CreateOrder, "Validation", None, Rejected, CODELESS),
];

const UPDATES: &[Row] = &[
    // Troubleshoot Order Errors: updating orders
    row(UpdateOrder, "AccessDenied", None, Denied, CHECK_ORDER),
    row(UpdateOrder, "Conflict", None, Transient, "replay: the order was being changed by another call"),
    row(UpdateOrder, "InternalServer", None, Transient, WAIT_SERVER),
    row(UpdateOrder, "Throttling", None, Throttled, WAIT_THROTTLED),
    invalid(
        UpdateOrder,
        "AliasValueAlreadyExists",
        MaybeAlreadyDone,
        "another order holds this alias: give this order another one",
    ),
    refused(UpdateOrder, "DuplicateRefundId", "name each refund once in a message"),
    invalid(UpdateOrder, "ExecutionAlreadyStarted", AlreadyDone, "nothing: fulfillment had been started already"),
    refused(UpdateOrder, "ExecutionCannotBeStartedDueToCancellation", CANCELLED),
    refused(UpdateOrder, "InvalidRefundId", "use a refund id that the order holds"),
    refused(UpdateOrder, "MissingRefundId", "give the refund id that Buy with Prime made"),
    refused(UpdateOrder, "OrderLinkLimitExceeded", FIVE_LINKS),
    // Best Practices for Orders: it gives no code for too many aliases
    row(UpdateOrder, "Validation", None, Rejected, CODELESS),
    refused(UpdateOrder, "InvalidOrderExecutionState", "fulfillment has started and cannot be taken back"),
    // refunds
    refused(UpdateOrder, "DuplicateAliasId", "give each refund an alias of its own, one that no other refund has"),
    refused(UpdateOrder, "InvalidAliasId", "correct the refund's alias: neither empty nor changed after the fact"),
    refused(
        UpdateOrder,
        "InvalidRefundStateTransition",
        "look at the refund's state in Buy with Prime: it cannot go to the one asked for",
    ),
    refused(
        UpdateOrder,
        "InvalidRefundRequestReasonUpdate",
        "leave the reason out: a refund keeps the one that it was made with",
    ),
];

const READS: &[Row] = &[
    // Troubleshoot Order Errors: getting orders
    row(Order, "AccessDenied", None, Denied, CHECK_ORDER),
    row(Order, "InternalServer", None, Transient, WAIT_SERVER),
    row(Order, "Throttling", None, Throttled, WAIT_THROTTLED),
];

const fn row(
    operation: Operation,
    error_type: &'static str,
    code: Option<&'static str>,
    class: Class,
    action: &'static str,
) -> Row {
    Row { operation, error_type, code, class, action }
}

/// A validation error with a code.
const fn invalid(operation: Operation, code: &'static str, class: Class, action: &'static str) -> Row {
    row(operation, "Validation", Some(code), class, action)
}

/// The commonest kind of row.
const fn refused(operation: Operation, code: &'static str, action: &'static str) -> Row {
    invalid(operation, code, Rejected, action)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_error_is_in_two_rows() {
        let mut keys: Vec<_> = rows().map(|row| (row.operation.name(), row.error_type, row.code)).collect();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), rows().count());
    }

    #[test]
    fn a_rejection_is_always_a_validation() {
        assert!(rows().filter(|row| row.class == Rejected).all(|row| row.error_type == "Validation"));
    }

    #[test]
    fn an_action_says_something_and_follows_the_style_of_messages() {
        for row in rows() {
            let first = row.action.chars().next().unwrap();
            assert!(first.is_lowercase() && !row.action.ends_with('.'), "{}", row.action);
        }
    }
}
