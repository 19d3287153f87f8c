//! Refused messages, and the texts of their refusals.
//!
//! Not here: texts that a refusal must not repeat (see `privacy`).

use bwp_sync::domain::command::{Command, order_key};
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::rejection::{Rejection, RejectionCode};
use bwp_sync::domain::rule::Rule;
use serde_json::{Value, json};

use crate::support::{changed, checked, command, fixture, open, samples};

const SAMPLE: &str = "create-merchant-fulfilled";

fn refusal(change: impl FnOnce(&mut Value)) -> String {
    let rejection = command(&changed(SAMPLE, change)).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::InvalidMessage);
    rejection.message
}

/// The refusal of a message with this value at a JSON pointer below `data`.
fn refusal_of(pointer: &str, value: Value) -> String {
    refusal(|message| *message["data"].pointer_mut(pointer).unwrap() = value)
}

/// The refusal of a message without this field in the object at a JSON pointer below `data`.
fn refusal_without(pointer: &str, field: &str) -> String {
    refusal(|message| {
        let object = message["data"].pointer_mut(pointer).unwrap().as_object_mut().unwrap();
        assert!(object.remove(field).is_some());
    })
}

#[test]
fn a_broken_sample_is_refused_for_what_is_broken() {
    let said: Vec<(String, Rejection)> = (samples("broken-").into_iter())
        .map(|name| {
            let command = command(&fixture("messages", &name));
            let rejection = command.and_then(|command| checked(&command)).unwrap_err();
            (name, rejection)
        })
        .collect();
    let expect = |code, message: &str| Rejection { code, message: message.into() };
    let invalid = |message| expect(RejectionCode::InvalidMessage, message);
    let expected = [
        ("broken-decimal-comma", invalid("lines[0].unitPrice: expected a decimal, got \"12,50\"")),
        ("broken-missing-field", invalid("lines[0].quantity: missing")),
        (
            "broken-negative-quantity",
            invalid("lines[0].quantity: expected a whole number from 1 to 2147483647, got -1"),
        ),
        (
            "broken-six-aliases",
            expect(RejectionCode::Broken(Rule::AliasLimit), "order: expected at most 5 aliases, got 6"),
        ),
        ("broken-wrong-currency", invalid("currency: expected an ISO 4217 code, got \"US$\"")),
    ]
    .map(|(name, rejection)| (name.to_owned(), rejection));
    assert_eq!(said, expected);
}

#[test]
fn a_missing_field_is_named_with_its_path() {
    let missing = [
        ("", "order"),
        ("", "currency"),
        ("", "shopper"),
        ("", "shipTo"),
        ("", "lines"),
        ("", "total"),
        ("/order", "id"),
        ("/order/links/0", "url"),
        ("/shopper", "name"),
        ("/shopper", "email"),
        ("/shopper/identity", "kind"),
        ("/shopper/identity", "value"),
        ("/shopper/identity", "externalId"),
        ("/shipTo", "street"),
        ("/shipTo", "postalCode"),
        ("/lines/0", "product"),
        ("/lines/0", "quantity"),
        ("/lines/1", "delivery"),
        ("/lines/0/delivery", "by"),
        ("/lines/0/delivery", "prime"),
    ];
    for (pointer, field) in missing {
        let path = format!("{pointer}/{field}").trim_start_matches('/').replace('/', ".");
        let path = path.replace(".0", "[0]").replace(".1", "[1]");
        assert_eq!(refusal_without(pointer, field), format!("{path}: missing"));
        assert_eq!(refusal_of(&format!("{pointer}/{field}"), Value::Null), format!("{path}: missing"));
    }
}

#[test]
fn a_value_of_the_wrong_kind_is_named_by_its_kind() {
    for (pointer, value, said) in [
        ("/shipTo/city", json!(5), "shipTo.city: expected a text, got a number"),
        ("/shipTo", json!("Seattle"), "shipTo: expected an object, got a text"),
        ("/shipTo", json!(["John Smith"]), "shipTo: expected an object, got a list"),
        ("/lines", json!({}), "lines: expected a list, got an object"),
        ("/lines", json!([]), "lines: expected at least one line, got none"),
        ("/lines/0", json!(true), "lines[0]: expected an object, got true or false"),
        ("/total", json!([]), "total: expected a decimal, got a list"),
        ("/total", json!({}), "total: expected a decimal, got an object"),
        ("/total", json!(""), "total: expected a decimal, got \"\""),
        ("/total", json!("-0.01"), "total: expected an amount of at least 0, got -0.01"),
        ("/lines/0/quantity", json!(1.5), "lines[0].quantity: expected a whole number from 1 to 2147483647, got 1.5"),
        ("/lines/0/quantity", json!("0"), "lines[0].quantity: expected a whole number from 1 to 2147483647, got 0"),
        ("/lines/0/delivery/prime", json!("yes"), "lines[0].delivery.prime: expected true or false, got a text"),
        (
            "/lines/0/delivery/by",
            json!("drone"),
            "lines[0].delivery.by: expected one of amazon, merchant, got \"drone\"",
        ),
        ("/lines/0/delivery/by", json!(7), "lines[0].delivery.by: expected a text, got a number"),
        ("/lines/0/delivery/by", json!({ "amazon": null }), "lines[0].delivery.by: expected a text, got an object"),
        ("/order/id", json!(" "), "order.id: expected a text, got a blank one"),
        ("/currency", json!("usd"), "currency: expected an ISO 4217 code, got \"usd\""),
    ] {
        assert_eq!(refusal_of(pointer, value), said);
    }
}

#[test]
fn a_product_has_exactly_one_identifier() {
    let product = |value| refusal_of("/lines/0/product", value);
    let expected = "lines[0].product: expected one of productId, sku, externalId, got";
    let nameless = |line: usize| {
        let body = changed(SAMPLE, |message| {
            assert!(message["data"]["lines"][line]["product"].as_object_mut().unwrap().remove("productId").is_some());
        });
        checked(&command(&body).unwrap()).unwrap_err()
    };
    assert_eq!(nameless(0).code, RejectionCode::Broken(Rule::ItemAttributes), "the API has a rule of Prime lines");
    assert_eq!(
        nameless(1),
        Rejection::invalid("lines[1].product", "expected one of productId, sku, externalId, got none")
    );
    assert_eq!(product(json!({ "sku": "S-2", "externalId": "E-2" })), format!("{expected} several"));
}

#[test]
fn a_merchant_cannot_deliver_with_prime() {
    let said = refusal(|message| message["data"]["lines"][1]["delivery"]["prime"] = json!(true));
    assert_eq!(said, "lines[1].delivery: expected a delivery by amazon for prime, got one by merchant");
}

#[test]
fn a_field_that_is_given_twice_is_refused() {
    let sample = String::from_utf8(fixture("messages", SAMPLE)).unwrap();
    let twice = sample.replacen("\"currency\":", "\"currency\": \"EUR\", \"currency\":", 1);
    assert_eq!(command(twice.as_bytes()).unwrap_err().message, "currency: given twice");
}

#[test]
fn more_than_five_links_are_refused_with_the_apis_own_code() {
    let link = json!({ "kind": "EXTERNAL_ORDER_TRACKING", "url": "https://shop.example/t" });
    let with = |count| changed(SAMPLE, |message| message["data"]["order"]["links"] = json!(vec![link.clone(); count]));
    assert_eq!(checked(&command(&with(5)).unwrap()), Ok(()));
    let rejection = checked(&command(&with(6)).unwrap()).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::Broken(Rule::LinkLimit));
}

#[test]
fn an_alias_that_is_given_twice_counts_once() {
    let alias = json!({ "type": "EXTERNAL_ID", "id": "SO-1004" });
    let body = changed(SAMPLE, |message| message["data"]["order"]["aliases"] = json!(vec![alias; 9]));
    let Command::CreateOrder(create) = command(&body).unwrap() else { panic!("not a create") };
    let expected = [Alias::new("EXTERNAL_ID", "SO-1004"), Alias::new("EXTERNAL_DISPLAY_ID", "#1004")];
    assert_eq!(create.aliases, expected);
}

#[test]
fn other_kinds_are_unsupported_by_name() {
    let rejection = command(&changed(SAMPLE, |message| message["type"] = json!("order-cancelled"))).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::UnsupportedMessage);
    assert!(rejection.message.contains("order-cancelled"), "{}", rejection.message);
}

#[test]
fn a_fulfillment_names_its_order() {
    let said = |order: Value| {
        command(&changed("trigger-lwa", |message| message["data"]["order"] = order)).unwrap_err().message
    };
    let neither = "order: expected id or buyWithPrimeId, got neither";
    assert_eq!(said(json!({})), neither);
    assert_eq!(said(json!({ "id": "", "buyWithPrimeId": null })), neither);
    assert_eq!(said(Value::Null), "order: missing");
}

#[test]
fn the_order_is_known_even_where_the_message_is_refused() {
    let key = |data: Value| order_key(&open(&changed(SAMPLE, |message| message["data"] = data)).unwrap());
    assert_eq!(key(json!({ "order": { "id": "SO-1" }, "lines": 5 })), Some("SO-1".into()));
    assert_eq!(key(json!({ "order": { "id": 5, "buyWithPrimeId": "322" } })), Some("322".into()));
    assert_eq!(key(json!({ "order": "SO-1" })), None);
    for name in samples("broken-") {
        let key = order_key(&open(&fixture("messages", &name)).unwrap());
        assert!(key.is_some_and(|key| key.starts_with("SO-10")), "{name}");
    }
}

#[test]
fn an_escape_that_stands_for_no_character_is_refused() {
    let sample = String::from_utf8(fixture("messages", SAMPLE)).unwrap();
    let body = sample.replacen("\"Seattle\"", r#""\ud800""#, 1);
    assert_eq!(command(body.as_bytes()).unwrap_err().message, "shipTo.city: not valid JSON");
}
