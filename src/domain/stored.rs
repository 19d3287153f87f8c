//! An order as Buy with Prime holds it, as far as an answer told.
//!
//! Not here: how an answer is read; what to do about a difference.

use rust_decimal::Decimal;
use schemars::JsonSchema;
use serde::Serialize;

use super::order::Alias;

/// What is known of a stored order. `None` everywhere means "not told", never "not there".
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredOrder {
    /// Buy with Prime's order id.
    pub id: String,
    /// Aliases of the order.
    pub aliases: Option<Vec<Alias>>,
    /// Line items.
    pub lines: Option<Vec<StoredLine>>,
    /// Whether fulfillment was started.
    pub execution_state: Option<ExecutionState>,
    /// Aggregated state of the order's packages.
    pub package_state: Option<PackageState>,
    /// Total price.
    pub total: Option<StoredMoney>,
    /// Tax of the whole order.
    pub tax: Option<StoredMoney>,
    /// Postal code and country of the recipient's address; the rest is not needed to tell addresses apart.
    pub destination: Option<Destination>,
}

/// A stored line item.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StoredLine {
    /// Buy with Prime's line item id.
    pub id: Option<String>,
    /// Aliases of the line item.
    pub aliases: Option<Vec<Alias>>,
    /// Identifiers of the product that were told, for example `(sku, S-2)`.
    pub product: Vec<ProductIdentifier>,
    /// Pieces.
    pub quantity: Option<Decimal>,
    /// Price of one piece.
    pub price: Option<StoredMoney>,
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

/// An amount in a currency.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct StoredMoney {
    /// Exact amount.
    pub amount: Decimal,
    /// ISO 4217 code, where told.
    pub currency: Option<String>,
}

/// Where an order goes, as far as two addresses are compared.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Destination {
    /// Postal code.
    pub postal_code: Option<String>,
    /// ISO 3166 alpha-2 code.
    pub country: Option<String>,
}

/// Whether fulfillment was started.
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
    /// All are on their way or delivered.
    InTransit,
    /// All are delivered or cancelled, at least one delivered.
    Delivered,
    /// All are cancelled.
    Cancelled,
    /// A state that this version does not know.
    Other(String),
}
