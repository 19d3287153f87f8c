//! Arbitrary bytes never make the pure rooms panic.
//!
//! Not here: their answers.

use std::collections::BTreeMap;

use bwp_sync::domain::command::order_key;
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{self, RawMessage};
use bwp_sync::domain::transform::{check_rules, command_for};
use jiff::Timestamp;
use proptest::prelude::*;

use crate::support::{fixture, open, samples};

/// All steps of a message before its call, in each of the three modes.
fn handle(body: &[u8]) {
    let event = BTreeMap::from([("cloudEvents:type".to_owned(), "checkout-completed".to_owned())]);
    let none = BTreeMap::new();
    for (content_type, headers) in [(Some("application/cloudevents+json"), &none), (None, &event), (None, &none)] {
        let raw = RawMessage {
            content_type,
            timestamp: Some(u64::MAX),
            routing_key: "checkout.completed",
            headers,
            max_unpacked_bytes: 1000,
            ..RawMessage::structured(body)
        };
        let Ok(envelope) = envelope::open(&raw) else { continue };
        order_key(&envelope);
        if let Ok(command) = command_for(&envelope, &Conventions::default()) {
            check_rules(&command, &Conventions::default().rules, Timestamp::UNIX_EPOCH).ok();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_all_do_no_harm(body in proptest::collection::vec(any::<u8>(), 0..512)) {
        handle(&body);
    }

    #[test]
    fn a_message_with_a_part_overwritten_does_no_harm(
        which in any::<proptest::sample::Index>(),
        at in any::<proptest::sample::Index>(),
        length in 0_usize..64,
        part in "[\\[\\]{}:,\"0-9eE.+\\-a-z\\\\ ]{0,24}",
    ) {
        let names = samples("");
        let mut body = fixture("messages", &names[which.index(names.len())]);
        let start = at.index(body.len());
        let end = (start + length).min(body.len());
        body.splice(start..end, part.into_bytes());
        handle(&body);
    }
}

#[test]
fn deep_nesting_does_no_harm() {
    for (open_with, close_with) in [("[", "]"), ("{\"order\":", "}"), ("{\"data\":{\"lines\":[", "]}}")] {
        let body = format!("{}1{}", open_with.repeat(100_000), close_with.repeat(100_000));
        handle(body.as_bytes());
        let inside =
            format!(r#"{{"specversion":"1.0","id":"1","source":"/","type":"checkout-completed","data":{body}}}"#);
        handle(inside.as_bytes());
        handle(format!(r#"{{"order":{{"id":"1","deep":{body}}},"currency":{body}}}"#).as_bytes());
    }
}

#[test]
fn an_event_of_which_the_unknown_fields_are_deep_is_still_read() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let sample = String::from_utf8(fixture("messages", "create-lwa")).unwrap();
    let body = sample.replacen("\"currency\":", &format!("\"notes\": {deep}, \"currency\":"), 1);
    let envelope = open(body.as_bytes()).unwrap();
    assert!(command_for(&envelope, &Conventions::default()).is_ok());
}
