//! The message `refund-updated`: progress of an order's refunds.
//!
//! Not here: the update that is made from it, which depends on the stored order.

use schemars::JsonSchema;
use serde::Deserialize;
use serde::de::Error as _;

use super::input::{PaymentMethod, PaymentState, RefundPayment, RefundState};
use super::money::{Amount, Currency, Money};
use super::named_order::NamedOrder;
use super::quantity::Quantity;
use super::reading::{self, Text, Unreadable};

/// Progress of an order's refunds.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct RefundUpdate {
    /// Order that is refunded.
    pub(super) order: NamedOrder,
    /// Currency of every amount in the message.
    pub(super) currency: Currency,
    /// State, total and payments of each refund.
    #[serde(deserialize_with = "at_least_one")]
    #[schemars(length(min = 1))]
    pub(super) refunds: Vec<ToldRefund>,
}

/// State, total and payments of one refund.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    { "required": ["id"], "properties": { "id": { "type": "string" } } },
    { "required": ["externalId"], "properties": { "externalId": { "type": "string" } } },
]))]
pub(super) struct ToldRefund {
    /// Buy with Prime's refund id.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) id: Option<String>,
    /// The shop's refund id, for a refund that the shop opened.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) external_id: Option<String>,
    /// State of the refund.
    #[serde(deserialize_with = "reading::word")]
    pub(super) state: RefundState,
    /// Amount refunded so far, all payments included.
    pub(super) total: Amount,
    /// Payments. Those that were reported before may be among them.
    #[serde(default, deserialize_with = "each_once")]
    pub(super) payments: Vec<ToldPayment>,
    /// Lines that are refunded.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) lines: Vec<ToldLine>,
    /// Reason of the request, from the API's list.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) reason: Option<String>,
}

/// A payment to the shopper.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct ToldPayment {
    /// The shop's payment id. It keeps a payment from being sent twice.
    pub(super) id: Text,
    /// Amount of the payment, in the currency of the message.
    pub(super) amount: Amount,
    /// Payment method, for example `Visa ending in 1234`.
    pub(super) label: Text,
    /// Type of the payment method from the API's list, for example `CARD`.
    #[serde(default, rename = "type", deserialize_with = "reading::text")]
    pub(super) kind: Option<String>,
    /// State of the payment.
    #[serde(default, deserialize_with = "reading::optional_word")]
    pub(super) state: Option<PaymentState>,
}

impl ToldPayment {
    /// The payment as an input of the API.
    pub(super) fn input(self, currency_code: Currency) -> RefundPayment {
        RefundPayment {
            id: self.id.0,
            amount: Money { amount: self.amount, currency_code },
            payment_method: PaymentMethod { display_string: self.label.0, kind: self.kind },
            state: self.state,
        }
    }
}

/// A line that is refunded, named by the shop's id or by Buy with Prime's.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, JsonSchema)]
#[serde(try_from = "ToldLineFields")]
pub struct ToldLine {
    /// Name of the line.
    pub line: LineName,
    /// Number of pieces; absent: all of them.
    pub quantity: Option<Quantity>,
}

/// Name of a line in a message.
#[derive(Clone, Debug, Eq, JsonSchema, PartialEq)]
pub enum LineName {
    /// The shop's line id, which is an alias of the line item.
    ByLineId(String),
    /// Buy with Prime's line item id.
    ByLineItemId(String),
}

/// Fields of [`ToldLine`], before the check that exactly one name is given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    { "required": ["lineId"], "properties": { "lineId": { "type": "string" } } },
    { "required": ["lineItemId"], "properties": { "lineItemId": { "type": "string" } } },
]))]
struct ToldLineFields {
    /// The shop's line id.
    #[serde(default, deserialize_with = "reading::text")]
    line_id: Option<String>,
    /// Buy with Prime's line item id.
    #[serde(default, deserialize_with = "reading::text")]
    line_item_id: Option<String>,
    /// Number of pieces; absent: all of them.
    quantity: Option<Quantity>,
}

impl TryFrom<ToldLineFields> for ToldLine {
    type Error = Unreadable;

    fn try_from(fields: ToldLineFields) -> Result<Self, Unreadable> {
        let line = match (fields.line_id, fields.line_item_id) {
            (_, Some(id)) => LineName::ByLineItemId(id),
            (Some(id), None) => LineName::ByLineId(id),
            (None, None) => return Err(Unreadable::expected("lineId or lineItemId, got neither")),
        };
        Ok(Self { line, quantity: fields.quantity })
    }
}

fn at_least_one<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ToldRefund>, D::Error> {
    let refunds = Vec::deserialize(deserializer)?;
    if refunds.is_empty() {
        return Err(D::Error::custom(Unreadable::expected("at least one refund, got none")));
    }
    Ok(refunds)
}

/// Payments with distinct ids. Of two payments with one id, nobody could say which was reported.
fn each_once<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<ToldPayment>, D::Error> {
    let payments: Vec<ToldPayment> = reading::list(deserializer)?;
    let mut ids: Vec<&str> = payments.iter().map(|payment| payment.id.0.as_str()).collect();
    ids.sort_unstable();
    if ids.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(D::Error::custom(Unreadable::expected("each payment id once, got one twice")));
    }
    Ok(payments)
}
