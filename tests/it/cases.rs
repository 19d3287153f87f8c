//! Messages as other systems send them, by the kinds of fault that they stand for: what becomes of each. All people and
//! orders are made up.
//! Not here: letters of the broker itself (`tests/dead_letters`).

use std::collections::BTreeSet;
use std::path::PathBuf;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bwp_sync::api::ApiVersion;
use bwp_sync::broker::session::inbound::{Circumstances, inbound};
use bwp_sync::domain::command::Command;
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{RawMessage, open};
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::refunds_left::{Obstacle, left_of};
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::stored::{StoredLine, StoredOrder};
use bwp_sync::domain::transform::command_for;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{Config, Operation, Simulator};
use bwp_sync::worker::handle;
use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

use crate::cli::{SETTINGS, bwp_sync};
use crate::output::output;
use crate::scenario::{context, event, plain_checkout};

fn path(name: &str) -> PathBuf {
    format!("{}/tests/fixtures/cases/{name}.json", env!("CARGO_MANIFEST_DIR")).into()
}

fn body(name: &str) -> Vec<u8> {
    std::fs::read(path(name)).unwrap()
}

fn json(name: &str) -> Value {
    serde_json::from_slice(&body(name)).unwrap()
}

/// A message whose whole body is the file.
fn structured(name: &str) -> Inbound {
    Inbound { body: body(name), routing_key: "shop.message".into(), ..Inbound::default() }
}

/// A delivery as the file describes it.
fn delivered(name: &str) -> Inbound {
    let described = json(name);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let body = match described.get("body_base64") {
        Some(packed) => BASE64_STANDARD.decode(text(packed)).unwrap(),
        None => serde_json::to_vec(&described["body"]).unwrap(),
    };
    let mut headers = FieldTable::default();
    for (name, value) in described["headers"].as_object().into_iter().flatten() {
        let value = match value.get("amqp").map(|kind| kind.as_str().unwrap()) {
            None => AMQPValue::LongString(text(value).into()),
            Some("timestamp") => AMQPValue::Timestamp(value["value"].as_u64().unwrap()),
            Some(other) => panic!("{other} is not expected"),
        };
        headers.insert(name.as_str().into(), value);
    }
    let mut properties = BasicProperties::default().with_headers(headers);
    for (name, value) in described["properties"].as_object().unwrap() {
        properties = match name.as_str() {
            "content_type" => properties.with_content_type(text(value).into()),
            "content_encoding" => properties.with_content_encoding(text(value).into()),
            "message_id" => properties.with_message_id(text(value).into()),
            "delivery_mode" => properties.with_delivery_mode(2),
            other => panic!("{other} is not expected"),
        };
    }
    let key = text(&described["routing_key"]);
    let mut delivery = Delivery::mock(1, "shop.events".into(), key.as_str().into(), false, body);
    delivery.properties = properties;
    inbound(&delivery, Circumstances::default())
}

/// How each message ends, one after the other: `created`, or code, order and message of its letter.
async fn ends(messages: &[Inbound]) -> Vec<String> {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    let mut ends = Vec::new();
    for message in messages {
        ends.push(match handle(&context, message).await {
            Settlement::Done(result) => result.data.outcome.unwrap().name().to_owned(),
            Settlement::Later(later) => format!("later: {:?}", later.history.last_error),
            Settlement::DeadLetter(letter, _) => {
                format!("{} {}: {}", letter.code, letter.order.unwrap_or_default(), letter.message)
            }
        });
    }
    ends
}

/// The checkout of the fixture with another value at this place of it.
fn checkout_with(pointer: &str, value: Value) -> Inbound {
    let mut message = json("order");
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    message.pointer_mut(parent).unwrap()[field] = value;
    Inbound { body: serde_json::to_vec(&message).unwrap(), ..Inbound::default() }
}

#[tokio::test]
async fn each_message_ends_as_it_should() {
    for (message, end) in [
        (
            structured("quantity-beyond-int"),
            "InvalidMessage Q-1: lines[0].quantity: expected a whole number from 1 to 2147483647, got 4006381333931",
        ),
        (delivered("native-timestamp"), "created"),
        (structured("two-lines-one-id"), "InvalidMessage Q-6: lines[1].id: given twice"),
        (delivered("ce-dash-headers"), "created"),
        (structured("specversion-number"), "InvalidMessage A-15: specversion: expected a text, got a number"),
        (
            structured("unknown-type"),
            "UnsupportedMessage TY: type: expected one of checkout-completed, fulfillment-triggered, order-amended, \
             refund-updated, got \"orders/create\"",
        ),
        (delivered("gzip-body"), "created"),
        (structured("byte-order-mark"), "created"),
        (
            structured("country-name"),
            "InvalidMessage C-name: shipTo.country: expected an ISO 3166-1 alpha-2 code in capitals, got another text",
        ),
        (structured("data-base64"), "InvalidMessage A-10: data_base64: not supported"),
    ] {
        assert_eq!(ends(std::slice::from_ref(&message)).await, [end]);
    }
}

#[tokio::test]
async fn the_causes_of_binary_messages_are_their_own_ids() {
    for (name, id) in [("ce-dash-headers", "H-7"), ("native-timestamp", "H-5")] {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let context = context(&simulator, "sim-secret", ApiVersion::default());
        let Settlement::Done(result) = handle(&context, &delivered(name)).await else { panic!("{name} is not done") };
        assert_eq!(result.data.causation_id, id);
    }
}

#[tokio::test]
async fn a_number_that_graphql_cannot_hold_reaches_no_call_wherever_it_stands() {
    let bundle = serde_json::json!({ "product": { "sku": "SET" }, "quantity": 2_147_483_648_u32 });
    let refund = serde_json::json!({ "order": { "id": "E-1" }, "currency": "USD", "refunds": [{
        "externalId": "R-1", "state": "PENDING", "total": "1", "lines": [{ "lineId": "l1", "quantity": "1e10" }] }] });
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    for (message, place) in [
        (checkout_with("/data/lines/0/quantity", "99999999999999999999999999999999".into()), "lines[0].quantity"),
        (checkout_with("/data/lines/0/bundle", bundle), "lines[0].bundle.quantity"),
        (event("refund", "refund-updated", &refund), "refunds[0].lines[0].quantity"),
    ] {
        let Settlement::DeadLetter(letter, _) = handle(&context, &message).await else { panic!("{place} is taken") };
        let said = format!("{place}: expected a whole number from 1 to 2147483647, got ");
        assert!(letter.code == "InvalidMessage" && letter.message.starts_with(&said), "{letter:?}");
    }
    let calls = [Operation::CreateOrder, Operation::UpdateOrder, Operation::Order];
    assert_eq!(calls.map(|it| simulator.ledger().calls_of(it)), [0, 0, 0]);
}

#[test]
fn a_refund_of_a_line_id_that_two_lines_have_is_refused() {
    let body = body("refund-of-two-lines-one-id");
    let command = command_for(&open(&RawMessage::structured(&body)).unwrap(), &Conventions::default()).unwrap();
    let Command::UpdateRefunds(update) = command else { panic!("not a refund") };
    let line = |id: &str, line_id: &str| StoredLine {
        id: Some(id.into()),
        aliases: Some(vec![Alias::new("EXTERNAL_ITEM_ID", line_id)]),
        ..StoredLine::default()
    };
    let order = |lines| StoredOrder { refunds: Some(Vec::new()), lines: Some(lines), ..StoredOrder::default() };
    let left = |lines| left_of(&update, &order(lines), "EXTERNAL_ITEM_ID", &Rules::default());
    assert!(left(vec![line("1", "l1"), line("2", "l2")]).is_ok());
    let Err(Obstacle::Rejected(rejection)) = left(vec![line("1", "l1"), line("2", "l1")]) else { panic!("is taken") };
    assert_eq!(rejection.message, "refunds[0].lines[0].lineId: several line items of the order have this alias");
}

#[tokio::test]
async fn one_payment_under_two_refunds_is_refused() {
    let order = event("order", "checkout-completed", &plain_checkout("S-2"));
    let (first, again) = (structured("refund-of-payment"), structured("refund-of-payment-again"));
    let refused = "DuplicatePaymentId S-2: refunds[0].payments[0].id: another refund of the order holds this payment";
    assert_eq!(ends(&[order, first.clone(), first, again]).await, ["created", "updated", "unchanged", refused]);

    let mut both = json("refund-of-payment");
    let second = json("refund-of-payment-again")["data"]["refunds"][0].clone();
    both["data"]["refunds"].as_array_mut().unwrap().push(second);
    let both = Inbound { body: serde_json::to_vec(&both).unwrap(), ..Inbound::default() };
    let refused = "DuplicatePaymentId S-2: refunds[1].payments[0].id: refunds[0] has this payment, too";
    assert_eq!(ends(&[both]).await, [refused]);
}

#[tokio::test]
async fn the_advice_tells_an_edited_order_from_another_one() {
    const EDITED: &str = "`order-amended`";
    let changed = |change: fn(&mut Value)| {
        let mut message = json("order");
        change(&mut message["data"]);
        Inbound { body: serde_json::to_vec(&message).unwrap(), ..Inbound::default() }
    };
    let somebody_else = |data: &mut Value| {
        data["lines"][0]["quantity"] = 2.into();
        data["shipTo"]["name"] = "Somebody Else".into();
    };
    let other_lines = |data: &mut Value| {
        data["lines"][0]["product"]["sku"] = "OTHER".into();
        data["lines"][0]["id"] = "another".into();
    };
    let another = |data: &mut Value| {
        data["lines"][0]["product"]["sku"] = "OTHER".into();
        data["lines"][0]["id"] = "another".into();
        data["shipTo"]["name"] = "Somebody Else".into();
    };
    for (message, advice) in [
        (structured("order-edited"), EDITED),
        (changed(somebody_else), EDITED),
        (changed(other_lines), EDITED),
        (changed(another), "send this one under another id"),
    ] {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        let context = context(&simulator, "sim-secret", ApiVersion::default());
        assert!(matches!(handle(&context, &structured("order")).await, Settlement::Done(_)));
        let Settlement::DeadLetter(letter, _) = handle(&context, &message).await else { panic!("{advice}") };
        assert_eq!(letter.code, "AliasBelongsToAnotherOrder");
        assert!(letter.suggested_action.contains(advice), "{}", letter.suggested_action);
    }
}

#[test]
fn a_file_that_the_worker_reads_can_be_published() {
    let nowhere = ("BWP__BROKER__URI", "amqp://guest:guest@127.0.0.1:1/%2f");
    let file = path("byte-order-mark");
    let output = output(bwp_sync(&["publish", file.to_str().unwrap()]).envs(SETTINGS).envs([nowhere]));
    let said = String::from_utf8(output.stderr).unwrap();
    // it got as far as the broker
    assert!(said.contains("cannot reach the broker"), "{said}");
}

#[test]
fn an_address_that_holds_what_ends_a_password_is_refused_with_a_hint() {
    for address in json("environment")["also"]["BWP__BROKER__URI"].as_array().unwrap() {
        let uri = ("BWP__BROKER__URI", address.as_str().unwrap());
        let output = output(bwp_sync(&["run"]).envs(SETTINGS).envs([uri]));
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(64), "{said}");
        let hint = if uri.1.contains('#') { "percent-encoding" } else { "%2f" };
        assert!(said.starts_with("bwp-sync: settings: broker.uri: ") && said.contains(hint), "{said}");
        assert!(!said.contains("p@ss"), "{said}");
    }
}

#[tokio::test]
async fn a_line_end_after_a_secret_of_the_environment_is_not_sent() {
    let secret = json("environment")["BWP__API__CLIENT_SECRET"].as_str().unwrap().to_owned();
    assert!(secret.ends_with('\n'));
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let check = tokio::process::Command::new(env!("CARGO_BIN_EXE_bwp-sync"))
        .args(["check", "--json"])
        .env_clear()
        .envs([("BWP__API__ENDPOINT", simulator.endpoint()), ("BWP__API__TOKEN_ENDPOINT", simulator.token_endpoint())])
        .envs([("BWP__API__CLIENT_ID", "sim-client\r\n"), ("BWP__API__TARGET_ID", "store-1\n")])
        .envs([("BWP__API__CLIENT_SECRET", secret.as_str()), ("BWP__BROKER__URI", "amqp://127.0.0.1:1/%2f\n")])
        .output();
    let output = check.await.unwrap();
    let findings: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"));
    let api = findings.as_array().unwrap().iter().find(|finding| finding["subject"] == "api").unwrap();
    assert!(api["detail"].as_str().unwrap().starts_with("token given"), "{api}");
}

#[test]
fn variables_of_others_that_begin_as_ours_do_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let others = [
        ("BWP_SYNC_SERVICE_HOST", "10.0.0.1"),
        ("BWP_SYNC_PORT", "tcp://10.0.0.1:9464"),
        ("BWP_API_PORT_443_TCP_ADDR", "10.0.0.1"),
        ("BWP_API_SERVICE_PORT", "443"),
        ("BWP_BROKER_PORT", "tcp://10.0.0.1:5672"),
        ("BWP_TEST_SEED", "1"),
    ];
    let file = folder.path().join("none.json");
    let output = output(bwp_sync(&["publish", file.to_str().unwrap()]).envs(SETTINGS).envs(others));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(1) && said.contains("cannot read"), "{said}");
}

#[test]
fn every_fixture_is_used() {
    let (here, elsewhere) = (include_str!("cases.rs"), [("expired", "tests/dead_letters/browse.rs")]);
    let elsewhere = elsewhere.map(|(name, file)| (name, std::fs::read_to_string(file).unwrap()));
    let files = std::fs::read_dir(path("order").parent().unwrap()).unwrap();
    let names: BTreeSet<String> =
        files.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    assert!(names.len() >= 17, "{names:?}");
    for name in names {
        let used = |text: &str| text.contains(&format!("{name:?}")) || text.contains(&format!("/{name}.json"));
        let there = elsewhere.iter().any(|(it, text)| *it == name && used(text));
        assert!(used(here) || there, "{name} is used by no test");
    }
}
