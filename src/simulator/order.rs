//! One stored order: how it comes about, how it changes, and how the API shows it.
//! Not here: the other orders, and which change is accepted (`store`).

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::input::{CreateInput, ExecutionState, LineInput, UpdateInput};
use super::names::Alias;
use super::refund::Refund;
use super::shown::{shown_line, shown_time};

/// What the versions call the field that says where the packages are; the schema shows the one that it has.
const PACKAGES: [&str; 2] = ["packageInformation", "deliveryInformation"];

/// Where the packages of an order are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PackageState {
    /// Not yet handed to a carrier; every order starts here when its fulfillment starts.
    Pending,
    /// On the way.
    InTransit,
    /// Arrived.
    Delivered,
    /// Cancelled, or about to be.
    Cancelled,
}

/// What a test can see of an order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct OrderView {
    /// The Buy with Prime id.
    pub id: String,
    /// All aliases, in the order in which they came.
    pub aliases: Vec<Alias>,
    /// Whether its fulfillment was started.
    pub started: bool,
    /// Where its packages are; none before the start.
    pub package_state: Option<PackageState>,
    /// The whole order as the API shows it, every field of every version selected.
    pub json: Value,
}

#[derive(Debug)]
pub(super) struct Order {
    pub(super) id: String,
    pub(super) aliases: Vec<Alias>,
    pub(super) links: Vec<Value>,
    pub(super) started: bool,
    pub(super) package_state: Option<PackageState>,
    /// Product identifiers of the lines, for faults to match.
    pub(super) products: Vec<String>,
    pub(super) lines: Vec<Value>,
    pub(super) refunds: Vec<Refund>,
    /// What was shown before each effect that has not settled, oldest first; null before the order was there.
    past: Vec<(Instant, Value)>,
    /// Fields that are shown as they were sent.
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

    /// Applies everything of an update except the execution state; answers the names of the fields that it had.
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

    /// Keeps what was shown before an effect, for as long as a query may still show it.
    pub(super) fn remember(&mut self, before: Value, settle: Duration) {
        self.past.retain(|(since, _)| since.elapsed() < settle);
        if !settle.is_zero() {
            self.past.push((Instant::now(), before));
        }
    }

    /// The order without effects that are younger than `settle`; null where it is that young itself.
    pub(super) fn seen(&self, settle: Duration) -> Value {
        let unsettled = self.past.iter().find(|(since, _)| since.elapsed() < settle);
        unsettled.map_or_else(|| self.shown(), |(_, before)| before.clone())
    }

    /// What the order costs; nothing where it was never said.
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

    /// The order in the shape of the schema's type `Order`.
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
