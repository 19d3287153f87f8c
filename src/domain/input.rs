//! The inputs of `createOrder` and `updateOrder`, as they go into the variables (names of version 2024-11-01).
//!
//! Not here: how a message becomes one; which operation takes which form in which version of the API.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::money::Money;
use super::order::Alias;

mod line_item;
mod refund;

pub use line_item::{
    BundleProduct, DeliveryDetails, DeliveryDiscount, DeliveryMessage, DeliveryOffer, DeliveryProvider,
    DeliverySummary, DeliveryTerms, Discount, Discounts, LineItem, Pieces, PurchaseGroupMembership, PurchasedProduct,
};
pub use refund::{
    LineItemIdentifier, RefundFor, RefundInput, RefundPayment, RefundState, RefundTotal, RefundedLine,
    RefundedQuantity, RefundsInput,
};

/// Input of `createOrder`. What is absent is left out of the JSON: the API reads `null` as a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrderInput {
    /// What was bought, in the order of the message.
    pub line_items: Vec<LineItem>,
    /// Who bought it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Who gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// Names of the order, at most five, unique in the store.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// What the shopper pays in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_price: Option<TotalPrice>,
    /// Tax of the whole order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// How the shopper pays.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<Payments>,
    /// Pages about the order, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_links: Vec<OrderLink>,
    /// What proves that the shopper is a Prime member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopper_identity: Option<ShopperIdentity>,
    /// Absent: the API does not start fulfillment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_execution_state: Option<DesiredExecutionState>,
}

/// Input of `updateOrder`. Absent means unchanged; nothing can be cleared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOrderInput {
    /// Start fulfillment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_execution_state: Option<DesiredExecutionState>,
    /// What the shopper pays in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_price: Option<TotalPrice>,
    /// Tax of the whole order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// Names to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Pages to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_links: Vec<OrderLink>,
    /// Who gets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// How far refunds have got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<RefundsInput>,
}

/// The one state that is ever asked for; `NOT_STARTED` is what the API assumes, and asking for it later is an error.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredExecutionState {
    /// Start fulfillment.
    Started,
}

/// A tax.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Taxes {
    /// In one sum.
    pub summary: TaxSummary,
}

/// A tax in one sum.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaxSummary {
    /// What is collected from the shopper.
    pub collectable_tax_amount: Money,
}

/// What the shopper pays in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct TotalPrice {
    /// The sum.
    pub value: Money,
}

/// Who bought.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Customer {
    /// How to reach them.
    pub contact: Contact,
}

/// How to reach somebody.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// By e-mail.
    pub email_data: EmailData,
}

/// An e-mail address and whose it is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EmailData {
    /// Name of the person.
    pub name: String,
    /// The address.
    pub email: String,
}

/// Who gets the order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// Where to.
    pub delivery_address: Address,
}

/// A postal address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Name of the person.
    pub name: String,
    /// Street and number.
    pub street_address: String,
    /// What else the street line needs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_address: Option<String>,
    /// City.
    pub locality: String,
    /// State, for example `WA`.
    pub region: String,
    /// ISO 3166 alpha-2 code.
    pub country_code: String,
    /// Postal code.
    pub postal_code: String,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_number: Option<String>,
}

/// How the shopper pays, in one of two forms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Payments {
    /// One payment.
    Summary(PaymentSummary),
    /// Several.
    Details(Vec<PaymentDetails>),
}

/// The only payment of an order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSummary {
    /// How much.
    pub amount: Money,
    /// For example `Visa ending in 1234`.
    pub payment_method_display_string: String,
    /// How far it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}

/// One of several payments.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentDetails {
    /// How much.
    pub amount: Money,
    /// By what.
    pub payment_method: PaymentMethod,
    /// How far it got.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}

/// What was paid with.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    /// For example `Visa ending in 1234`.
    pub display_string: String,
    /// A name of the API's list, for example `AMAZON_PAY` or `CARD`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// How far a payment got; the ten states of the API's reference.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[expect(missing_docs, reason = "the names say it all")]
pub enum PaymentState {
    NotStarted,
    Created,
    ClientActionRequired,
    ReadyForConfirmation,
    InProgress,
    Authorized,
    Captured,
    Cancelled,
    Success,
    Failed,
}

/// A page about the order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OrderLink {
    /// What is on the page.
    pub destination_type: LinkKind,
    /// Where it is.
    pub url: String,
}

/// What is on a page about an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LinkKind {
    /// The order, to be managed.
    ExternalOrderManagement,
    /// The delivery, to be followed.
    ExternalOrderTracking,
}

/// What proves who the shopper is.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ShopperIdentity {
    /// An Amazon Pay checkout session.
    #[serde(rename_all = "camelCase")]
    ApayCheckoutSession {
        /// The session; the API asks for both of its fields.
        apay_checkout_session_id: IdentityToken,
    },
    /// An access token of Login with Amazon.
    #[serde(rename_all = "camelCase")]
    LwaAccessToken {
        /// The token.
        lwa_access_token: IdentityToken,
    },
    /// A token of an identity provider, the older form: its fields are not nested.
    IdpToken {
        /// The token.
        #[serde(rename = "idPToken")]
        idp_token: Token,
        /// The shop's id of the checkout session.
        #[serde(rename = "externalId", skip_serializing_if = "Option::is_none")]
        external_id: Option<String>,
    },
}

/// A token and the shop's id of the checkout session that it belongs to.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IdentityToken {
    /// The token.
    pub value: Token,
    /// The shop's id of the checkout session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A shopper's token. Written into the call, never into a log.
#[derive(Clone, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
