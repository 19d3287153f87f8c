//! The message `order-amended`: what is to change of an order. Absolute, not a difference; absent means unchanged.
//!
//! Not here: the update that it becomes.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::checkout::{Link, NamedAlias, ShipTo};
use super::money::{Amount, Currency, Money, in_currency};
use super::named_order::NamedOrder;
use super::reading::{self, Unreadable};

/// What is to change of an order; at least one thing.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "AmendmentFields")]
pub(super) struct Amendment {
    /// Which one.
    pub(super) order: NamedOrder,
    /// What the shopper pays in all.
    pub(super) total: Option<Money>,
    /// Tax of the whole order.
    pub(super) tax: Option<Money>,
    /// Where it goes.
    pub(super) ship_to: Option<ShipTo>,
    /// Further names.
    pub(super) add_aliases: Vec<NamedAlias>,
    /// Further pages.
    pub(super) add_links: Vec<Link>,
}

/// The fields of [`Amendment`], before it is known that they say something.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    extend("anyOf" = ["total", "tax", "shipTo", "addAliases", "addLinks"].map(something)),
    extend("if" = json!({ "anyOf": [something("total"), something("tax")] })),
    extend("then" = something("currency"))
)]
struct AmendmentFields {
    /// Which one.
    order: NamedOrder,
    /// Currency of every amount in the message.
    currency: Option<Currency>,
    /// What the shopper pays in all.
    total: Option<Amount>,
    /// Tax of the whole order.
    tax: Option<Amount>,
    /// Where it goes.
    ship_to: Option<ShipTo>,
    /// Further names.
    #[serde(default, deserialize_with = "reading::list")]
    add_aliases: Vec<NamedAlias>,
    /// Further pages.
    #[serde(default, deserialize_with = "reading::list")]
    add_links: Vec<Link>,
}

/// A schema in which a field is there and says something.
fn something(field: &str) -> serde_json::Value {
    let nothing = json!({ "anyOf": [{ "type": "null" }, { "type": "array", "maxItems": 0 }] });
    json!({ "required": [field], "properties": { field: { "not": nothing } } })
}

impl TryFrom<AmendmentFields> for Amendment {
    type Error = Unreadable;

    fn try_from(fields: AmendmentFields) -> Result<Self, Unreadable> {
        let AmendmentFields { order, currency, total, tax, ship_to, add_aliases, add_links } = fields;
        if total.is_none() && tax.is_none() && ship_to.is_none() && add_aliases.is_empty() && add_links.is_empty() {
            return Err(Unreadable::expected("one of total, tax, shipTo, addAliases, addLinks, got none"));
        }
        let (total, tax) = (in_currency(total, currency)?, in_currency(tax, currency)?);
        Ok(Self { order, total, tax, ship_to, add_aliases, add_links })
    }
}
