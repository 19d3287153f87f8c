//! Refunds in the input of `updateOrder`.
//!
//! Not here: the match of a message's refunds with the stored ones.

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

/// New state, total and payments of a refund. Absent fields are left out of the JSON.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundInput {
    /// Buy with Prime's refund id, 64 hex digits; absent for a refund that the shop opened.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Aliases of the refund. For a refund that the shop opened, its alias identifies it.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// State of the refund.
    pub state: RefundState,
    /// Amount refunded so far, this update included.
    pub refund_total: RefundTotal,
    /// Line items that are refunded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_for: Option<RefundFor>,
    /// Reason of the request, from the API's list. It can be changed only if the shop opened the refund.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_request_reason: Option<String>,
    /// Reason of the state, from the API's list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refund_status_reason: Option<String>,
    /// Payments that this update adds. The API counts a payment twice if it is sent twice.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub payment_details: Vec<RefundPayment>,
}

/// State of a refund.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// Requested; nothing is paid.
    Pending,
    /// Partly paid.
    Partial,
    /// Fully paid.
    Success,
    /// Not paid: the payment failed.
    Failure,
    /// Not paid: the shop rejected the request.
    Rejected,
}

/// Total of a refund.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundTotal {
    /// Amount refunded so far.
    pub total_amount: Money,
}

/// Line items that are refunded.
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
    /// Id of the line item.
    pub line_item_id: LineItemIdentifier,
    /// Number of pieces; absent: all of them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunded_quantity: Option<RefundedQuantity>,
}

/// Identifier of a line item.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineItemIdentifier {
    /// Buy with Prime's line item id.
    pub line_item_id: String,
}

/// Number of pieces that are refunded.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct RefundedQuantity {
    /// Number of pieces.
    pub amount: Quantity,
}

/// A payment to the shopper.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RefundPayment {
    /// The shop's payment id. It keeps a payment from being sent twice.
    pub id: String,
    /// Amount of the payment.
    pub amount: Money,
    /// Method of the payment.
    pub payment_method: PaymentMethod,
    /// State of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}
