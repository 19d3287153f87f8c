//! Envelopes of each mode, valid and invalid.
//!
//! Not here: arbitrary bytes; see the tests of the crate.

use super::*;

const EVENT: &str = r#"{"specversion":"1.0","id":"1","source":"/shops/acme","type":"checkout.completed",
    "subject":"SO-1","time":"2026-11-22T15:04:05Z","data":{"order":{}}}"#;

fn message<'a>(body: &'a str, headers: &'a BTreeMap<String, String>) -> RawMessage<'a> {
    RawMessage {
        content_type: None,
        routing_key: "order.amended",
        headers,
        max_unpacked_bytes: 1000,
        ..RawMessage::structured(body.as_bytes())
    }
}

fn headers(attributes: &[(&str, &str)]) -> BTreeMap<String, String> {
    attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[track_caller]
fn assert_is_the_event(raw: &RawMessage<'_>) {
    let envelope = open(raw).unwrap();
    assert_eq!((envelope.id.as_str(), envelope.source.as_str()), ("1", "/shops/acme"));
    assert_eq!((envelope.kind, envelope.subject.as_deref()), (Kind::CheckoutCompleted, Some("SO-1")));
    assert_eq!(envelope.time, Some("2026-11-22T15:04:05Z".parse().unwrap()));
    assert_eq!(envelope.data.get(), r#"{"order":{}}"#);
}

#[track_caller]
fn refused(body: &str, code: RejectionCode, said: &str) -> Refused {
    let refused = open(&message(body, &BTreeMap::new())).unwrap_err();
    assert_eq!(refused.rejection, Rejection { code, message: said.to_owned() });
    refused
}

#[test]
fn an_event_in_the_body_is_read_in_structured_mode() {
    let none = BTreeMap::new();
    for content_type in ["application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8"] {
        assert_is_the_event(&RawMessage { content_type: Some(content_type), ..message(EVENT, &none) });
    }
}

#[test]
fn an_event_in_the_body_is_recognised_without_its_content_type() {
    assert_is_the_event(&message(EVENT, &BTreeMap::new()));
    assert_is_the_event(&message(&format!("\u{feff}{EVENT}"), &BTreeMap::new()));
}

/// With its content type an event is opened in one go; without, by its parts.
#[test]
fn an_event_that_is_opened_in_one_go_is_the_one_that_is_opened_by_its_parts() {
    let none = BTreeMap::new();
    let (head, rest) = EVENT.split_once(r#""id""#).unwrap();
    let changed = [
        EVENT.to_owned(),
        format!(" \n{EVENT}\t"),
        format!("\u{feff}{EVENT}"),
        format!(r#"{head}"sequence":7,"extra":[null],"id"{rest}"#),
        format!(r#"{head}"sequence":"","subject":" ","id"{rest}"#),
        format!(r#"{head}"id":"2","id"{rest}"#),
        format!(r#"{head}"id":1,"x"{rest}"#),
        EVENT.replace(r#"{"order":{}}"#, r#""order""#),
        EVENT.replace(r#","data":"#, r#","data_base64":"#),
        EVENT.replace("checkout.completed", "cart.abandoned"),
        EVENT.replace("15:04:05", "25:04:05"),
        EVENT.replace(r#""1.0""#, r#""0.3""#),
    ];
    for body in changed {
        let by_parts = message(&body, &none);
        let in_one_go = RawMessage { content_type: Some("application/cloudevents+json"), ..by_parts };
        assert_eq!(format!("{:?}", open(&in_one_go)), format!("{:?}", open(&by_parts)), "{body}");
    }
    let list = r#"["1.0","1","/shops/acme","checkout-completed",null,null,null,{}]"#;
    for (body, said) in [
        (list, "expected an object"),
        (&format!("\u{a0}{EVENT}"), "not JSON at line 1 "),
        (&format!("{EVENT} x"), "not JSON at line 2 "),
    ] {
        let raw = RawMessage { content_type: Some("application/cloudevents+json"), ..message(body, &none) };
        let message = open(&raw).unwrap_err().rejection.message;
        assert!(message.starts_with(&format!("body: {said}")), "{message}");
    }
}

#[test]
fn an_event_in_the_headers_is_read_in_binary_mode() {
    for prefix in ["cloudEvents:", "cloudEvents_"] {
        let name = |attribute: &str| format!("{prefix}{attribute}");
        let headers = headers(&[
            (&name("specversion"), "1.0"),
            (&name("id"), "1"),
            (&name("source"), "/shops/acme"),
            (&name("type"), "checkout-completed"),
            (&name("subject"), "SO-1"),
            (&name("time"), "2026-11-22T15:04:05Z"),
        ]);
        let raw = message(r#" {"order":{}} "#, &headers);
        assert_is_the_event(&RawMessage { content_type: Some("application/json"), ..raw });
    }
}

#[test]
fn a_bare_message_is_described_by_its_properties() {
    let none = BTreeMap::new();
    let raw = RawMessage { timestamp: Some(1), ..message("{}", &none) };
    let envelope = open(&raw).unwrap();
    assert_eq!(envelope.id, outcome::made_id("order.amended", Some(1), b"{}").to_string());
    assert!(!envelope.has_own_id);
    assert_eq!((envelope.source.as_str(), envelope.kind), ("/shop", Kind::OrderAmended));
    assert_eq!(envelope.time, Some(Timestamp::from_second(1).unwrap()));

    let raw = RawMessage { message_id: Some("m-1"), message_type: Some("refund-updated"), ..raw };
    let envelope = open(&raw).unwrap();
    assert_eq!((envelope.id.as_str(), envelope.kind), ("m-1", Kind::RefundUpdated));
    assert!(envelope.has_own_id);
}

#[test]
fn a_bare_message_without_an_id_gets_one_by_type_timestamp_and_body() {
    let none = BTreeMap::new();
    let id = |raw: &RawMessage<'_>| open(raw).unwrap().id;
    let one = RawMessage { timestamp: Some(1), ..message("{}", &none) };
    let by_type = RawMessage { message_type: Some("order.amended"), routing_key: "any", ..one };
    assert_eq!(id(&one), id(&by_type), "the routing key stands for the type");
    for (other, what) in [
        (RawMessage { timestamp: Some(2), ..one }, "timestamp"),
        (RawMessage { timestamp: None, ..one }, "no timestamp"),
        (RawMessage { message_type: Some("refund-updated"), ..one }, "type"),
        (RawMessage { body: b"{ }", ..one }, "body"),
    ] {
        assert_ne!(id(&one), id(&other), "{what}");
    }
    let blank = RawMessage { message_id: Some(" "), ..one };
    assert_eq!((id(&blank), open(&blank).unwrap().has_own_id), (id(&one), false));
}

#[test]
fn a_sequence_in_the_body_is_a_text_or_a_whole_number() {
    let none = BTreeMap::new();
    for (written, read) in [
        (r#""0007""#, Some("0007")),
        (r#""2026-11-22/7""#, Some("2026-11-22/7")),
        ("7", Some("7")),
        ("123456789012345678901234567890", Some("123456789012345678901234567890")),
        (r#"" ""#, None),
        (r#""\ud800""#, None),
        ("-7", None),
        ("7.5", None),
        ("7e2", None),
        ("null", None),
        ("true", None),
        ("[7]", None),
        (r#"{"n":7}"#, None),
    ] {
        let body = EVENT.replacen(r#""id":"1""#, &format!(r#""id":"1","sequence":{written}"#), 1);
        let envelope = open(&message(&body, &none)).unwrap();
        assert_eq!(envelope.sequence.as_deref(), read, "{written}");
        assert!(envelope.has_own_id);
    }
    assert_eq!(open(&message(EVENT, &none)).unwrap().sequence, None);
}

#[test]
fn a_sequence_in_the_headers_counts_in_binary_mode_alone() {
    let event = [("cloudEvents:specversion", "1.0"), ("cloudEvents:id", "1"), ("cloudEvents:source", "/shops/acme")];
    for (prefix, written, read) in
        [("cloudEvents:", "7", Some("7")), ("cloudEvents_", "0007", Some("0007")), ("cloudEvents:", " ", None)]
    {
        let (name, kind) = (format!("{prefix}sequence"), ("cloudEvents:type", "order-amended"));
        let headers = headers(&[&event[..], &[kind, (name.as_str(), written)]].concat());
        let envelope = open(&message("{}", &headers)).unwrap();
        assert_eq!((envelope.sequence.as_deref(), envelope.has_own_id), (read, true), "{name}");
    }
    let bare = headers(&[("cloudEvents:sequence", "7")]);
    assert_eq!(open(&message(r#"{"sequence":"7"}"#, &bare)).unwrap().sequence, None);
}

#[test]
fn a_body_that_is_no_message_is_refused_with_the_reason() {
    for (body, said) in [
        ("", "body: empty"),
        (" \n", "body: empty"),
        ("{\"order\":", "body: not JSON at line 1 column 9"),
        ("[]", "body: expected an object"),
    ] {
        let refused = refused(body, RejectionCode::InvalidMessage, said);
        assert_eq!(refused.id, outcome::made_id("order.amended", None, body.as_bytes()).to_string());
        assert_eq!(refused.type_name.as_deref(), Some("order.amended"));
    }
}

#[test]
fn an_attribute_that_is_missing_or_wrong_is_named_and_the_others_are_known() {
    for (was, is, said) in [
        (r#""specversion":"1.0""#, r#""specversion":"0.3""#, "specversion: expected 1.0"),
        (r#""id":"1","#, "", "id: missing"),
        (r#""id":"1""#, r#""id":1"#, "id: expected a text, got a number"),
        (r#""source":"/shops/acme","#, "", "source: missing"),
        (r#""type":"checkout.completed","#, "", "type: missing"),
        ("2026-11-22T", "22.11.2026 ", "time: expected an RFC 3339 time"),
        (r#"{"order":{}}"#, "null", "data: missing"),
        (r#"{"order":{}}"#, "[]", "data: expected an object"),
    ] {
        let refused = refused(&EVENT.replacen(was, is, 1), RejectionCode::InvalidMessage, said);
        assert_eq!(refused.order.as_deref(), Some("SO-1"), "{said}");
    }
}

#[test]
fn another_type_is_unsupported_and_known_by_name() {
    let said = "type: expected one of checkout-completed, fulfillment-triggered, order-amended, refund-updated, \
                got \"cart.abandoned\"";
    let body = EVENT.replace("checkout.completed", "cart.abandoned");
    let refused = refused(&body, RejectionCode::UnsupportedMessage, said);
    assert_eq!(refused.type_name.as_deref(), Some("cart.abandoned"));
    assert_eq!((refused.id.as_str(), refused.source.as_str()), ("1", "/shops/acme"));
}

#[test]
fn a_batch_of_events_is_refused() {
    let none = BTreeMap::new();
    let raw = RawMessage { content_type: Some("application/cloudevents-batch+json"), ..message("[]", &none) };
    assert_eq!(open(&raw).unwrap_err().rejection.code, RejectionCode::InvalidMessage);
}
