//! The batch: messages in the sequence of their publication, each with its expected outcome.
//!
//! Not here: the publication.

use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;

/// Expected outcome of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Expected {
    Created,
    Updated,
    AlreadyExisted,
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
    Ok(Message { name, path, id: event.id, order: event.subject, expected })
}
