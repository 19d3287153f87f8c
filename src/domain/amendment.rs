//! The message `order-amended`: new values for fields of an order. Values are absolute, and an absent field stays as it
//! is.
//!
//! Not here: the `updateOrder` input that is made from it.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

use super::checkout::{Link, NamedAlias, ShipTo};
use super::money::{Amount, Currency, Money, in_currency};
use super::named_order::NamedOrder;
use super::reading::{self, Unreadable};

/// New values for fields of an order; at least one is given.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "AmendmentFields")]
pub(super) struct Amendment {
    /// Order to change.
    pub(super) order: NamedOrder,
    /// Amount that the shopper pays in all.
    pub(super) total: Option<Money>,
    /// Tax of the whole order.
    pub(super) tax: Option<Money>,
    /// Recipient and address.
    pub(super) ship_to: Option<ShipTo>,
    /// Aliases to add to the order.
    pub(super) add_aliases: Vec<NamedAlias>,
    /// Pages to add to the order.
    pub(super) add_links: Vec<Link>,
}

/// Fields of [`Amendment`], before the check that at least one value is given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    extend("anyOf" = ["total", "tax", "shipTo", "addAliases", "addLinks"].map(something)),
    extend("if" = json!({ "anyOf": [something("total"), something("tax")] })),
    extend("then" = something("currency"))
)]
struct AmendmentFields {
    /// Order to change.
    order: NamedOrder,
    /// Currency of every amount in the message.
    currency: Option<Currency>,
    /// Amount that the shopper pays in all.
    total: Option<Amount>,
    /// Tax of the whole order.
    tax: Option<Amount>,
    /// Recipient and address.
    ship_to: Option<ShipTo>,
    /// Aliases to add to the order.
    #[serde(default, deserialize_with = "reading::list")]
    add_aliases: Vec<NamedAlias>,
    /// Pages to add to the order.
    #[serde(default, deserialize_with = "reading::list")]
    add_links: Vec<Link>,
}

/// A schema that requires the field, and forbids `null` and an empty list.
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
