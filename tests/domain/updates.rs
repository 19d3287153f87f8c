//! Commands of amendments, refunds and fulfillments, and refusals of invalid ones.
//!
//! Not here: the part that the order shows already (see `left`), rules of the API (see `rules`).

use bwp_sync::domain::command::{AmendOrder, Command, UpdateRefunds};
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::input::{DesiredExecutionState, RefundsInput};
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::refunds_left::left_of;
use bwp_sync::domain::rejection::RejectionCode;
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::stored::{StoredLine, StoredOrder};
use bwp_sync::domain::transform::command_for;
use serde_json::{Value, json};

use crate::samples::assert_input;
use crate::support::{changed, command, fixture, open, samples};

const AMENDMENT: &str = "amend-everything";
const REFUND: &str = "refund-external";

fn amend(name: &str) -> AmendOrder {
    let Command::AmendOrder(amend) = command(&fixture("messages", name)).unwrap() else { panic!("{name}") };
    amend
}

fn update_refunds(body: &[u8]) -> UpdateRefunds {
    let Command::UpdateRefunds(update) = command(body).unwrap() else { panic!("not a refund") };
    update
}

#[test]
fn every_amendment_becomes_its_input_value_for_value() {
    let names = samples("amend-");
    assert_eq!(names, ["amend-everything", "amend-order-level"]);
    names.iter().for_each(|name| assert_input(name, &amend(name).input));
}

#[test]
fn an_amendment_names_its_order_by_either_id() {
    let by_shop = OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", "SO-1001"));
    assert_eq!(amend("amend-everything").identifier, by_shop);
    let by_buy_with_prime = OrderIdentifier::OrderId("example-order-id".into());
    assert_eq!(amend("amend-order-level").identifier, by_buy_with_prime);
}

#[test]
fn a_refund_of_which_the_order_shows_nothing_becomes_its_input_value_for_value() {
    let update = update_refunds(&fixture("messages", REFUND));
    assert_eq!(update.identifier, OrderIdentifier::Alias(Alias::new("EXTERNAL_ID", "SO-1005")));
    let line = StoredLine {
        id: Some("example-line-item-id".into()),
        aliases: Some(vec![Alias::new("EXTERNAL_ITEM_ID", "external-line-item-id")]),
        ..StoredLine::default()
    };
    let order = StoredOrder { lines: Some(vec![line]), refunds: Some(Vec::new()), ..StoredOrder::default() };
    let left = left_of(&update, &order, "EXTERNAL_ITEM_ID", &Rules::default()).unwrap();
    assert_input(REFUND, &RefundsInput { details: left.details });
}

#[test]
fn a_refund_with_both_ids_is_known_by_the_one_that_buy_with_prime_gave() {
    let body = changed(REFUND, |message| message["data"]["refunds"][0]["id"] = json!("its-id"));
    let refund = update_refunds(&body).refunds.remove(0);
    assert_eq!((refund.id.as_deref(), refund.alias), (Some("its-id"), None));
}

#[test]
fn fulfillment_starts_with_the_order_where_the_setting_or_the_message_says_so() {
    for (setting, message, starts) in [
        (false, Value::Null, false),
        (true, Value::Null, true),
        (false, json!(true), true),
        (true, json!(false), false),
    ] {
        let body = changed("create-lwa", |checkout| checkout["data"]["startFulfillment"] = message.clone());
        let conventions = Conventions { start_with_order: setting, ..Conventions::default() };
        let Ok(Command::CreateOrder(create)) = command_for(&open(&body).unwrap(), &conventions) else { panic!() };
        let expected = starts.then_some(DesiredExecutionState::Started);
        assert_eq!(create.input.desired_execution_state, expected, "setting {setting}, message {message}");
    }
}

/// The refusal of this sample with this value at a JSON pointer below `data`.
fn refusal_of(sample: &str, pointer: &str, value: &Value) -> String {
    let body = changed(sample, |message| {
        let (parent, field) = pointer.rsplit_once('/').unwrap();
        let parent = message["data"].pointer_mut(parent).unwrap();
        match (field.parse::<usize>(), value) {
            (Ok(index), value) => parent[index] = value.clone(),
            (Err(_), value) => parent[field] = value.clone(),
        }
    });
    let rejection = command(&body).map(|command| format!("{command:?}")).unwrap_err();
    assert_eq!(rejection.code, RejectionCode::InvalidMessage, "{pointer}");
    rejection.message
}

#[test]
fn what_is_wrong_in_an_amendment_is_named_with_its_path() {
    for (pointer, value, said) in [
        ("/order", Value::Null, "order: missing"),
        ("/order", json!({}), "order: expected id or buyWithPrimeId, got neither"),
        ("/currency", json!("US$"), "currency: expected an ISO 4217 code, got \"US$\""),
        ("/total", json!("12,50"), "total: expected a decimal, got \"12,50\""),
        ("/tax", json!(-1), "tax: expected an amount of at least 0, got -1"),
        ("/shipTo", json!("Seattle"), "shipTo: expected an object, got a text"),
        ("/shipTo/city", Value::Null, "shipTo.city: missing"),
        ("/addAliases", json!({}), "addAliases: expected a list, got an object"),
        ("/addAliases/0", json!({ "type": "ERP_ID" }), "addAliases[0].id: missing"),
        ("/addAliases/0/id", json!(" "), "addAliases[0].id: expected a text, got a blank one"),
        ("/addLinks/0/url", json!(5), "addLinks[0].url: expected a text, got a number"),
    ] {
        assert_eq!(refusal_of(AMENDMENT, pointer, &value), said, "{pointer}");
    }
    let said = refusal_of(AMENDMENT, "/addLinks/0/kind", &json!("BLOG"));
    assert!(said.starts_with("addLinks[0].kind: expected one of EXTERNAL_ORDER_MANAGEMENT"), "{said}");
}

#[test]
fn an_amendment_of_nothing_or_without_a_currency_is_refused() {
    let said = |data: Value| command(&changed(AMENDMENT, |message| message["data"] = data)).unwrap_err().message;
    let nothing = json!({ "order": { "id": "SO-1" }, "currency": "USD", "total": null, "addLinks": [] });
    assert_eq!(said(nothing), "data: expected one of total, tax, shipTo, addAliases, addLinks, got none");
    let no_currency = json!({ "order": { "id": "SO-1" }, "total": "1.00" });
    assert_eq!(said(no_currency), "currency: missing");
}

#[test]
fn what_is_wrong_in_a_refund_is_named_with_its_path() {
    let payment = json!({ "id": "pay-1", "amount": "1.00", "label": "Visa ending in 1234" });
    let twice = json!([payment, payment]);
    for (pointer, value, said) in [
        ("/order", json!({}), "order: expected id or buyWithPrimeId, got neither"),
        ("/currency", Value::Null, "currency: missing"),
        ("/refunds", Value::Null, "refunds: missing"),
        ("/refunds", json!([]), "refunds: expected at least one refund, got none"),
        ("/refunds/0", json!("R-1"), "refunds[0]: expected an object, got a text"),
        ("/refunds/0/total", Value::Null, "refunds[0].total: missing"),
        ("/refunds/0/total", json!("ten"), "refunds[0].total: expected a decimal, got a text"),
        ("/refunds/0/state", Value::Null, "refunds[0].state: missing"),
        ("/refunds/0/payments", twice, "refunds[0].payments: expected each payment id once, got one twice"),
        ("/refunds/0/payments/0/id", Value::Null, "refunds[0].payments[0].id: missing"),
        ("/refunds/0/payments/0/amount", json!([]), "refunds[0].payments[0].amount: expected a decimal, got a list"),
        ("/refunds/0/payments/0/label", json!(""), "refunds[0].payments[0].label: expected a text, got a blank one"),
        ("/refunds/0/lines/0", json!({}), "refunds[0].lines[0]: expected lineId or lineItemId, got neither"),
        (
            "/refunds/0/lines/0/quantity",
            json!(0),
            "refunds[0].lines[0].quantity: expected a whole number from 1 to 2147483647, got 0",
        ),
    ] {
        assert_eq!(refusal_of(REFUND, pointer, &value), said, "{pointer}");
    }
    for (pointer, word) in [("/refunds/0/state", "PAID"), ("/refunds/0/payments/0/state", "DONE")] {
        let said = refusal_of(REFUND, pointer, &json!(word));
        assert!(said.contains("state: expected one of ") && said.ends_with(&format!("got \"{word}\"")), "{said}");
    }
}
