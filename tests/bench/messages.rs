//! The messages that are measured.

use std::hint::black_box;

use bwp_sync::domain::command::{Command, order_key};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{RawMessage, open};
use bwp_sync::domain::transform::command_for;
use clap::ValueEnum;
use serde_json::{Value, json};

/// Kind of the messages.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum What {
    Creates,
    Starts,
}

impl What {
    /// The case's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Creates => "creates",
            Self::Starts => "starts",
        }
    }

    /// The type of the messages, which is their routing key.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Creates => "checkout-completed",
            Self::Starts => "fulfillment-triggered",
        }
    }
}

/// A structured message of at least so many bytes.
pub(crate) fn message(what: What, number: usize, bytes: usize) -> Vec<u8> {
    let order = json!({ "id": format!("SO-{number}") });
    let data = match what {
        What::Creates => checkout(order),
        What::Starts => json!({ "order": order }),
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
