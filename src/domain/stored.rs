//! An order as Buy with Prime stores it, as far as an answer shows it.
//!
//! Not here: parsing of answers; the reaction to a difference.

use std::fmt;

use rust_decimal::Decimal;

use super::input::{LinkKind, PaymentState, RefundState};
use super::money::{Currency, Money};
use super::order::{Alias, ProductIdentifier};

/// The known fields of a stored order. `None` means that the answer leaves out the field, never that the order has
/// none.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredOrder {
    /// Buy with Prime's order id.
    pub id: String,
    /// Aliases of the order.
    pub aliases: Option<Vec<Alias>>,
    /// Line items.
    pub lines: Option<Vec<StoredLine>>,
    /// Execution state: whether fulfillment was started.
    pub execution_state: Option<ExecutionState>,
    /// Aggregated state of the order's packages.
    pub package_state: Option<PackageState>,
    /// Total price.
    pub total: Option<StoredMoney>,
    /// Tax of the whole order.
    pub tax: Option<StoredMoney>,
    /// Recipient and address.
    pub destination: Option<Destination>,
    /// Pages about the order.
    pub links: Option<Vec<StoredLink>>,
    /// Refunds, those requested at Buy with Prime and those that the shop opened.
    pub refunds: Option<Vec<StoredRefund>>,
    /// Fields that the API does not know, so that they were not asked for.
    pub unknown: Vec<UnknownField>,
}

/// A field that the API says it does not know.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct UnknownField {
    /// Where it is looked for, from the order on, for example `refunds/details/refundFor`.
    pub path: String,
    /// How the API calls it, for example `RefundDetails.refundFor`.
    pub name: String,
}

/// Something that an order does not tell, and that a decision hangs on.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Untold {
    /// Names of the order.
    Aliases,
    /// Whether fulfillment was started.
    ExecutionState,
    /// Line items, with their ids.
    LineItems,
    /// Names of a line item.
    LineAliases,
    /// Refunds, with their ids.
    Refunds,
    /// Names of a refund.
    RefundAliases,
    /// Payments of a refund.
    RefundPayments,
    /// Ids of the payments of a refund.
    RefundPaymentIds,
}

impl Untold {
    /// The code that letters and logs have for it.
    pub fn code(self) -> &'static str {
        match self {
            Self::Aliases => "NoAliases",
            Self::ExecutionState => "NoExecutionState",
            Self::LineItems => "NoLineItems",
            Self::LineAliases => "NoLineAliases",
            Self::Refunds => "NoRefunds",
            Self::RefundAliases => "NoRefundAliases",
            Self::RefundPayments => "NoRefundPayments",
            Self::RefundPaymentIds => "NoRefundPaymentIds",
        }
    }

    /// Fields without any of which it cannot be told.
    fn fields(self) -> &'static [&'static str] {
        match self {
            Self::Aliases => &["aliases/aliasType", "aliases/aliasId"],
            Self::ExecutionState => &["metadata/executionState"],
            Self::LineItems => &["lineItems/id"],
            Self::LineAliases => &["lineItems/aliases/aliasType", "lineItems/aliases/aliasId"],
            Self::Refunds => &["refunds/details/id"],
            Self::RefundAliases => &["refunds/details/aliases/aliasType", "refunds/details/aliases/aliasId"],
            Self::RefundPayments => &["refunds/details/paymentDetails"],
            Self::RefundPaymentIds => &["refunds/details/paymentDetails/id"],
        }
    }

    /// The field among those that the API does not know for want of which it is not told.
    pub fn for_want_of(self, unknown: &[UnknownField]) -> Option<&UnknownField> {
        let above =
            |path: &str, field: &str| field.strip_prefix(path).is_some_and(|b| b.is_empty() || b.starts_with('/'));
        unknown.iter().find(|unknown| self.fields().iter().any(|field| above(&unknown.path, field)))
    }
}

impl StoredOrder {
    /// The order after an update: fields that its answer leaves out keep their value from the read before.
    pub fn over(self, before: &Self) -> Self {
        let before = before.clone();
        Self {
            id: self.id,
            aliases: self.aliases.or(before.aliases),
            lines: self.lines.or(before.lines),
            execution_state: self.execution_state.or(before.execution_state),
            package_state: self.package_state.or(before.package_state),
            total: self.total.or(before.total),
            tax: self.tax.or(before.tax),
            destination: self.destination.or(before.destination),
            links: self.links.or(before.links),
            refunds: self.refunds.or(before.refunds),
            unknown: before.unknown,
        }
    }
}

/// A stored line item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredLine {
    /// Buy with Prime's line item id.
    pub id: Option<String>,
    /// Aliases of the line item.
    pub aliases: Option<Vec<Alias>>,
    /// Identifiers of the product that are known, for example `(sku, S-2)`.
    pub product: Vec<ProductIdentifier>,
    /// Number of pieces.
    pub quantity: Option<Decimal>,
    /// Price of one piece.
    pub price: Option<StoredMoney>,
}

/// An amount in a currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredMoney {
    /// Exact amount.
    pub amount: Decimal,
    /// ISO 4217 code, if known.
    pub currency: Option<String>,
}

impl StoredMoney {
    /// Whether the amount equals this one; an unknown currency does not contradict.
    pub fn is(&self, money: Money) -> bool {
        self.amount == money.amount.decimal() && self.may_be_in(money.currency_code)
    }

    /// Whether the amount exceeds this one in an equal currency.
    pub fn is_more_than(&self, money: Money) -> bool {
        self.amount > money.amount.decimal() && self.may_be_in(money.currency_code)
    }

    fn may_be_in(&self, currency: Currency) -> bool {
        self.currency.as_deref().is_none_or(|told| told == currency.code())
    }
}

/// Recipient and address of an order. Never shown: they are private.
#[derive(Clone, Default, Eq, PartialEq)]
pub struct Destination {
    /// Name of the recipient.
    pub name: Option<String>,
    /// Street and number.
    pub street_address: Option<String>,
    /// Second line of the street address, for example an apartment number.
    pub extended_address: Option<String>,
    /// City.
    pub locality: Option<String>,
    /// State, for example `WA`.
    pub region: Option<String>,
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166-1 alpha-2 code.
    pub country_code: Option<String>,
    /// Phone number.
    pub contact_number: Option<String>,
}

impl fmt::Debug for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Destination(…)")
    }
}

/// A page about the order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredLink {
    /// Kind of page.
    pub kind: Option<Named<LinkKind>>,
    /// Address of the page.
    pub url: String,
}

/// A refund as Buy with Prime stores it.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoredRefund {
    /// Buy with Prime's refund id, 64 hex digits.
    pub id: String,
    /// Aliases of the refund.
    pub aliases: Option<Vec<Alias>>,
    /// State of the refund.
    pub state: Option<Named<RefundState>>,
    /// Amount refunded so far; before the first update, the expected amount.
    pub total: Option<StoredMoney>,
    /// Payments that were sent, in the order of their updates.
    pub payments: Option<Vec<StoredPayment>>,
    /// Line items that are refunded.
    pub lines: Option<Vec<StoredRefundLine>>,
    /// Reason of the request, from the API's list.
    pub reason: Option<String>,
}

/// A payment of a refund.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct StoredPayment {
    /// The shop's payment id.
    pub id: Option<String>,
    /// Amount of the payment.
    pub amount: Option<StoredMoney>,
    /// State of the payment.
    pub state: Option<Named<PaymentState>>,
}

/// A line item of a refund.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredRefundLine {
    /// Buy with Prime's line item id.
    pub line_item_id: String,
    /// Number of pieces that are refunded.
    pub quantity: Option<Decimal>,
}

/// A name from a list of the API, to which it may add names.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Named<T> {
    /// A name that this version knows.
    Known(T),
    /// A name that this version does not know.
    Other(String),
}

/// Execution state of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ExecutionState {
    /// Confirmed, fulfillment not started.
    NotStarted,
    /// Fulfillment started.
    Started,
    /// A state that this version does not know.
    Other(String),
}

/// Aggregated state of the packages of an order.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum PackageState {
    /// At least one package waits to be picked.
    Pending,
    /// All packages are on their way or delivered.
    InTransit,
    /// All packages are delivered or cancelled, at least one of them delivered.
    Delivered,
    /// All packages are cancelled.
    Cancelled,
    /// A state that this version does not know.
    Other(String),
}
