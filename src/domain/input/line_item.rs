//! A line item in the input of `createOrder`.
//!
//! Not here: the order around it; the transformation of a message's line.

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
    /// Product that was bought.
    pub product: PurchasedProduct,
    /// Number of pieces.
    pub amount: Pieces,
    /// Aliases of the line.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<Alias>,
    /// Tax of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxes: Option<Taxes>,
    /// Discounts of the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<Discounts>,
    /// Delivery that the shopper chose.
    pub selected_delivery_offer: DeliveryOffer,
}

/// A number of pieces, in the API's default unit `ONE`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct Pieces {
    /// Number of pieces.
    pub value: Quantity,
}

/// A product as the shop sold it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchasedProduct {
    /// Identifier of the product.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub identifier: Option<ProductIdentifier>,
    /// Title that the shopper saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Price of one piece.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
    /// Bundle that the product was sold in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_group_membership: Option<PurchaseGroupMembership>,
}

/// A product's place in a bundle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PurchaseGroupMembership {
    /// Bundle that the product belongs to.
    pub product: BundleProduct,
    /// Pieces of this product in one bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member_amount: Option<Pieces>,
}

/// A bundle of products that are sold together.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BundleProduct {
    /// Identifier of the bundle.
    pub identifier: ProductIdentifier,
    /// Price of one bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub price: Option<Money>,
}

/// Delivery that the shopper chose, in one of two forms.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum DeliveryOffer {
    /// Delivery by Amazon.
    Details(DeliveryDetails),
    /// Delivery by the merchant.
    Summary(DeliverySummary),
}

/// A delivery by Amazon.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryDetails {
    /// Id of the chosen offer; required with Prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Id of the preview that contained the offer; required with Prime.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_preview_id: Option<String>,
    /// Amount that the merchant charges for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_charge: Option<Money>,
    /// Always [`DeliveryProvider::Amazon`].
    pub delivery_provider: DeliveryProvider,
    /// Prime eligibility and speed.
    pub delivery_terms: DeliveryTerms,
}

/// Terms of a delivery by Amazon.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryTerms {
    /// Whether the delivery is with Prime.
    pub is_prime_eligible: bool,
    /// Speed, for example `STANDARD`; the API takes any text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_speed: Option<String>,
}

/// A delivery by the merchant.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliverySummary {
    /// Message that the shopper saw about the delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_message: Option<DeliveryMessage>,
    /// Amount that the merchant charges for delivery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_charge: Option<Money>,
    /// Discount on the charge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub discounts: Option<DeliveryDiscount>,
    /// Always [`DeliveryProvider::Merchant`].
    pub delivery_provider: DeliveryProvider,
}

/// A message that the shopper saw about the delivery.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DeliveryMessage {
    /// Text in the shopper's language.
    pub message_text: String,
    /// Language, for example `en-US`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
}

/// A discount on a delivery.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
pub struct DeliveryDiscount {
    /// Amount of the discount.
    pub amount: Money,
}

/// Company that delivers.
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
    /// Each discount with its amount.
    pub details: Vec<Discount>,
}

/// A discount of a line.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Discount {
    /// Amount of the discount.
    pub amount: Money,
    /// Description that the shopper saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_string: Option<String>,
    /// Code of the coupon that was used.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub coupon_code: Option<String>,
}
