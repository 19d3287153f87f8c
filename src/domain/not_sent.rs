//! Parts of a shop's order that Buy with Prime's API has no place for, so that results can name them.
//!
//! Not here: parts that have one.

use schemars::JsonSchema;
use serde::Deserialize;

use super::money::{Amount, Currency};
use super::reading;

/// A part of an order that is not sent.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct NotSent {
    /// The part.
    #[serde(deserialize_with = "reading::word")]
    pub(super) part: Part,
    /// Its amount; a company has none.
    pub(super) amount: Option<Amount>,
}

/// Parts of an order that the API has no place for.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Part {
    /// Company of the addressee.
    Company,
    /// Price of shipping for the whole order.
    Shipping,
    /// Tip.
    Tip,
    /// Duties and import taxes.
    Duties,
    /// Fee of the shop, for example for a payment method.
    Fee,
}

impl NotSent {
    /// The part as a difference of the stored order. A company's name is personal.
    pub(super) fn difference(&self, currency: Currency) -> String {
        let part = match self.part {
            Part::Company => return "company: not sent, the API has no place for it".to_owned(),
            Part::Shipping => "shipping",
            Part::Tip => "tip",
            Part::Duties => "duties",
            Part::Fee => "fee",
        };
        let amount = self.amount.map(|amount| format!(" {amount} {}", currency.code())).unwrap_or_default();
        format!("{part}:{amount} not sent, the API has no place for it")
    }
}
