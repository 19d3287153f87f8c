//! The shop's messages, from the fixtures.
//! Not here: their results.

use std::fs;
use std::path::PathBuf;

use bwp_sync::domain::command::{Command, CreateOrder};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{RawMessage, open};
use bwp_sync::domain::transform::command_for;
use bwp_sync::ports::Inbound;

/// The eight examples of the `createOrder` reference, as messages.
pub(crate) const EXAMPLES: [&str; 8] = [
    "non-prime-without-shopper-identity",
    "non-prime",
    "minimal-bundle",
    "merchant-fulfilled",
    "external-order-details",
    "bundle-prime-and-non-prime",
    "lwa",
    "minimum-fulfillable",
];

/// The message of this name, as a delivery.
pub(crate) fn inbound(name: &str) -> Inbound {
    Inbound {
        body: body(name),
        content_type: Some("application/cloudevents+json".into()),
        queue: "bwp.orders".into(),
        ..Inbound::default()
    }
}

/// The create that the message of this name asks for.
pub(crate) fn create(name: &str) -> CreateOrder {
    let body = body(&format!("create-{name}"));
    create_of(&body)
}

/// The create that a checkout asks for.
pub(crate) fn create_of(body: &[u8]) -> CreateOrder {
    match command_for(&open(&RawMessage::structured(body)).unwrap(), &Conventions::default()) {
        Ok(Command::CreateOrder(create)) => *create,
        other => panic!("expected a create, got {other:?}"),
    }
}

pub(crate) fn body(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/messages");
    fs::read(folder.join(name).with_extension("json")).unwrap()
}
