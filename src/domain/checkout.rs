//! The message `checkout-completed`: an order that was placed in the shop.
//!
//! Not here: the lines of the order; the `createOrder` input that is made from it.

use std::collections::HashSet;

use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::country::Country;
use super::input::{LinkKind, PaymentState, Token};
use super::line::{Line, LineDiscount};
use super::money::{Amount, Currency};
use super::not_sent::NotSent;
use super::reading::{self, Text, Unreadable};
use super::rejection::Rejection;

/// An order that a shopper placed.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Checkout {
    /// Names of the order, and pages about it.
    pub(super) order: PlacedOrder,
    /// Currency of every amount in the message.
    pub(super) currency: Currency,
    /// Shopper who bought.
    pub(super) shopper: Shopper,
    /// Recipient and address.
    pub(super) ship_to: ShipTo,
    /// Lines of the order, at least one.
    #[serde(deserialize_with = "at_least_one")]
    #[schemars(length(min = 1))]
    pub(super) lines: Vec<Line>,
    /// Amount that the shopper pays in all.
    pub(super) total: Amount,
    /// Tax of the whole order.
    pub(super) tax: Option<Amount>,
    /// Discounts of the whole order, none of which stands on a line. The API prefers those of lines.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) discounts: Vec<LineDiscount>,
    /// Parts of the shop's order that the API has no place for. They are not sent, and results name them.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) not_sent: Vec<NotSent>,
    /// Payments of the shopper, one for each payment method.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) payments: Vec<Payment>,
    /// Whether fulfillment starts at once; the default is the setting `orders.start_fulfillment`.
    pub(super) start_fulfillment: Option<bool>,
}

impl Checkout {
    /// Checks that no line id is given twice: refunds name lines by their id.
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
    /// The shop's order id. Its alias makes a repeated create harmless.
    pub(super) id: Text,
    /// Order number that the shopper sees.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) display_id: Option<String>,
    /// Further aliases.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) aliases: Vec<NamedAlias>,
    /// Pages about the order.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) links: Vec<Link>,
}

/// An alias as the message names it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
pub(super) struct NamedAlias {
    /// Namespace of the alias, for example `EXTERNAL_ID`.
    #[serde(rename = "type")]
    pub(super) alias_type: Text,
    /// Name within the namespace.
    pub(super) id: Text,
}

/// A page about an order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Link {
    /// Kind of page.
    #[serde(deserialize_with = "reading::word")]
    pub(super) kind: LinkKind,
    /// Address of the page.
    pub(super) url: Text,
}

/// The shopper who bought.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Shopper {
    /// Name of the person.
    pub(super) name: Text,
    /// E-mail address.
    pub(super) email: Text,
    /// Proof of a Prime membership.
    pub(super) identity: Option<Identity>,
}

/// Proof of the shopper's identity.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "IdentityFields")]
pub(super) struct Identity {
    /// Kind of proof.
    pub(super) kind: IdentityKind,
    /// Token, or id of the checkout session.
    pub(super) value: Token,
    /// The shop's id of the checkout session.
    pub(super) external_id: Option<String>,
}

/// Kinds of proof of a shopper's identity.
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

/// Fields of [`Identity`], before the check against its kind.
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

/// Recipient and address of an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct ShipTo {
    /// Name of the recipient.
    pub(super) name: Text,
    /// Street and number.
    pub(super) street: Text,
    /// Second line of the street address, for example an apartment number.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) street2: Option<String>,
    /// City.
    pub(super) city: Text,
    /// State, for example `WA`.
    pub(super) region: Text,
    /// Postal code.
    pub(super) postal_code: Text,
    /// Country, by its ISO 3166-1 alpha-2 code.
    pub(super) country: Country,
    /// Phone number.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) phone: Option<String>,
}

/// A payment of an order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Payment {
    /// Payment method as the shopper sees it, for example `Visa ending in 1234`.
    pub(super) label: Text,
    /// Amount of this payment, in the currency of the message.
    pub(super) amount: Amount,
    /// State of the payment.
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
