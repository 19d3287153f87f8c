//! The message `order-amended`: what is to change of an order. Absolute, not a difference; absent means unchanged.
//!
//! Not here: the update that it becomes.

use schemars::JsonSchema;
use serde::Deserialize;

use super::checkout::{Link, NamedAlias, ShipTo};
use super::money::{Amount, Currency, Money};
use super::named_order::NamedOrder;
use super::reading::{self, Unreadable, in_currency};

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
#[schemars(extend("anyOf" = [
    { "required": ["total"], "properties": { "total": { "type": ["number", "string"] } } },
    { "required": ["tax"], "properties": { "tax": { "type": ["number", "string"] } } },
    { "required": ["shipTo"], "properties": { "shipTo": { "type": "object" } } },
    { "required": ["addAliases"], "properties": { "addAliases": { "type": "array", "minItems": 1 } } },
    { "required": ["addLinks"], "properties": { "addLinks": { "type": "array", "minItems": 1 } } },
]))]
#[schemars(extend("oneOf" = [
    { "required": ["currency"], "properties": { "currency": { "type": "string" } } },
    { "properties": { "currency": { "type": "null" }, "total": { "type": "null" }, "tax": { "type": "null" } } },
]))]
struct AmendmentFields {
    /// Which one.
    order: NamedOrder,
    /// Currency of every amount in the message; needed where there is one.
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
