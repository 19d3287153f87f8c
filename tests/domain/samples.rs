//! Every example of the `createOrder` reference and of the page on updates, as a message.
//!
//! Not here: refused messages.

use bwp_sync::domain::command::{Command, CreateOrder, StartFulfillment};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::order::{Alias, AliasTypes, OrderIdentifier};
use bwp_sync::domain::transform::command_for;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{changed, checked, command, fixture, open, samples};

fn create(name: &str) -> CreateOrder {
    match command(&fixture("messages", name)).unwrap() {
        Command::CreateOrder(create) => *create,
        other => panic!("{name}: {other:?}"),
    }
}

fn trigger(name: &str) -> StartFulfillment {
    match command(&fixture("messages", name)).unwrap() {
        Command::StartFulfillment(start) => start,
        other => panic!("{name}: {other:?}"),
    }
}

/// The first difference of two JSON values. Numbers are compared as decimals, objects without regard to the order of
/// their keys.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    match (ours, theirs) {
        (Value::Number(a), Value::Number(b)) => {
            let [a, b] = [a, b].map(|n| Decimal::from_str_exact(n.as_str()).unwrap());
            (a != b).then(|| format!("{path}: {a} is not {b}"))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            a.iter().zip(b).enumerate().find_map(|(i, (a, b))| difference(&format!("{path}[{i}]"), a, b))
        }
        (Value::Object(a), Value::Object(b)) if a.keys().eq(b.keys()) => {
            a.iter().find_map(|(key, a)| difference(&format!("{path}.{key}"), a, &b[key]))
        }
        (a, b) => (a != b).then(|| format!("{path}: {a} is not {b}")),
    }
}

pub(crate) fn assert_input(name: &str, input: &impl serde::Serialize) {
    // through bytes, like the input of a call
    let ours: Value = serde_json::from_slice(&serde_json::to_vec(input).unwrap()).unwrap();
    let theirs: Value = serde_json::from_slice(&fixture("inputs", name)).unwrap();
    assert_eq!(difference(name, &ours, &theirs), None);
    assert!(!ours.to_string().contains("null"), "{name}: {ours}");
}

#[test]
fn every_example_of_the_reference_becomes_its_input_value_for_value() {
    let names = samples("create-");
    assert_eq!(names.len(), 8, "one for each example");
    for name in names {
        assert_input(&name, &create(&name).input);
    }
}

#[test]
fn everything_that_a_checkout_can_say_reaches_the_input_digit_for_digit() {
    let name = "full-checkout";
    let input = create(name).input;
    assert_input(name, &input);
    let sent = serde_json::to_string(&input).unwrap();
    for amount in ["99999999999999999.99", "10.00", "1.020", "0.00"] {
        assert!(sent.contains(&format!(r#""amount":{amount},"#)), "{amount}");
    }
}

#[test]
fn a_single_payment_is_the_summary() {
    let body = changed("full-checkout", |message| {
        message["data"]["payments"].as_array_mut().unwrap().truncate(1);
    });
    let Command::CreateOrder(create) = command(&body).unwrap() else { panic!("not a create") };
    let expected = json!({ "summary": {
        "amount": { "amount": 30.00, "currencyCode": "USD" },
        "paymentMethodDisplayString": "Visa ending in 1234",
        "state": "CAPTURED",
    } });
    let payments = serde_json::to_value(create.input.payments).unwrap();
    assert_eq!(difference("payments", &payments, &expected), None);
}

#[test]
fn aliases_are_of_the_types_that_the_settings_name() {
    let aliases = AliasTypes {
        order: "ORDER".into(),
        order_display: "ORDER_SHOWN".into(),
        line: "LINE".into(),
        line_display: "LINE_SHOWN".into(),
        refund: "REFUND".into(),
    };
    let types = Conventions { aliases, ..Conventions::default() };
    let envelope = open(&fixture("messages", "create-external-order-details")).unwrap();
    let Command::CreateOrder(create) = command_for(&envelope, &types).unwrap() else { panic!("not a create") };
    assert_eq!(create.aliases, [Alias::new("ORDER", "SO-1005"), Alias::new("ORDER_SHOWN", "#1005")]);
    let line: Vec<&str> = create.input.line_items[0].aliases.iter().map(|alias| alias.alias_type.as_str()).collect();
    assert_eq!(line, ["LINE", "LINE_SHOWN"]);

    let envelope = open(&fixture("messages", "trigger-lwa")).unwrap();
    let Command::StartFulfillment(start) = command_for(&envelope, &types).unwrap() else { panic!("not a start") };
    assert_eq!(start.identifier, OrderIdentifier::Alias(Alias::new("ORDER", "SO-1007")));
}

#[test]
fn every_create_is_within_the_rules_and_looked_for_by_its_order_id_first() {
    for name in samples("create-") {
        let create = create(&name);
        assert_eq!(create.aliases.first(), Some(&Alias::new("EXTERNAL_ID", &create.order_id)), "{name}");
        let [mut looked_for, mut sent] = [create.aliases.clone(), create.input.aliases.clone()];
        looked_for.sort();
        sent.sort();
        assert_eq!(looked_for, sent, "{name}");
        assert_eq!(checked(&Command::CreateOrder(Box::new(create))), Ok(()), "{name}");
    }
}

#[test]
fn every_order_of_the_reference_can_be_sent_out_by_the_shops_id() {
    for name in samples("create-") {
        let order_id = create(&name).order_id;
        let name = name.replacen("create-", "trigger-", 1);
        let start = trigger(&name);
        assert_input(&name, &start.input);
        assert_eq!(start.order.id.as_deref(), Some(order_id.as_str()), "{name}");
        assert_eq!(start.identifier, OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", order_id)), "{name}");
    }
}

#[test]
fn an_order_can_be_sent_out_by_the_id_that_buy_with_prime_gave() {
    let name = "trigger-by-buy-with-prime-id";
    let start = trigger(name);
    assert_input(name, &start.input);
    assert_eq!(start.identifier, OrderIdentifier::OrderId("example-order-id".into()));
}

#[test]
fn messages_that_the_api_is_to_refuse_are_in_order_themselves() {
    for name in samples("fail-") {
        assert!(command(&fixture("messages", &name)).is_ok(), "{name}");
    }
}
