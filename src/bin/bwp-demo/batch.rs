//! The batch: messages in the sequence of their publication, each with its expected outcome.
//!
//! Not here: the publication.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use serde_json::{Value, json};

/// Expected outcome of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Created,
    Updated,
    AlreadyExisted,
    /// A mapping says that the body is no message.
    Ignored,
    /// A dead letter with this code.
    Failed(&'static str),
}

impl Expected {
    /// The outcome in the spelling of the report.
    pub(crate) fn outcome(self) -> String {
        match self {
            Self::Created => "created".into(),
            Self::Updated => "updated".into(),
            Self::AlreadyExisted => "already-existed".into(),
            Self::Ignored => "ignored".into(),
            Self::Failed(code) => format!("failed: {code}"),
        }
    }

    /// Whether a dead letter is expected.
    pub(crate) fn is_failure(self) -> bool {
        matches!(self, Self::Failed(_))
    }
}

/// A message of the batch.
#[derive(Debug)]
pub(crate) struct Message {
    /// Name of its file, without the extension.
    pub(crate) name: &'static str,
    pub(crate) path: PathBuf,
    /// Id of the event.
    pub(crate) id: String,
    /// The shop's order id.
    pub(crate) order: String,
    pub(crate) expected: Expected,
    /// Body of a foreign message, which is not in a file as it is published.
    pub(crate) foreign: Option<Vec<u8>>,
}

/// Each fulfillment follows its create at once: messages of one order stay in sequence. One create is published again
/// at the end.
const BATCH: [(&str, Expected); 20] = [
    ("create-non-prime-without-shopper-identity", Expected::Created),
    ("trigger-non-prime-without-shopper-identity", Expected::Updated),
    ("create-non-prime", Expected::Created),
    ("trigger-non-prime", Expected::Updated),
    ("fail-out-of-stock", Expected::Failed("ItemOutOfStock")),
    ("create-minimal-bundle", Expected::Created),
    ("trigger-minimal-bundle", Expected::Updated),
    ("create-merchant-fulfilled", Expected::Created),
    ("trigger-merchant-fulfilled", Expected::Updated),
    ("fail-shopper-not-prime", Expected::Failed("ShopperNotPrime")),
    ("create-external-order-details", Expected::Created),
    ("trigger-external-order-details", Expected::Updated),
    ("create-bundle-prime-and-non-prime", Expected::Created),
    ("trigger-bundle-prime-and-non-prime", Expected::Updated),
    ("fail-address-mismatch", Expected::Failed("AddressMismatch")),
    ("create-lwa", Expected::Created),
    ("trigger-lwa", Expected::Updated),
    ("create-minimum-fulfillable", Expected::Created),
    ("trigger-minimum-fulfillable", Expected::Updated),
    ("create-non-prime", Expected::AlreadyExisted),
];

/// Orders of a shop that publishes its own JSON, by the examples of its mapping. One is published again at the end.
const SHOPS_BATCH: [(&str, Expected); 10] = [
    ("plain-order", Expected::Created),
    ("discounts-on-line-and-order", Expected::Created),
    ("test-order", Expected::Ignored),
    ("mixed-lines", Expected::Created),
    ("shipping", Expected::Created),
    ("sku-out-of-stock", Expected::Failed("ItemOutOfStock")),
    ("unpaid", Expected::Ignored),
    ("price-with-comma", Expected::Failed("InvalidMessage")),
    ("bundle", Expected::Created),
    ("plain-order", Expected::AlreadyExisted),
];

/// Reads the batch of a shop from the folder with examples of its mapping.
pub(crate) fn read_shops(folder: &Path) -> anyhow::Result<Vec<Message>> {
    SHOPS_BATCH.into_iter().map(|(name, expected)| foreign(folder, name, expected)).collect()
}

/// An example under an order id of its own: all examples have the same one.
fn foreign(folder: &Path, name: &'static str, expected: Expected) -> anyhow::Result<Message> {
    let example = if expected.is_failure() { "plain-order" } else { name };
    let path = folder.join(format!("{example}.in.json"));
    let body = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let mut body: Value = serde_json::from_slice(&body).with_context(|| format!("`{}`: no JSON", path.display()))?;
    let number = SHOPS_BATCH.iter().position(|(other, _)| *other == name).unwrap_or_default();
    let order = (7_000_000_001 + number).to_string();
    body["id"] = json!(order);
    body["name"] = json!(format!("#{order}"));
    let line = &mut body["line_items"][0];
    match name {
        "sku-out-of-stock" => line["sku"] = json!("sim-ItemOutOfStock"),
        "price-with-comma" => line["price_set"] = json!({ "presentment_money": { "amount": "12,50" } }),
        _ => {}
    }
    let body = serde_json::to_vec(&body).context("cannot write a body")?;
    Ok(Message { name, path, id: format!("demo-{name}"), order, expected, foreign: Some(body) })
}

/// Reads the batch from the folder of example messages.
pub(crate) fn read(folder: &Path) -> anyhow::Result<Vec<Message>> {
    BATCH.into_iter().map(|(name, expected)| message(folder, name, expected)).collect()
}

fn message(folder: &Path, name: &'static str, expected: Expected) -> anyhow::Result<Message> {
    #[derive(Deserialize)]
    struct Event {
        id: String,
        subject: String,
    }
    let path = folder.join(format!("{name}.json"));
    let body = std::fs::read(&path).with_context(|| format!("cannot read `{}`", path.display()))?;
    let event: Event = serde_json::from_slice(&body)
        .with_context(|| format!("`{}`: expected a CloudEvent with `id` and `subject`", path.display()))?;
    Ok(Message { name, path, id: event.id, order: event.subject, expected, foreign: None })
}
