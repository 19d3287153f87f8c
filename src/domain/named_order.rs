//! The ids of an order in the messages after the checkout.
//!
//! Not here: the messages themselves.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::order::{Alias, AliasTypes, OrderIdentifier, OrderRef};
use super::reading::{self, Unreadable};

/// An order by the shop's id, by Buy with Prime's, or by both.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "NamedOrderFields")]
pub(super) enum NamedOrder {
    /// By Buy with Prime's id, with or without the shop's.
    ByBuyWithPrimeId {
        /// The shop's id.
        id: Option<String>,
        /// Buy with Prime's id.
        buy_with_prime_id: String,
    },
    /// By the shop's id alone.
    ById(String),
}

/// Fields of [`NamedOrder`], before the check that one of them is given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    { "required": ["id"], "properties": { "id": { "type": "string" } } },
    { "required": ["buyWithPrimeId"], "properties": { "buyWithPrimeId": { "type": "string" } } },
]))]
struct NamedOrderFields {
    #[serde(default, deserialize_with = "reading::text")]
    id: Option<String>,
    #[serde(default, deserialize_with = "reading::text")]
    buy_with_prime_id: Option<String>,
}

impl TryFrom<NamedOrderFields> for NamedOrder {
    type Error = Unreadable;

    fn try_from(fields: NamedOrderFields) -> Result<Self, Unreadable> {
        match (fields.id, fields.buy_with_prime_id) {
            (id, Some(buy_with_prime_id)) => Ok(Self::ByBuyWithPrimeId { id, buy_with_prime_id }),
            (Some(id), None) => Ok(Self::ById(id)),
            (None, None) => Err(Unreadable::expected("id or buyWithPrimeId, got neither")),
        }
    }
}

impl NamedOrder {
    /// Identifier for the API: Buy with Prime's id where known, else the alias from the shop's id.
    pub(super) fn identifier(&self, types: &AliasTypes) -> OrderIdentifier {
        match self {
            Self::ByBuyWithPrimeId { buy_with_prime_id, .. } => OrderIdentifier::OrderId(buy_with_prime_id.clone()),
            Self::ById(id) => OrderIdentifier::Alias(Alias::new(&types.order, id)),
        }
    }
}

impl From<NamedOrder> for OrderRef {
    fn from(order: NamedOrder) -> Self {
        match order {
            NamedOrder::ByBuyWithPrimeId { id, buy_with_prime_id } => {
                Self { id, buy_with_prime_id: Some(buy_with_prime_id) }
            }
            NamedOrder::ById(id) => Self { id: Some(id), buy_with_prime_id: None },
        }
    }
}

/// The order that the payload names: by the shop's id, else by Buy with Prime's. Read leniently, even from an invalid
/// payload.
pub(super) fn order_of(data: &RawValue) -> Option<String> {
    #[derive(Deserialize)]
    struct Data {
        order: Order,
    }
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Order {
        id: Option<Box<RawValue>>,
        buy_with_prime_id: Option<Box<RawValue>>,
    }
    let text = |id: Option<Box<RawValue>>| {
        let text: String = serde_json::from_str(id?.get()).ok()?;
        (!text.trim().is_empty()).then_some(text)
    };
    let Data { order } = serde_json::from_str(data.get()).ok()?;
    text(order.id).or_else(|| text(order.buy_with_prime_id))
}
