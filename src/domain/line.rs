//! A line of an order in the message `checkout-completed`.
//!
//! Not here: the line item that is made from it.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::money::Amount;
use super::order::ProductIdentifier;
use super::quantity::Quantity;
use super::reading::{self, Unreadable};

/// A line of an order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(
    extend("if" = { "properties": { "delivery": { "properties": { "prime": { "const": true } }, "required": ["prime"] } } }),
    extend("then" = {
        "required": ["unitPrice"],
        "properties": {
            "unitPrice": { "not": { "type": "null" } },
            "product": { "required": ["title"], "properties": { "title": { "type": "string", "pattern": "\\S" } } },
        },
    })
)]
pub(super) struct Line {
    /// The shop's line id.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) id: Option<String>,
    /// Line number that the shopper sees.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) display_id: Option<String>,
    /// Product that was bought.
    pub(super) product: Product,
    /// Price of one piece.
    pub(super) unit_price: Option<Amount>,
    /// Number of pieces.
    pub(super) quantity: Quantity,
    /// Tax of the line.
    pub(super) tax: Option<Amount>,
    /// Discounts of the line.
    #[serde(default, deserialize_with = "reading::list")]
    pub(super) discounts: Vec<LineDiscount>,
    /// Bundle that the product was sold in.
    pub(super) bundle: Option<Bundle>,
    /// Delivery that the shopper chose.
    pub(super) delivery: Delivery,
}

/// A discount of a line, or of a whole order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct LineDiscount {
    /// Amount of the discount.
    pub(super) amount: Amount,
    /// Description that the shopper saw.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) label: Option<String>,
    /// Code of the coupon that was used.
    #[serde(default, deserialize_with = "reading::text")]
    pub(super) coupon_code: Option<String>,
}

/// A product, with at most one identifier.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "ProductFields")]
pub(super) struct Product {
    /// Identifier of the product; a rule decides if it is required.
    pub(super) identifier: Option<ProductIdentifier>,
    /// Title that the shopper saw.
    pub(super) title: Option<String>,
}

/// Fields of [`Product`], before the check that at most one identifier is given.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("oneOf" = [
    { "required": ["productId"], "properties": { "productId": { "type": "string", "pattern": "\\S" } } },
    { "required": ["sku"], "properties": { "sku": { "type": "string", "pattern": "\\S" } } },
    { "required": ["externalId"], "properties": { "externalId": { "type": "string", "pattern": "\\S" } } },
]))]
struct ProductFields {
    /// Buy with Prime's product id.
    #[serde(default, deserialize_with = "reading::text")]
    product_id: Option<String>,
    /// The shop's stock keeping unit.
    #[serde(default, deserialize_with = "reading::text")]
    sku: Option<String>,
    /// The shop's product id.
    #[serde(default, deserialize_with = "reading::text")]
    external_id: Option<String>,
    /// Title that the shopper saw; the API requires it on Prime lines.
    #[serde(default, deserialize_with = "reading::text")]
    title: Option<String>,
}

impl TryFrom<ProductFields> for Product {
    type Error = Unreadable;

    fn try_from(fields: ProductFields) -> Result<Self, Unreadable> {
        let identifier = match (fields.product_id, fields.sku, fields.external_id) {
            (Some(id), None, None) => Some(ProductIdentifier::ProductId(id)),
            (None, Some(sku), None) => Some(ProductIdentifier::Sku(sku)),
            (None, None, Some(id)) => Some(ProductIdentifier::ExternalId(id)),
            (None, None, None) => None,
            _ => return Err(Unreadable::expected("one of productId, sku, externalId, got several")),
        };
        Ok(Self { identifier, title: fields.title })
    }
}

/// A bundle that a product was sold in.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Bundle {
    /// Identifier of the bundle.
    #[serde(deserialize_with = "identified")]
    #[schemars(with = "Product")]
    pub(super) product: ProductIdentifier,
    /// Price of one bundle.
    pub(super) price: Option<Amount>,
    /// Pieces of the product in one bundle.
    pub(super) quantity: Option<Quantity>,
}

fn identified<'de, D: Deserializer<'de>>(deserializer: D) -> Result<ProductIdentifier, D::Error> {
    let identifier = Product::deserialize(deserializer)?.identifier;
    identifier.ok_or_else(|| D::Error::custom(Unreadable::expected("one of productId, sku, externalId, got none")))
}

/// Delivery of a line.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(try_from = "DeliveryFields")]
pub(super) enum Delivery {
    /// Delivery by Amazon, with Prime.
    Prime {
        /// Id of the offer that the shopper chose; a rule decides if it is required.
        offer_id: Option<String>,
        /// Id of the preview that contained the offer; a rule decides if it is required.
        preview_id: Option<String>,
        /// Expiry of the offer.
        expires_at: Option<Timestamp>,
        /// Amount that the merchant charges for delivery.
        charge: Option<Amount>,
        /// Speed of the delivery, for example `STANDARD`.
        speed: Option<String>,
    },
    /// Delivery by Amazon, without Prime.
    Amazon {
        /// Speed of the delivery, for example `STANDARD`.
        speed: Option<String>,
        /// Amount that the merchant charges for delivery.
        charge: Option<Amount>,
    },
    /// Delivery by the merchant.
    Merchant {
        /// Message that the shopper saw about the delivery.
        message: Option<String>,
        /// Language of the message, for example `en-US`.
        locale: Option<String>,
        /// Amount that the merchant charges for delivery.
        charge: Option<Amount>,
        /// Discount on the charge.
        discount: Option<Amount>,
    },
}

impl Delivery {
    /// Expiry of the delivery offer.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        match self {
            Self::Prime { expires_at, .. } => *expires_at,
            Self::Amazon { .. } | Self::Merchant { .. } => None,
        }
    }
}

/// Company that delivers.
#[derive(Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum By {
    Amazon,
    Merchant,
}

/// Fields of [`Delivery`], before the check against the company that delivers.
#[derive(Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(extend("anyOf" = [
    { "properties": { "by": { "const": "merchant" }, "prime": { "enum": [false, null] } } },
    { "required": ["prime"], "properties": { "by": { "const": "amazon" }, "prime": { "const": false } } },
    {
        "required": ["prime", "offerId", "previewId"],
        "properties": {
            "by": { "const": "amazon" },
            "prime": { "const": true },
            "offerId": { "type": "string" },
            "previewId": { "type": "string" },
        },
    },
]))]
struct DeliveryFields {
    /// Company that delivers.
    #[serde(deserialize_with = "reading::word")]
    by: By,
    /// Whether the delivery is with Prime; by Amazon only.
    prime: Option<bool>,
    /// Id of the offer that the shopper chose; with Prime only.
    #[serde(default, deserialize_with = "reading::text")]
    offer_id: Option<String>,
    /// Id of the preview that contained the offer; with Prime only.
    #[serde(default, deserialize_with = "reading::text")]
    preview_id: Option<String>,
    /// Expiry of the offer; with Prime only.
    #[serde(default, deserialize_with = "reading::time")]
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    expires_at: Option<Timestamp>,
    /// Speed of the delivery, for example `STANDARD`; by Amazon only.
    #[serde(default, deserialize_with = "reading::text")]
    speed: Option<String>,
    /// Message that the shopper saw about the delivery; by the merchant only.
    #[serde(default, deserialize_with = "reading::text")]
    message: Option<String>,
    /// Language of the message, for example `en-US`.
    #[serde(default, deserialize_with = "reading::text")]
    locale: Option<String>,
    /// Amount that the merchant charges for delivery.
    charge: Option<Amount>,
    /// Discount on the charge.
    discount: Option<Amount>,
}

impl TryFrom<DeliveryFields> for Delivery {
    type Error = Unreadable;

    fn try_from(fields: DeliveryFields) -> Result<Self, Unreadable> {
        let DeliveryFields { by, prime, offer_id, preview_id, expires_at, speed, message, locale, charge, discount } =
            fields;
        match (by, prime) {
            (By::Amazon, None) => Err(Unreadable::missing("prime")),
            (By::Amazon, Some(true)) => Ok(Self::Prime { offer_id, preview_id, expires_at, charge, speed }),
            (By::Amazon, Some(false)) => Ok(Self::Amazon { speed, charge }),
            (By::Merchant, Some(true)) => {
                Err(Unreadable::expected("a delivery by amazon for prime, got one by merchant"))
            }
            (By::Merchant, None | Some(false)) => Ok(Self::Merchant { message, locale, charge, discount }),
        }
    }
}
