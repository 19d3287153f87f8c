//! How an order is named: by the shop, by an alias, by Buy with Prime.
//!
//! Not here: what is in an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that is unique across the orders (or line items) of one store.
///
/// At most five stand on an order, and none can be taken away again
/// (Buy with Prime, best practices for orders).
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// Namespace, for example `EXTERNAL_ID`; a free string for the API.
    pub alias_type: String,
    /// The name within the namespace.
    pub alias_id: String,
}

impl Alias {
    /// An alias of a type and an id.
    pub fn new(alias_type: impl Into<String>, alias_id: impl Into<String>) -> Self {
        Self { alias_type: alias_type.into(), alias_id: alias_id.into() }
    }
}

/// The alias types that this store's shop uses; each one is a setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AliasTypes {
    /// On an order, made from the shop's order id. The idempotency key of every create.
    pub order: String,
    /// On an order, made from the shop's display id.
    pub order_display: String,
    /// On a line item, made from the shop's line id.
    pub line: String,
    /// On a line item, made from the shop's line display id.
    pub line_display: String,
    /// On a refund, made from the shop's refund id.
    pub refund: String,
}

impl Default for AliasTypes {
    /// The names in the examples of the createOrder reference, version 2024-11-01, and of the page on refunds.
    fn default() -> Self {
        Self {
            order: "EXTERNAL_ID".into(),
            order_display: "EXTERNAL_DISPLAY_ID".into(),
            line: "EXTERNAL_ITEM_ID".into(),
            line_display: "EXTERNAL_DISPLAY_ID".into(),
            refund: "EXTERNAL_REFUND_ID".into(),
        }
    }
}

/// An order as a message names it: by the shop's id, by Buy with Prime's, or by both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderRef {
    /// The shop's order id.
    pub id: Option<String>,
    /// The order id that Buy with Prime gave, for example `322-ABC1-AAAAAA`.
    pub buy_with_prime_id: Option<String>,
}

/// What the API is asked by: exactly one of the two.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderIdentifier {
    /// Buy with Prime's order id.
    OrderId(String),
    /// Any alias of the order.
    Alias(Alias),
}

/// One way to name a product; serialized as an input of the API has it, `{ "sku": "S-2" }`.
#[derive(Clone, Debug, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum ProductIdentifier {
    /// Buy with Prime's product id.
    ProductId(String),
    /// The shop's stock keeping unit.
    Sku(String),
    /// The shop's product id.
    ExternalId(String),
}
