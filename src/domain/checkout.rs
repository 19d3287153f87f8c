//! The message `checkout-completed`: an order that was placed in the shop.
//!
//! Not here: its lines; the input that it becomes.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::country::Country;
use super::input::{LinkKind, PaymentState, Token};
use super::line::Line;
use super::money::{Amount, Currency};
use super::reading::{self, Text, Unreadable};
use super::rejection::Rejection;

/// An order that was placed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checkout {
    /// Its names and pages.
    pub(super) order: PlacedOrder,
    /// Currency of every amount in the message.
    pub(super) currency: Currency,
    /// Who bought.
    pub(super) shopper: Shopper,
    /// Where it goes.
    pub(super) ship_to: ShipTo,
    /// What was bought.
    #[serde(deserialize_with = "at_least_one")]
    #[schemars(length(min = 1))]
    pub(super) lines: Vec<Line>,
    /// What the shopper pays in all.
    pub(super) total: Amount,
    /// Tax of the whole order.
    pub(super) tax: Option<Amount>,
    /// How the shopper pays.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) payments: Vec<Payment>,
    /// Whether fulfillment is to start at once.
    pub(super) start_fulfillment: Option<bool>,
}

impl Checkout {
    /// Each line id must name one line: refunds name lines by it.
    pub(super) fn check_line_ids(&self) -> Result<(), Rejection> {
        let mut ids = HashSet::new();
        match self.lines.iter().position(|line| line.id.as_deref().is_some_and(|id| !ids.insert(id))) {
            Some(position) => Err(Rejection::invalid(&format!("lines[{position}].id"), "given twice")),
            None => Ok(()),
        }
    }
}

/// Names of an order, and pages about it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct PlacedOrder {
    /// The shop's id; becomes the alias that every create is sent under.
    pub(super) id: Text,
    /// The id that the shopper sees.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) display_id: Option<String>,
    /// Further names.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) aliases: Vec<NamedAlias>,
    /// Pages about the order.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) links: Vec<Link>,
}

/// An alias as a message writes it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct NamedAlias {
    /// Its namespace.
    #[serde(rename = "type")]
    pub(super) alias_type: Text,
    /// The name.
    pub(super) id: Text,
}

/// A page about an order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Link {
    /// What is on it.
    #[serde(deserialize_with = "reading::word")]
    pub(super) kind: LinkKind,
    /// Where it is.
    pub(super) url: Text,
}

/// Who bought.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Shopper {
    /// Name of the person.
    pub(super) name: Text,
    /// E-mail address.
    pub(super) email: Text,
    /// What proves a Prime membership.
    pub(super) identity: Option<Identity>,
}

/// What proves who the shopper is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "IdentityFields")]
pub(super) struct Identity {
    /// What it is.
    pub(super) kind: IdentityKind,
    /// The token.
    pub(super) value: Token,
    /// The shop's id of the checkout session.
    pub(super) external_id: Option<String>,
}

/// What a proof of identity is.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum IdentityKind {
    /// An Amazon Pay checkout session.
    ApayCheckoutSession,
    /// An access token of Login with Amazon.
    LwaAccessToken,
    /// A token of an identity provider.
    IdpToken,
}

/// The fields of [`Identity`], before they are checked against its kind.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    { "properties": { "kind": { "enum": ["lwa-access-token", "idp-token"] } } },
    { "required": ["externalId"], "properties": { "externalId": { "type": "string" } } },
]))]
struct IdentityFields {
    #[serde(deserialize_with = "reading::word")]
    kind: IdentityKind,
    value: Text,
    #[serde(default, deserialize_with = "reading::text")]
    external_id: Option<String>,
}

impl TryFrom<IdentityFields> for Identity {
    type Error = Unreadable;

    fn try_from(fields: IdentityFields) -> Result<Self, Unreadable> {
        // the API asks for it with this kind alone (APayCheckoutSessionId, version 2024-11-01)
        if fields.kind == IdentityKind::ApayCheckoutSession && fields.external_id.is_none() {
            return Err(Unreadable::missing("externalId"));
        }
        Ok(Self { kind: fields.kind, value: Token(fields.value.0), external_id: fields.external_id })
    }
}

/// Where an order goes.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShipTo {
    /// Name of the person.
    pub(super) name: Text,
    /// Street and number.
    pub(super) street: Text,
    /// What else the street line needs.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) street2: Option<String>,
    /// City.
    pub(super) city: Text,
    /// State, for example `WA`.
    pub(super) region: Text,
    /// Postal code.
    pub(super) postal_code: Text,
    /// Country.
    pub(super) country: Country,
    /// Phone number.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) phone: Option<String>,
}

/// A payment of an order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Payment {
    /// What was paid with, for example `Visa ending in 1234`.
    pub(super) label: Text,
    /// How much.
    pub(super) amount: Amount,
    /// How far it got.
    #[serde(default, deserialize_with = "reading::optional_word")]
    pub(super) state: Option<PaymentState>,
}

fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Line>, D::Error> {
    let lines = Vec::deserialize(deserializer)?;
    if lines.is_empty() {
        return Err(D::Error::custom(Unreadable::expected("at least one line, got none")));
    }
    Ok(lines)
}
