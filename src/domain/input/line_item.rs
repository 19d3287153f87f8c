//! A line item in the input of `createOrder`.
//!
//! Not here: the order around it; how a message's line becomes one.

use serde::Serialize;

use super::Taxes;
use crate::domain::money::Money;
use crate::domain::order::Alias;
use crate::domain::order::ProductIdentifier;
use crate::domain::quantity::Quantity;

/// One line of an order.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LineItem {
    /// What was bought.
    pub product: PurchasedProduct,
    /// How many.
    pub amount: Pieces,
    /// Names of the line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Tax of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// Discounts of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Discounts>,
    /// How it is delivered.
    pub selected_delivery_offer: DeliveryOffer,
}

/// A number of pieces; the API's unit is left at its default, `ONE`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Pieces {
    /// How many.
    pub value: Quantity,
}

/// A product as it was sold.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchasedProduct {
    /// Which product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<ProductIdentifier>,
    /// As the shopper saw it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Price of one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// The bundle that it was sold in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_group_membership: Option<PurchaseGroupMembership>,
}

/// A product's place in a bundle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseGroupMembership {
    /// The bundle.
    pub product: BundleProduct,
    /// Pieces of this product in one bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_amount: Option<Pieces>,
}

/// A bundle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleProduct {
    /// Which bundle.
    pub identifier: ProductIdentifier,
    /// Price of one bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// How a line is delivered: what the shopper chose, in one of two forms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryOffer {
    /// Amazon delivers.
    Details(DeliveryDetails),
    /// The merchant delivers.
    Summary(DeliverySummary),
}

/// A delivery by Amazon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryDetails {
    /// The chosen offer; always there with Prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The preview that the offer came from; always there with Prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_preview_id: Option<String>,
    /// What the merchant charges the shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_charge: Option<Money>,
    /// Always Amazon.
    pub delivery_provider: DeliveryProvider,
    /// With Prime or without, and how fast.
    pub delivery_terms: DeliveryTerms,
}

/// Terms of a delivery by Amazon.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTerms {
    /// With Prime.
    pub is_prime_eligible: bool,
    /// `STANDARD`, …; a free string for the API.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_speed: Option<String>,
}

/// A delivery by the merchant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliverySummary {
    /// What the shopper was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_message: Option<DeliveryMessage>,
    /// What the merchant charges the shopper.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_charge: Option<Money>,
    /// What is taken off the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<DeliveryDiscount>,
    /// Always the merchant.
    pub delivery_provider: DeliveryProvider,
}

/// What the shopper was told of a delivery.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryMessage {
    /// In the shopper's language.
    pub message_text: String,
    /// For example `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A discount on a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct DeliveryDiscount {
    /// What is taken off.
    pub amount: Money,
}

/// Who delivers.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum DeliveryProvider {
    /// Amazon, with Prime or without.
    Amazon,
    /// The merchant.
    Merchant,
}

/// Discounts of a line.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Discounts {
    /// One by one.
    pub details: Vec<Discount>,
}

/// A discount.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    /// What is taken off.
    pub amount: Money,
    /// What the shopper was told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_string: Option<String>,
    /// The coupon that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
}
