//! The shop's messages, made from the fixtures, and what is read of the answers.
//! Not here: publishing them.

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::AMQPValue;
use serde_json::{Value, json};

const CHECKOUT: &str = include_str!("../fixtures/messages/create-minimum-fulfillable.json");
const FULFILLMENT: &str = include_str!("../fixtures/messages/trigger-minimum-fulfillable.json");
const AMENDMENT: &str = include_str!("../fixtures/messages/amend-everything.json");
const REFUND: &str = include_str!("../fixtures/messages/refund-external.json");

/// A message as a shop publishes it to `shop.events`.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) key: String,
    pub(crate) properties: BasicProperties,
    pub(crate) body: Vec<u8>,
}

/// A whole event in the body.
pub(crate) fn structured(event: &Value) -> Message {
    let properties = BasicProperties::default()
        .with_content_type("application/cloudevents+json".into())
        .with_message_id(event["id"].as_str().expect("an event has an id").into())
        .with_delivery_mode(2);
    let key = event["type"].as_str().expect("an event has a type").to_owned();
    Message { key, properties, body: event.to_string().into_bytes() }
}

/// A message whose body is written as no program here would write it.
pub(crate) fn untidy(message: Message) -> Message {
    let event: Value = serde_json::from_slice(&message.body).expect("a message is JSON");
    Message { body: format!("\n{event:#}\n ").into_bytes(), ..message }
}

/// The event of a good checkout.
pub(crate) fn checkout_event(order: &str) -> Value {
    about(CHECKOUT, order, "checkout")
}

/// A good checkout.
pub(crate) fn checkout(order: &str) -> Message {
    structured(&checkout_event(order))
}

/// A checkout of a product; `sim-…` asks the simulator for a fault.
pub(crate) fn checkout_of(order: &str, product: &str) -> Message {
    let mut event = checkout_event(order);
    event["data"]["lines"][0]["product"]["productId"] = json!(product);
    structured(&event)
}

/// Fulfillment of an order is to start.
pub(crate) fn fulfillment(order: &str) -> Message {
    structured(&about(FULFILLMENT, order, "fulfillment"))
}

/// The total of an order is another.
pub(crate) fn amendment(order: &str, total: &str) -> Message {
    let mut event = about(AMENDMENT, order, &format!("amendment to {total}"));
    event["data"] = json!({ "order": { "id": order }, "currency": "USD", "total": total });
    structured(&event)
}

/// A shop's words about the order of its amendments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Told {
    /// Nothing: only the order of publication tells which one is the last.
    Nothing,
    /// When each happened.
    Time,
    /// Its time, and its place among all.
    TimeAndSequence,
}

/// An amendment by its number, from 1 on: total, street and id are made of it.
pub(crate) fn numbered(order: &str, number: u32, told: Told) -> Message {
    let mut event = about(AMENDMENT, order, &format!("amendment {number}"));
    let mut ship_to = event["data"]["shipTo"].take();
    ship_to["street"] = json!(street(number));
    event["data"] =
        json!({ "order": { "id": order }, "currency": "USD", "total": format!("{number}.00"), "shipTo": ship_to });
    let event = event.as_object_mut().expect("an event is an object");
    event.remove("time");
    if told != Told::Nothing {
        event.insert("time".into(), json!(format!("2026-11-22T15:{:02}:{:02}Z", number / 60, number % 60)));
    }
    if told == Told::TimeAndSequence {
        event.insert("sequence".into(), json!(format!("{number:08}")));
    }
    structured(&Value::Object(event.clone()))
}

/// The street to which the amendment of this number moves its order.
pub(crate) fn street(number: u32) -> String {
    format!("{number} Boren Ave N")
}

/// An amendment as a shop publishes it that knows nothing of events: the data alone, without a message id.
pub(crate) fn bare_amendment(order: &str, total: &str) -> Message {
    let data = json!({ "order": { "id": order }, "currency": "USD", "total": total });
    let properties = BasicProperties::default().with_delivery_mode(2);
    Message { key: "order-amended".to_owned(), properties, body: data.to_string().into_bytes() }
}

/// This message about an order that is named by Buy with Prime's id alone, under an id of its own.
pub(crate) fn by_buy_with_prime_id(message: &Message, buy_with_prime_id: &str) -> Message {
    let mut event: Value = serde_json::from_slice(&message.body).expect("a message is JSON");
    event["data"]["order"] = json!({ "buyWithPrimeId": buy_with_prime_id });
    event["id"] = json!(format!("{}, by its other name", event["id"].as_str().expect("an event has an id")));
    structured(&event)
}

/// A refund with one payment, which the shop opened.
pub(crate) fn refund(order: &str, payment: &str) -> Message {
    let mut event = about(REFUND, order, &format!("refund {payment}"));
    let refund = &mut event["data"]["refunds"][0];
    refund["externalId"] = json!(format!("refund of {order}"));
    refund["payments"][0]["id"] = json!(payment);
    refund["lines"] = json!([]);
    structured(&event)
}

fn about(fixture: &str, order: &str, what: &str) -> Value {
    let mut event: Value = serde_json::from_str(fixture).expect("a fixture is JSON");
    let its_own = event["subject"].as_str().expect("a fixture has a subject").to_owned();
    event = serde_json::from_str(&event.to_string().replace(&its_own, order)).expect("an id is no syntax");
    event["id"] = json!(format!("{what} of {order}"));
    event
}

/// The body as JSON.
pub(crate) fn json(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.data).expect("a result is JSON")
}

/// Id of the message that a result is about.
pub(crate) fn cause(result: &Delivery) -> String {
    json(result)["data"]["causationId"].as_str().unwrap_or_default().to_owned()
}

/// A header as text.
pub(crate) fn header(delivery: &Delivery, name: &str) -> Option<String> {
    match delivery.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => Some(text.to_string()),
        AMQPValue::LongUInt(number) => Some(number.to_string()),
        AMQPValue::LongInt(number) => Some(number.to_string()),
        AMQPValue::LongLongInt(number) => Some(number.to_string()),
        other => panic!("{name}: expected a text or a number, got {other:?}"),
    }
}

/// Results of the messages: the shop's order id and the outcome, or the code of a failure; sorted.
pub(crate) fn outcomes(results: &[Delivery]) -> Vec<(String, String)> {
    let mut outcomes: Vec<_> = results.iter().map(outcome).collect();
    outcomes.sort();
    outcomes
}

fn outcome(result: &Delivery) -> (String, String) {
    let result = json(result);
    let data = &result["data"];
    let outcome = data["outcome"].as_str().or(data["failure"]["code"].as_str()).expect("a result has an outcome");
    (result["subject"].as_str().unwrap_or_default().to_owned(), outcome.to_owned())
}
