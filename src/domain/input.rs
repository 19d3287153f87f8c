//! Inputs of `createOrder` and `updateOrder`, with the names of version 2024-11-01.
//!
//! Not here: the transformation of a message; the differences between versions of the API.

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

/// Input of `createOrder`. Absent fields are left out of the JSON: the API reads `null` as a value.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrderInput {
    /// Products that were bought, in the order of the message.
    pub line_items: Vec<LineItem>,
    /// Shopper who bought.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer: Option<Customer>,
    /// Recipient and address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// Aliases of the order, at most five, each unique in the store.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Amount that the shopper pays in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_price: Option<TotalPrice>,
    /// Tax of the whole order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// Discounts of the whole order; those of lines are better told there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Discounts>,
    /// Payments of the shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payments: Option<Payments>,
    /// Pages about the order, at most five.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_links: Vec<OrderLink>,
    /// Proof that the shopper is a Prime member.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shopper_identity: Option<ShopperIdentity>,
    /// `STARTED` starts fulfillment with the order; absent, the order waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_execution_state: Option<DesiredExecutionState>,
}

/// Input of `updateOrder`. Absent means unchanged; nothing can be cleared.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOrderInput {
    /// `STARTED` starts fulfillment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub desired_execution_state: Option<DesiredExecutionState>,
    /// Amount that the shopper pays in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_price: Option<TotalPrice>,
    /// Tax of the whole order.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// Aliases to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Pages to add.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub order_links: Vec<OrderLink>,
    /// Recipient and address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipient: Option<Recipient>,
    /// Progress of refunds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refunds: Option<RefundsInput>,
}

/// The one state that is requested. `NOT_STARTED` is the API's default, and an error in an update.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DesiredExecutionState {
    /// Starts fulfillment.
    Started,
}

/// A tax, as one sum.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Taxes {
    /// The sum.
    pub summary: TaxSummary,
}

impl UpdateOrderInput {
    /// Whether it changes nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Sum of a tax.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TaxSummary {
    /// Amount that is collected from the shopper.
    pub collectable_tax_amount: Money,
}

/// Amount that the shopper pays in all.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct TotalPrice {
    /// Amount, with its currency.
    pub value: Money,
}

/// The shopper who bought.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Customer {
    /// Name and e-mail address.
    pub contact: Contact,
}

/// Contact data of a shopper.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Contact {
    /// Name and e-mail address.
    pub email_data: EmailData,
}

/// An e-mail address and the name of its owner.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct EmailData {
    /// Name of the shopper.
    pub name: String,
    /// E-mail address.
    pub email: String,
}

/// Recipient of the order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Recipient {
    /// Name and postal address.
    pub delivery_address: Address,
}

/// A postal address.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Address {
    /// Name of the recipient.
    pub name: String,
    /// Street and number.
    pub street_address: String,
    /// Second line of the street address, for example an apartment number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub extended_address: Option<String>,
    /// City.
    pub locality: String,
    /// State, for example `WA`.
    pub region: String,
    /// ISO 3166-1 alpha-2 code.
    pub country_code: String,
    /// Postal code.
    pub postal_code: String,
    /// Phone number.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_number: Option<String>,
}

/// Payments of the shopper, in one of two forms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Payments {
    /// A single payment.
    Summary(PaymentSummary),
    /// Several payments.
    Details(Vec<PaymentDetails>),
}

/// The only payment of an order.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentSummary {
    /// Amount of the payment.
    pub amount: Money,
    /// Payment method as the shopper sees it, for example `Visa ending in 1234`.
    pub payment_method_display_string: String,
    /// State of the payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}

/// One of several payments.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentDetails {
    /// Amount of this payment.
    pub amount: Money,
    /// Method of this payment.
    pub payment_method: PaymentMethod,
    /// State of this payment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<PaymentState>,
}

/// A payment method.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PaymentMethod {
    /// Name that the shopper sees, for example `Visa ending in 1234`.
    pub display_string: String,
    /// Type from the API's list, for example `AMAZON_PAY` or `CARD`.
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// State of a payment: the ten of the API's reference.
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
    /// Kind of page.
    pub destination_type: LinkKind,
    /// Address of the page.
    pub url: String,
}

/// Kinds of pages about an order.
#[derive(Clone, Copy, Debug, Deserialize, Eq, JsonSchema, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum LinkKind {
    /// Page on which the order is managed.
    ExternalOrderManagement,
    /// Page on which the delivery is tracked.
    ExternalOrderTracking,
}

/// Proof of the shopper's identity.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(untagged)]
pub enum ShopperIdentity {
    /// An Amazon Pay checkout session.
    #[serde(rename_all = "camelCase")]
    ApayCheckoutSession {
        /// Id of the session with the shop's id; the API requires both.
        apay_checkout_session_id: IdentityToken,
    },
    /// An access token of Login with Amazon.
    #[serde(rename_all = "camelCase")]
    LwaAccessToken {
        /// Token with the shop's id.
        lwa_access_token: IdentityToken,
    },
    /// A token of an identity provider. In this older form the fields are not nested.
    IdpToken {
        /// Token of the identity provider.
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
    /// Token, or id of an Amazon Pay session.
    pub value: Token,
    /// The shop's id of the checkout session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// A shopper's token. It is written into the call and never into a log.
#[derive(Clone, Eq, JsonSchema, PartialEq, Serialize)]
pub struct Token(pub String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}
