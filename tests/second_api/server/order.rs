//! An order, as the API answers it and as it is stored.
//! Not here: the checks of creates and updates.

use async_graphql::{Enum, SimpleObject};
use jiff::Timestamp;

use super::inputs::{CreateOrderInput, LineItemInput, ProductIdentifierInput, ProductInput};
use super::refunds::Refunds;
use super::shapes::{Alias, Customer, ExecutionState, Money, OrderLink, Recipient, Taxes, TotalPrice};

#[derive(Clone, SimpleObject)]
pub(crate) struct Order {
    pub(crate) id: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) line_items: Vec<LineItem>,
    pub(crate) metadata: Metadata,
    pub(crate) package_information: PackageInformation,
    pub(crate) total_price: Option<TotalPrice>,
    pub(crate) taxes: Option<Taxes>,
    pub(crate) order_links: Vec<OrderLink>,
    pub(crate) customer: Option<Customer>,
    pub(crate) recipient: Recipient,
    pub(crate) refunds: Refunds,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct Metadata {
    pub(crate) execution_state: ExecutionState,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct PackageInformation {
    pub(crate) summary: PackageSummary,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct PackageSummary {
    pub(crate) state: PackageState,
}

/// State of the packages, which stays at its start: nothing is delivered here.
#[derive(Clone, Copy, Enum, Eq, PartialEq)]
pub(crate) enum PackageState {
    Pending,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct LineItem {
    pub(crate) id: String,
    pub(crate) aliases: Vec<Alias>,
    pub(crate) amount: Quantity,
    pub(crate) created_at: String,
    pub(crate) product: Product,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct Quantity {
    pub(crate) unit: String,
    pub(crate) value: i32,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct Product {
    pub(crate) title: Option<String>,
    pub(crate) price: Option<Money>,
    pub(crate) purchase_group_membership: Option<PurchaseGroupMembership>,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct PurchaseGroupMembership {
    pub(crate) product: Bundle,
    pub(crate) member_amount: Option<MemberAmount>,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct Bundle {
    pub(crate) sku: Option<Sku>,
    pub(crate) price: Option<Money>,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct Sku {
    pub(crate) value: String,
}

#[derive(Clone, SimpleObject)]
pub(crate) struct MemberAmount {
    pub(crate) value: i32,
}

/// The order that an input asks for.
pub(crate) fn new_order(id: String, input: CreateOrderInput) -> Order {
    let line_items =
        input.line_items.into_iter().zip(1..).map(|(line, n)| new_line(format!("{id}-{n}"), line)).collect();
    Order {
        id,
        aliases: input.aliases,
        line_items,
        metadata: Metadata { execution_state: input.desired_execution_state },
        package_information: PackageInformation { summary: PackageSummary { state: PackageState::Pending } },
        total_price: input.total_price,
        taxes: input.taxes,
        order_links: input.order_links,
        customer: input.customer,
        recipient: input.recipient,
        refunds: Refunds::default(),
    }
}

fn new_line(id: String, input: LineItemInput) -> LineItem {
    LineItem {
        id,
        aliases: input.aliases,
        amount: Quantity { unit: input.amount.unit.unwrap_or_else(|| "ONE".into()), value: input.amount.value },
        created_at: Timestamp::now().to_string(),
        product: new_product(input.product),
    }
}

fn new_product(input: ProductInput) -> Product {
    let purchase_group_membership = input.purchase_group_membership.map(|membership| PurchaseGroupMembership {
        product: Bundle { sku: sku(membership.product.identifier), price: membership.product.price },
        member_amount: membership.member_amount.map(|amount| MemberAmount { value: amount.value }),
    });
    Product { title: input.title, price: input.price, purchase_group_membership }
}

fn sku(identifier: ProductIdentifierInput) -> Option<Sku> {
    match identifier {
        ProductIdentifierInput::Sku(value) => Some(Sku { value }),
        ProductIdentifierInput::ProductId(_)
        | ProductIdentifierInput::ExternalId(_)
        | ProductIdentifierInput::AmazonSku(_) => None,
    }
}
