//! Inputs of the two mutations, already checked against the schema. Parts that are only echoed stay JSON.
//! Not here: rules about their content (`rules`).

use serde::Deserialize;
use serde_json::Value;

use super::names::{Alias, RefundState};

/// Names of Amazon as delivery provider, by version.
const AMAZON: [&str; 2] = ["AMAZON", "BUY_WITH_PRIME"];

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CreateInput {
    pub(super) line_items: Vec<LineInput>,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
    #[serde(default)]
    pub(super) order_links: Vec<Value>,
    pub(super) desired_execution_state: Option<ExecutionState>,
    pub(super) customer: Option<Value>,
    pub(super) recipient: Option<Value>,
    pub(super) total_price: Option<Value>,
    pub(super) taxes: Option<Value>,
    pub(super) discounts: Option<Value>,
    pub(super) payments: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UpdateInput {
    /// Order id, in the version that has it here.
    pub(super) order_id: Option<String>,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
    #[serde(default)]
    pub(super) order_links: Vec<Value>,
    pub(super) desired_execution_state: Option<ExecutionState>,
    pub(super) recipient: Option<Value>,
    pub(super) total_price: Option<Value>,
    pub(super) taxes: Option<Value>,
    pub(super) payments: Option<Value>,
    #[serde(default)]
    pub(super) refunds: RefundsInput,
}

#[derive(Debug, Default, Deserialize)]
pub(super) struct RefundsInput {
    #[serde(default)]
    pub(super) details: Vec<RefundInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundInput {
    pub(super) id: Option<String>,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
    pub(super) state: Option<RefundState>,
    pub(super) refund_total: Value,
    pub(super) refund_for: Option<RefundForInput>,
    pub(super) refund_request_reason: Option<String>,
    pub(super) refund_status_reason: Option<String>,
    #[serde(default)]
    pub(super) payment_details: Vec<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundForInput {
    #[serde(default)]
    pub(super) order_line_items: Vec<RefundedLineInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RefundedLineInput {
    pub(super) line_item_id: LineIdentifier,
    pub(super) refunded_quantity: Option<RefundedQuantity>,
}

/// Identifier of a line item in a refund: exactly one of the two.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineIdentifier {
    pub(super) line_item_id: Option<String>,
    pub(super) alias: Option<Alias>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RefundedQuantity {
    pub(super) amount: Value,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub(super) enum ExecutionState {
    NotStarted,
    Started,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineInput {
    pub(super) product: ProductInput,
    pub(super) amount: Quantity,
    #[serde(default)]
    pub(super) aliases: Vec<Alias>,
    pub(super) taxes: Option<Value>,
    pub(super) discounts: Option<Value>,
    pub(super) selected_delivery_offer: Option<OfferInput>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Quantity {
    pub(super) value: i64,
    pub(super) unit: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ProductInput {
    pub(super) identifier: Option<IdentifierInput>,
    pub(super) title: Option<String>,
    pub(super) price: Option<Value>,
    pub(super) purchase_group_membership: Option<GroupInput>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct IdentifierInput {
    pub(super) product_id: Option<String>,
    pub(super) sku: Option<String>,
    pub(super) external_id: Option<String>,
    pub(super) amazon_sku: Option<AmazonSku>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AmazonSku {
    pub(super) value: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct GroupInput {
    pub(super) product: GroupProductInput,
    pub(super) member_amount: Option<Quantity>,
}

#[derive(Debug, Deserialize)]
pub(super) struct GroupProductInput {
    pub(super) identifier: IdentifierInput,
    pub(super) price: Option<Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct OfferInput {
    pub(super) details: Option<OfferDetails>,
    pub(super) summary: Option<Value>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OfferDetails {
    pub(super) id: Option<String>,
    pub(super) delivery_preview_id: Option<String>,
    pub(super) delivery_provider: String,
    pub(super) delivery_terms: Option<DeliveryTerms>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DeliveryTerms {
    #[serde(default)]
    pub(super) is_prime_eligible: bool,
}

/// Identifier of an order in a call: exactly one of the two.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct OrderIdentifier {
    pub(super) order_id: Option<String>,
    pub(super) alias: Option<Alias>,
}

impl LineInput {
    /// Whether the line is delivered by Amazon with Prime.
    pub(super) fn is_prime(&self) -> bool {
        self.selected_delivery_offer.as_ref().and_then(|offer| offer.details.as_ref()).is_some_and(|details| {
            AMAZON.contains(&details.delivery_provider.as_str())
                && details.delivery_terms.as_ref().is_some_and(|terms| terms.is_prime_eligible)
        })
    }

    /// Product identifiers of the line, of any kind.
    pub(super) fn product_values(&self) -> impl Iterator<Item = &str> {
        self.product.identifier.iter().flat_map(IdentifierInput::values)
    }
}

impl IdentifierInput {
    /// Given values, of any kind.
    pub(super) fn values(&self) -> impl Iterator<Item = &str> {
        [
            self.product_id.as_deref(),
            self.sku.as_deref(),
            self.external_id.as_deref(),
            self.amazon_sku.as_ref().map(|sku| sku.value.as_str()),
        ]
        .into_iter()
        .flatten()
    }
}
