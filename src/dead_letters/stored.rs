//! An order of the API as an operator sees it: its state, and nothing of the recipient.
//!
//! Not here: reading it.

use serde::Serialize;

use crate::domain::order::{Alias, ProductIdentifier};
use crate::domain::stored::{
    ExecutionState, Named, PackageState, StoredLine, StoredMoney, StoredOrder, StoredPayment, StoredRefund,
};

/// The order. A field that the API does not tell is left out.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Shown<'a> {
    id: &'a str,
    aliases: Option<&'a [Alias]>,
    fulfillment: Option<&'a str>,
    packages: Option<&'a str>,
    total: Option<String>,
    tax: Option<String>,
    lines: Option<Vec<Line<'a>>>,
    refunds: Option<Vec<Refund<'a>>>,
    /// Fields that the API does not know.
    unknown_fields: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    id: Option<&'a str>,
    aliases: Option<&'a [Alias]>,
    product: &'a [ProductIdentifier],
    quantity: Option<String>,
    price: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Refund<'a> {
    id: &'a str,
    aliases: Option<&'a [Alias]>,
    state: Option<String>,
    total: Option<String>,
    reason: Option<&'a str>,
    payments: Option<Vec<Payment<'a>>>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Payment<'a> {
    id: Option<&'a str>,
    amount: Option<String>,
    state: Option<String>,
}

impl<'a> Shown<'a> {
    /// An order without its recipient.
    pub fn of(order: &'a StoredOrder) -> Self {
        Self {
            id: &order.id,
            aliases: order.aliases.as_deref(),
            fulfillment: order.execution_state.as_ref().map(execution),
            packages: order.package_state.as_ref().map(packages),
            total: order.total.as_ref().map(money),
            tax: order.tax.as_ref().map(money),
            lines: order.lines.as_ref().map(|lines| lines.iter().map(line).collect()),
            refunds: order.refunds.as_ref().map(|refunds| refunds.iter().map(refund).collect()),
            unknown_fields: order.unknown.iter().map(|field| field.name.as_str()).collect(),
        }
    }

    /// Rows of all that is known: the part and its text.
    pub fn rows(&self) -> Vec<(&'static str, String)> {
        const UNTOLD: &str = "not told";
        let mut rows = vec![("id", self.id.to_owned())];
        rows.push(("names", self.aliases.map_or(UNTOLD.into(), names)));
        rows.push(("fulfillment", self.fulfillment.unwrap_or(UNTOLD).to_owned()));
        rows.push(("packages", self.packages.unwrap_or(UNTOLD).to_owned()));
        rows.push(("total", self.total.clone().unwrap_or(UNTOLD.into())));
        rows.extend(self.tax.clone().map(|tax| ("tax", tax)));
        rows.extend(self.lines.iter().flatten().map(|line| ("line", line.text())));
        rows.extend(self.refunds.iter().flatten().map(|refund| ("refund", refund.text())));
        rows.extend(self.unknown_fields.iter().map(|field| ("not known", (*field).to_owned())));
        rows
    }
}

impl Line<'_> {
    fn text(&self) -> String {
        let mut parts = Vec::new();
        parts.extend(self.id.map(ToOwned::to_owned));
        parts.extend(self.aliases.filter(|aliases| !aliases.is_empty()).map(names));
        parts.extend(self.product.iter().map(product));
        parts.extend(self.quantity.as_ref().map(|quantity| format!("quantity {quantity}")));
        parts.extend(self.price.as_ref().map(|price| format!("at {price}")));
        parts.join(", ")
    }
}

impl Refund<'_> {
    fn text(&self) -> String {
        let mut parts = vec![self.id.to_owned()];
        parts.extend(self.aliases.filter(|aliases| !aliases.is_empty()).map(names));
        parts.extend(self.state.clone());
        parts.extend(self.total.as_ref().map(|total| format!("total {total}")));
        parts.extend(self.reason.map(ToOwned::to_owned));
        for Payment { id, amount, state } in self.payments.iter().flatten() {
            let told = [*id, amount.as_deref(), state.as_deref()].into_iter().flatten();
            parts.push(format!("payment {}", told.collect::<Vec<_>>().join(" ")));
        }
        parts.join(", ")
    }
}

fn line(line: &StoredLine) -> Line<'_> {
    Line {
        id: line.id.as_deref(),
        aliases: line.aliases.as_deref(),
        product: &line.product,
        quantity: line.quantity.map(|quantity| quantity.to_string()),
        price: line.price.as_ref().map(money),
    }
}

fn refund(refund: &StoredRefund) -> Refund<'_> {
    Refund {
        id: &refund.id,
        aliases: refund.aliases.as_deref(),
        state: refund.state.as_ref().and_then(name),
        total: refund.total.as_ref().map(money),
        reason: refund.reason.as_deref(),
        payments: refund.payments.as_ref().map(|payments| payments.iter().map(payment).collect()),
    }
}

fn payment(payment: &StoredPayment) -> Payment<'_> {
    Payment {
        id: payment.id.as_deref(),
        amount: payment.amount.as_ref().map(money),
        state: payment.state.as_ref().and_then(name),
    }
}

fn names(aliases: &[Alias]) -> String {
    let names = aliases.iter().map(|alias| format!("{} {}", alias.alias_type, alias.alias_id));
    names.collect::<Vec<_>>().join(", ")
}

fn product(identifier: &ProductIdentifier) -> String {
    match identifier {
        ProductIdentifier::ProductId(id) => format!("product {id}"),
        ProductIdentifier::Sku(sku) => format!("sku {sku}"),
        ProductIdentifier::ExternalId(id) => format!("external id {id}"),
    }
}

fn money(money: &StoredMoney) -> String {
    let amount = money.amount.to_string();
    money.currency.as_ref().map_or(amount.clone(), |currency| format!("{amount} {currency}"))
}

fn execution(state: &ExecutionState) -> &str {
    match state {
        ExecutionState::NotStarted => "not started",
        ExecutionState::Started => "started",
        ExecutionState::Other(name) => name,
    }
}

fn packages(state: &PackageState) -> &str {
    match state {
        PackageState::Pending => "pending",
        PackageState::InTransit => "in transit",
        PackageState::Delivered => "delivered",
        PackageState::Cancelled => "cancelled",
        PackageState::Other(name) => name,
    }
}

/// The API's own name of a state.
fn name<T: Serialize>(state: &Named<T>) -> Option<String> {
    match state {
        Named::Known(state) => serde_json::to_value(state).ok()?.as_str().map(ToOwned::to_owned),
        Named::Other(name) => Some(name.clone()),
    }
}
