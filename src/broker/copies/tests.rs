//! Headers that are copied, kept under another name, or left behind.

use super::*;
use crate::broker::connection::SMALL_FRAME;
use crate::ports::MAX_TEXT_BYTES;

fn inbound(hopped: bool) -> Inbound {
    let mut inbound = Inbound { exchange: "shop.events".into(), routing_key: "k".into(), ..Inbound::default() };
    inbound.hopped = hopped;
    if hopped {
        inbound.headers.insert(own::SOURCE_EXCHANGE.into(), "shop.events".into());
    }
    inbound
}

fn properties(headers: &[(&str, AMQPValue)]) -> BasicProperties {
    let mut table = FieldTable::default();
    for (name, value) in headers {
        table.insert((*name).into(), value.clone());
    }
    BasicProperties::default()
        .with_headers(table)
        .with_user_id("guest".into())
        .with_expiration("60000".into())
        .with_message_id("m-1".into())
        .with_priority(3)
        .with_delivery_mode(1)
}

fn names(properties: &BasicProperties) -> Vec<String> {
    properties.headers().iter().flat_map(|table| table.inner().keys()).map(ToString::to_string).collect()
}

#[test]
fn what_must_not_be_copied_is_kept_under_another_name() {
    let original = properties(&[("CC", text("elsewhere")), ("x-death", text("d")), ("x-mine", text("kept"))]);
    let copy = for_hop(&original, &inbound(false), &History::default(), None);
    assert_eq!((copy.user_id(), copy.expiration(), copy.delivery_mode()), (&None, &None, &Some(2)));
    assert_eq!((copy.message_id(), copy.priority()), (&Some("m-1".into()), &Some(3)));
    let names = names(&copy);
    for kept in ["bwp-original-cc", "bwp-original-user-id", "bwp-original-expiration", "x-mine"] {
        assert!(names.contains(&kept.into()), "{kept} in {names:?}");
    }
    assert!(!names.contains(&"CC".into()) && !names.contains(&"x-death".into()));
}

#[test]
fn the_reason_of_a_wait_is_that_of_the_last_hop_and_stands_on_no_letter() {
    let reason = |copy: &BasicProperties| copy.headers().as_ref()?.inner().get(own::WAITS_FOR).cloned();
    let (inbound, history) = (inbound(true), History::default());
    let hop = |original: &BasicProperties, reason| for_hop(original, &inbound, &history, reason);
    let first = hop(&properties(&[]), Some((WaitReason::Delay, Duration::ZERO)));
    assert_eq!(reason(&first), Some(text("delay")));
    assert_eq!(reason(&hop(&first, Some((WaitReason::Order, Duration::ZERO)))), Some(text("order")));
    assert_eq!(reason(&hop(&first, None)), None);
    let letter = Letter {
        mapping: None,
        id: uuid::Uuid::nil(),
        operation: "createOrder".into(),
        error_type: String::new(),
        code: String::new(),
        class: String::new(),
        message: String::new(),
        suggested_action: String::new(),
        order: None,
        attempts: 1,
        first_failed_at: jiff::Timestamp::UNIX_EPOCH,
        dead_lettered_at: jiff::Timestamp::UNIX_EPOCH,
        replays: 0,
        bare: false,
    };
    assert_eq!(reason(&for_letter(&first, &inbound, &letter)), None);
    // nor does a replay take it along
    assert_eq!(reason(&copy(&first, Vec::new(), true)), None);
}

#[test]
fn what_was_moved_stays_over_further_hops() {
    let first = for_hop(&properties(&[]), &inbound(false), &History::default(), None);
    let second = for_hop(&first, &inbound(true), &History::default(), None);
    assert!(names(&second).contains(&"bwp-original-user-id".into()));
}

#[test]
fn forged_headers_of_ours_do_not_travel_on() {
    let original = properties(&[("bwp-replay-id", text("forged")), ("bwp-original-x", text("forged"))]);
    let names = names(&for_hop(&original, &inbound(false), &History::default(), None));
    assert!(!names.contains(&"bwp-replay-id".into()) && !names.contains(&"bwp-original-x".into()));
}

#[test]
fn the_largest_headers_are_cut_and_named() {
    let original = properties(&[("big", text_of(15_000)), ("bigger", text_of(120_000)), ("small", text("s"))]);
    let copy = for_hop(&original, &inbound(false), &History::default(), None);
    let names = names(&copy);
    assert!(names.contains(&"big".into()) && names.contains(&"small".into()) && !names.contains(&"bigger".into()));
    let table = copy.headers().clone().unwrap();
    assert_eq!(table.inner().get(own::HEADERS_CUT), Some(&text("bigger")));
    assert!(encoded_size(&AMQPValue::FieldTable(table)) < SMALL_FRAME as usize);
}

fn text_of(bytes: usize) -> AMQPValue {
    AMQPValue::LongString("h".repeat(bytes).into())
}

#[test]
fn our_own_texts_are_cut_at_a_characters_border() {
    let AMQPValue::LongString(cut) = text(&"ä".repeat(5000)) else { panic!("not a text") };
    assert!(cut.len() <= MAX_TEXT_BYTES && std::str::from_utf8(cut.as_bytes()).is_ok());
}
