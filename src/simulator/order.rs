//! One stored order: its creation, its changes, and its view in an answer.
//! Not here: other orders, and the rules for a change (`store`).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::input::{CreateInput, ExecutionState, LineInput, UpdateInput};
use super::names::Alias;
use super::refund::Refund;
use super::shown::{shown_line, shown_time};

/// Names of the field with the package state, by version; the schema shows the one that it has.
const PACKAGES: [&str; 2] = ["packageInformation", "deliveryInformation"];

/// State of an order's packages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PackageState {
    /// Not yet handed to a carrier: the state when fulfillment starts.
    Pending,
    /// On the way to the shopper.
    InTransit,
    /// Delivered to the shopper.
    Delivered,
    /// Cancelled, or about to be.
    Cancelled,
}

/// View of an order for tests.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderView {
    /// Buy with Prime's order id.
    pub id: String,
    /// Aliases, oldest first.
    pub aliases: Vec<Alias>,
    /// Whether fulfillment was started.
    pub started: bool,
    /// State of the packages; `None` before fulfillment.
    pub package_state: Option<PackageState>,
    /// The order as the API shows it, with every field of every version.
    pub json: Value,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) aliases: Vec<Alias>,
    pub(super) links: Vec<Value>,
    pub(super) started: bool,
    pub(super) package_state: Option<PackageState>,
    /// Product identifiers of the lines, matched by faults.
    pub(super) products: Vec<String>,
    pub(super) lines: Vec<Value>,
    pub(super) refunds: Vec<Refund>,
    /// Views before each unsettled effect, oldest first; null before the order existed.
    past: Vec<(Instant, Value)>,
    /// Fields that are shown as sent.
    echoed: serde_json::Map<String, Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

impl Order {
    pub(super) fn new(id: String, input: CreateInput, now: Timestamp) -> Self {
        let products = input.line_items.iter().flat_map(LineInput::product_values).map(str::to_owned).collect();
        let lines = input.line_items.iter().enumerate().map(|(index, line)| shown_line(&id, index, line, now));
        let mut order = Self {
            lines: lines.collect(),
            id,
            aliases: input.aliases,
            links: input.order_links,
            started: false,
            package_state: None,
            products,
            refunds: Vec::new(),
            past: Vec::new(),
            echoed: serde_json::Map::new(),
            created_at: now,
            updated_at: now,
        };
        order.echo("customer", input.customer);
        order.echo("recipient", input.recipient);
        order.echo("totalPrice", input.total_price);
        order.echo("taxes", input.taxes);
        order.echo("discounts", input.discounts);
        order.echo("payments", input.payments);
        if input.desired_execution_state == Some(ExecutionState::Started) {
            order.start();
        }
        order
    }

    /// Applies an update except its execution state; returns the names of the fields in it.
    pub(super) fn amend(&mut self, input: UpdateInput, now: Timestamp) -> Vec<String> {
        let mut fields = Vec::new();
        for (name, added) in [("aliases", !input.aliases.is_empty()), ("orderLinks", !input.order_links.is_empty())] {
            if added {
                fields.push(name.to_owned());
            }
        }
        self.aliases.extend(input.aliases);
        self.links.extend(input.order_links);
        for (name, value) in [
            ("recipient", input.recipient),
            ("totalPrice", input.total_price),
            ("taxes", input.taxes),
            ("payments", input.payments),
        ] {
            if self.echo(name, value) {
                fields.push(name.to_owned());
            }
        }
        self.updated_at = now;
        fields
    }

    pub(super) fn start(&mut self) {
        self.started = true;
        self.package_state.get_or_insert(PackageState::Pending);
    }

    /// Keeps the view before an effect while a query may still show it.
    pub(super) fn remember(&mut self, before: Value, settle: Duration) {
        self.past.retain(|(since, _)| since.elapsed() < settle);
        if !settle.is_zero() {
            self.past.push((Instant::now(), before));
        }
    }

    /// The view without effects that are younger than `settle`; null if the order itself is younger.
    pub(super) fn seen(&self, settle: Duration) -> Value {
        let unsettled = self.past.iter().find(|(since, _)| since.elapsed() < settle);
        unsettled.map_or_else(|| self.shown(), |(_, before)| before.clone())
    }

    /// Total price of the order; null if it was never sent.
    pub(super) fn total(&self) -> Value {
        let total = self.echoed.get("totalPrice").map(|total| total["value"].clone());
        total.unwrap_or_else(|| json!({ "amount": 0, "currencyCode": "USD" }))
    }

    pub(super) fn view(&self) -> OrderView {
        OrderView {
            id: self.id.clone(),
            aliases: self.aliases.clone(),
            started: self.started,
            package_state: self.package_state,
            json: self.shown(),
        }
    }

    /// The view in the shape of the schema's type `Order`.
    pub(super) fn shown(&self) -> Value {
        let mut shown = self.echoed.clone();
        let packages = self.package_state.map(|state| json!({ "summary": { "state": state } }));
        let lines = self.lines.iter().cloned().map(|mut line| {
            PACKAGES.iter().for_each(|name| line[name] = json!(packages));
            line
        });
        let lines: Vec<Value> = lines.collect();
        let refunds: Value = self.refunds.iter().map(|refund| refund.shown(&lines)).collect();
        shown.insert("refunds".to_owned(), json!({ "details": refunds }));
        shown.insert("id".to_owned(), json!(self.id));
        shown.insert("aliases".to_owned(), json!(self.aliases));
        shown.insert("lineItems".to_owned(), Value::Array(lines));
        shown.insert("orderLinks".to_owned(), json!(self.links));
        shown.extend(PACKAGES.map(|name| (name.to_owned(), json!(packages))));
        shown.insert(
            "metadata".to_owned(),
            json!({
                "createdAt": shown_time(self.created_at),
                "executionState": if self.started { "STARTED" } else { "NOT_STARTED" },
                "updatedAt": shown_time(self.updated_at),
            }),
        );
        Value::Object(shown)
    }

    fn echo(&mut self, field: &str, value: Option<Value>) -> bool {
        let Some(value) = value else { return false };
        self.echoed.insert(field.to_owned(), value);
        true
    }
}
