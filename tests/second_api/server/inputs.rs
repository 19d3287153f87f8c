//! Types that are inputs only.
//! Not here: their effects.

use async_graphql::{Enum, InputObject, OneofObject};

use super::refunds::RefundsInput;
use super::shapes::{Alias, Customer, ExecutionState, Money, OrderLink, Recipient, Taxes, TotalPrice};

#[derive(OneofObject)]
pub(crate) enum OrderIdentifierInput {
    OrderId(String),
    Alias(Alias),
}

#[derive(InputObject)]
pub(crate) struct CreateOrderInput {
    pub(crate) line_items: Vec<LineItemInput>,
    pub(crate) customer: Option<Customer>,
    pub(crate) recipient: Recipient,
    #[graphql(default)]
    pub(crate) aliases: Vec<Alias>,
    pub(crate) total_price: Option<TotalPrice>,
    pub(crate) taxes: Option<Taxes>,
    #[graphql(default)]
    pub(crate) order_links: Vec<OrderLink>,
    pub(crate) shopper_identity: Option<ShopperIdentityInput>,
    #[graphql(default)]
    pub(crate) desired_execution_state: ExecutionState,
}

/// Input of `updateOrder`. An absent field stays as it is; aliases and links are added.
#[derive(InputObject)]
pub(crate) struct UpdateOrderInput {
    pub(crate) desired_execution_state: Option<ExecutionState>,
    pub(crate) total_price: Option<TotalPrice>,
    pub(crate) taxes: Option<Taxes>,
    pub(crate) aliases: Option<Vec<Alias>>,
    pub(crate) order_links: Option<Vec<OrderLink>>,
    pub(crate) recipient: Option<Recipient>,
    pub(crate) refunds: Option<RefundsInput>,
}

#[derive(InputObject)]
pub(crate) struct LineItemInput {
    pub(crate) amount: AmountInput,
    pub(crate) product: ProductInput,
    #[graphql(default)]
    pub(crate) aliases: Vec<Alias>,
    pub(crate) taxes: Option<Taxes>,
    pub(crate) selected_delivery_offer: DeliveryOfferInput,
}

#[derive(InputObject)]
pub(crate) struct AmountInput {
    pub(crate) value: i32,
    pub(crate) unit: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct ProductInput {
    pub(crate) identifier: ProductIdentifierInput,
    pub(crate) title: Option<String>,
    pub(crate) price: Option<Money>,
    pub(crate) purchase_group_membership: Option<PurchaseGroupMembershipInput>,
}

#[derive(OneofObject)]
pub(crate) enum ProductIdentifierInput {
    ProductId(String),
    Sku(String),
    ExternalId(String),
    AmazonSku(AmazonSkuInput),
}

#[derive(InputObject)]
pub(crate) struct AmazonSkuInput {
    pub(crate) value: String,
}

#[derive(InputObject)]
pub(crate) struct PurchaseGroupMembershipInput {
    pub(crate) product: BundleInput,
    pub(crate) member_amount: Option<AmountInput>,
}

#[derive(InputObject)]
pub(crate) struct BundleInput {
    pub(crate) identifier: ProductIdentifierInput,
    pub(crate) price: Option<Money>,
}

#[derive(OneofObject)]
pub(crate) enum DeliveryOfferInput {
    Details(Box<OfferDetailsInput>),
    Summary(Box<OfferSummaryInput>),
}

#[derive(InputObject)]
pub(crate) struct OfferDetailsInput {
    pub(crate) id: Option<String>,
    pub(crate) delivery_preview_id: Option<String>,
    pub(crate) delivery_provider: DeliveryProvider,
    pub(crate) delivery_terms: DeliveryTermsInput,
    pub(crate) delivery_charge: Option<Money>,
}

#[derive(InputObject)]
pub(crate) struct OfferSummaryInput {
    pub(crate) delivery_message: Option<DeliveryMessageInput>,
    pub(crate) delivery_charge: Option<Money>,
    pub(crate) discounts: Option<Vec<DiscountInput>>,
    pub(crate) delivery_provider: DeliveryProvider,
}

#[derive(Clone, Copy, Enum, Eq, PartialEq)]
pub(crate) enum DeliveryProvider {
    Amazon,
    Merchant,
}

#[derive(InputObject)]
pub(crate) struct DeliveryTermsInput {
    pub(crate) is_prime_eligible: bool,
    pub(crate) delivery_speed: Option<String>,
}

#[derive(InputObject)]
pub(crate) struct DeliveryMessageInput {
    pub(crate) message_text: String,
    pub(crate) locale: String,
}

#[derive(InputObject)]
pub(crate) struct DiscountInput {
    pub(crate) amount: Money,
}

#[derive(OneofObject)]
pub(crate) enum ShopperIdentityInput {
    ApayCheckoutSessionId(IdentityInput),
    LwaAccessToken(IdentityInput),
}

#[derive(InputObject)]
pub(crate) struct IdentityInput {
    pub(crate) value: String,
    pub(crate) external_id: Option<String>,
}
