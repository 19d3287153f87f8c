//! A delivery is opened as a message, as a refusal, or not at all; its names come with it.

use std::time::Duration;

use super::*;
use crate::domain::conventions::Conventions;
use crate::policy::breaker::Waits;
use crate::policy::decide::Limits;
use crate::worker::{Pacing, Timing};

fn context() -> Context<()> {
    let second = Duration::from_secs(1);
    let (attempts, denied_attempts, panics) = (3, 3, 3);
    let limits = Limits { attempts, denied_attempts, panics, delays: vec![second], wait_for_create: second };
    let timing = Timing {
        visible_after: second,
        call_ended: second,
        first_wait: second,
        longest_wait: second,
        retries: 1,
        last_call: second,
        hold_at_most: 1,
    };
    let pacing = Pacing { max_calls_per_second: None, waits: Waits { first: second, longest: second } };
    Context::new((), Conventions::default(), limits, timing, pacing, 100)
}

fn bare(kind: &str, body: &str) -> Inbound {
    Inbound { body: body.into(), message_type: Some(kind.into()), message_id: Some("m-1".into()), ..Inbound::default() }
}

const START: &str = r#"{"order":{"id":"SO-1"}}"#;

#[test]
fn a_message_is_known_by_its_order_and_stands_in_the_lane_of_it() {
    let (label, opened) = open(&context(), &bare("fulfillment-triggered", START));
    assert!(matches!(opened, Opened::Message(_)));
    assert_eq!((label.message_id.as_str(), label.order(), label.lane.as_deref()), ("m-1", "SO-1", Some("SO-1")));
    assert_eq!(label.kind_in_lane(), Some(Kind::FulfillmentTriggered));
    assert!(!label.creates() && !label.amends() && !label.was_here);
    let (create, _) = open(&context(), &bare("checkout-completed", START));
    let (amendment, _) = open(&context(), &bare("order.amended", START));
    assert!(create.creates() && !create.amends() && amendment.amends() && !amendment.creates());
}

#[test]
fn only_a_delivery_that_has_been_here_returns_and_only_as_itself() {
    let (first, _) = open(&context(), &bare("fulfillment-triggered", START));
    for been_here in
        [Inbound { hopped: true, ..Inbound::default() }, Inbound { redelivered: true, ..Inbound::default() }]
    {
        let Inbound { hopped, redelivered, .. } = been_here;
        let (back, _) = open(&context(), &Inbound { hopped, redelivered, ..bare("fulfillment-triggered", START) });
        assert!(back.is_return_of(&first));
        assert!(!first.is_return_of(&back), "a copy is none");
        let other = bare("fulfillment-triggered", r#"{"order":{"id":"SO-2"}}"#);
        assert!(!open(&context(), &Inbound { hopped: true, ..other }).0.is_return_of(&first));
    }
}

#[test]
fn a_message_that_names_no_order_is_known_by_its_subject_and_stands_in_no_lane() {
    let event = r#"{"specversion":"1.0","type":"order-amended","id":"m-3","source":"/s","subject":"SO-9","data":{}}"#;
    let (label, opened) = open(&context(), &bare("", event));
    assert!(matches!(opened, Opened::Message(_)));
    assert_eq!((label.order(), label.lane.as_deref(), label.kind_in_lane()), ("SO-9", None, None));
}

#[test]
fn a_refused_message_keeps_its_names_and_stands_in_no_lane() {
    let (label, opened) = open(&context(), &bare("order-shipped", START));
    assert!(matches!(opened, Opened::Refused(_)));
    assert_eq!((label.order.as_deref(), label.lane, label.kind), (Some("SO-1"), None, None));
    let event =
        r#"{"specversion":"2.0","type":"order-amended","id":"m-2","source":"/s","data":{"order":{"id":"SO-1"}}}"#;
    let (label, _) = open(&context(), &bare("", event));
    assert_eq!((label.message_id.as_str(), label.source.as_str(), label.order()), ("m-2", "/s", "SO-1"));
    assert_eq!((label.operation(), label.kind_in_lane()), (Some(crate::ports::Operation::UpdateOrder), None));
}

#[test]
fn a_body_that_is_too_large_or_ends_processes_is_not_read() {
    let large = bare("fulfillment-triggered", &format!("{START}{}", " ".repeat(100)));
    let ends = Inbound { unended: 5, ..bare("fulfillment-triggered", START) };
    for (inbound, expected) in [(large, Unread::TooLarge), (ends, Unread::EndsProcesses)] {
        let (label, opened) = open(&context(), &inbound);
        assert!(matches!(opened, Opened::Unread(why) if why == expected), "{opened:?}");
        assert_eq!((label.message_id.as_str(), label.order, label.lane), ("m-1", None, None));
    }
}

#[test]
fn the_payload_is_in_no_debug_output() {
    let (_, opened) = open(&context(), &bare("fulfillment-triggered", START));
    assert_eq!(format!("{opened:?}"), "Message");
}
