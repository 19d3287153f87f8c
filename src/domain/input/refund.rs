//! Refunds, as `updateOrder` takes them.
//!
//! Not here: which refund a message means, and what of it the API has already.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{PaymentMethod, PaymentState};
use crate::domain::money::Money;
use crate::domain::order::Alias;
use crate::domain::quantity::Quantity;

/// The refunds of an update; each refund at most once.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RefundsInput {
    /// One entry for each refund.
    pub details: Vec<RefundInput>,
}

/// What is told of one refund. What is absent is left out of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundInput {
    /// Buy with Prime's refund id, 64 hex digits; absent for a refund that the shop opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Names of the refund. The one of a refund that the shop opened says which refund it is.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// How far the refund has got.
    pub state: RefundState,
    /// What has been refunded so far, this update included.
    pub refund_total: RefundTotal,
    /// What the refund is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_for: Option<RefundFor>,
    /// Why it was asked for, a name of the API's list. It can be changed only where the shop opened the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_request_reason: Option<String>,
    /// Why it is in its state, a name of the API's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_status_reason: Option<String>,
    /// Payments that this update adds. One that was told before and is told again counts twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payment_details: Vec<RefundPayment>,
}

/// How far a refund has got.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// Asked for, nothing paid.
    Pending,
    /// Paid in part.
    Partial,
    /// Paid.
    Success,
    /// Not paid, because it went wrong.
    Failure,
    /// Not paid, because the shop says no.
    Rejected,
}

/// The sum of a refund.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundTotal {
    /// Everything refunded so far.
    pub total_amount: Money,
}

/// What a refund is for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundFor {
    /// Line items of the order.
    pub order_line_items: Vec<RefundedLine>,
}

/// A line item that is refunded.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundedLine {
    /// Which one.
    pub line_item_id: LineItemIdentifier,
    /// How many pieces of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_quantity: Option<RefundedQuantity>,
}

/// How a line item is named.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineItemIdentifier {
    /// Buy with Prime's line item id.
    pub line_item_id: String,
}

/// How many pieces are refunded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RefundedQuantity {
    /// Pieces.
    pub amount: Quantity,
}

/// A payment to the shopper.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundPayment {
    /// The shop's id of the payment; what keeps it from being told twice.
    pub id: String,
    /// How much.
    pub amount: Money,
    /// By what.
    pub payment_method: PaymentMethod,
    /// How far it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}
