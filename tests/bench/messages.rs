//! The messages that are measured.

use std::hint::black_box;
use std::path::PathBuf;

use bwp_sync::domain::command::{Command, order_key};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{RawMessage, open};
use bwp_sync::domain::transform::command_for;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Kind of the messages.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum What {
    Creates,
    Starts,
    /// Orders as Shopify writes them, which a mapping makes creates of.
    Mapped,
}

impl What {
    /// The case's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::Starts => "starts",
            Self::Mapped => "mapped",
        }
    }

    /// The type of the messages, which is their routing key.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Creates => "checkout-completed",
            Self::Starts => "fulfillment-triggered",
            Self::Mapped => "orders/create",
        }
    }

    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Creates | Self::Starts => "application/cloudevents+json",
            Self::Mapped => "application/json",
        }
    }

    /// The settings that the worker needs for them, as a file.
    pub(crate) fn settings(self) -> Option<PathBuf> {
        match self {
            Self::Creates | Self::Starts => None,
            Self::Mapped => Some(PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/bench/mapped.toml"))),
        }
    }
}

/// A message of at least so many bytes, about one of so many orders.
pub(crate) fn message(what: What, number: usize, bytes: usize, orders: Option<usize>) -> Vec<u8> {
    let order = orders.map_or(number, |orders| number % orders);
    let order = json!({ "id": format!("SO-{order}") });
    let data = match what {
        What::Creates => checkout(order),
        What::Starts => json!({ "order": order }),
        What::Mapped => return shopify(number),
    };
    let mut event = json!({
        "specversion": "1.0", "id": format!("m-{number}"), "source": "/bench", "type": what.kind(), "data": data,
    });
    let missing = bytes.saturating_sub(event.to_string().len());
    event["data"]["note"] = Value::from("n".repeat(missing.saturating_sub(10)));
    event.to_string().into_bytes()
}

/// The bytes of the input that a message's call has: what a message costs without any wait.
pub(crate) fn input_of(body: &[u8], conventions: &Conventions) -> Vec<u8> {
    let envelope = open(&RawMessage::structured(body)).unwrap();
    black_box(order_key(&envelope));
    match command_for(&envelope, conventions).unwrap() {
        Command::CreateOrder(create) => serde_json::to_vec(&create.input).unwrap(),
        Command::StartFulfillment(start) => serde_json::to_vec(&start.input).unwrap(),
        Command::AmendOrder(_) | Command::UpdateRefunds(_) => panic!("not measured"),
    }
}

/// An order as Shopify writes it, with another number.
fn shopify(number: usize) -> Vec<u8> {
    let text = include_str!("../../config/mappings/shopify/plain-order.in.json");
    text.replacen("5678901234567", &(5_000_000_000_000 + number).to_string(), 1).into_bytes()
}

fn checkout(order: Value) -> Value {
    let line = |id: usize| {
        json!({ "id": id.to_string(), "product": { "sku": format!("SKU-{id}"), "title": "A mug of the finest kind" },
            "unitPrice": "10.50", "quantity": 2, "tax": "1.05",
            "delivery": { "by": "merchant", "message": "5-7 business days", "locale": "en-US", "charge": "2.99" } })
    };
    json!({
        "order": order, "currency": "USD", "total": "71.97", "tax": "3.15",
        "shopper": { "name": "Jane Roe", "email": "jane.roe@shop.example" },
        "shipTo": { "name": "Jane Roe", "street": "1 Main St", "city": "Seattle", "region": "WA",
            "postalCode": "98109", "country": "US" },
        "lines": [line(1), line(2), line(3)],
    })
}
