//! Names of an order: the shop's ids, aliases, Buy with Prime's ids.
//!
//! Not here: the fields of an order.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A name that is unique across the orders of a store, or across its line items.
///
/// An order has at most five, and none can be removed (Buy with Prime, best practices for orders).
#[derive(Clone, Debug, Deserialize, Eq, Hash, JsonSchema, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// Namespace, for example `EXTERNAL_ID`; the API takes any text.
    pub alias_type: String,
    /// Name within the namespace.
    pub alias_id: String,
}

impl Alias {
    /// An alias with a type and an id.
    pub fn new(alias_type: impl Into<String>, alias_id: impl Into<String>) -> Self {
        Self { alias_type: alias_type.into(), alias_id: alias_id.into() }
    }
}

/// Alias types of this store's shop; each one is a setting.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct AliasTypes {
    /// Type for the shop's order id. Its alias is the idempotency key of every create.
    pub order: String,
    /// Type for the shop's display id of an order.
    pub order_display: String,
    /// Type for the shop's line id, on a line item.
    pub line: String,
    /// Type for the shop's display id of a line, on a line item.
    pub line_display: String,
    /// Type for the shop's refund id, on a refund.
    pub refund: String,
}

impl Default for AliasTypes {
    /// The types in the API's examples: of the `createOrder` reference, version 2024-11-01, and of the page on refunds.
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

/// The ids of an order in a message: the shop's, Buy with Prime's, or both.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrderRef {
    /// The shop's order id.
    pub id: Option<String>,
    /// Order id from Buy with Prime, for example `322-ABC1-AAAAAA`.
    pub buy_with_prime_id: Option<String>,
}

/// Identifier of an order in a call: an id or an alias.
#[derive(Clone, Debug, Eq, Hash, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum OrderIdentifier {
    /// Buy with Prime's order id.
    OrderId(String),
    /// Any alias of the order.
    Alias(Alias),
}

/// An identifier of a product. It is serialized like the API's input: `{ "sku": "S-2" }`.
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
