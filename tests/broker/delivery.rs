//! A shop's message arrives at the API, once, in whatever form it was sent.
//! Not here: what cannot be done; see `letters`.

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;

use crate::messages::{Message, checkout, checkout_event, json, outcomes};
use crate::stage::{ORDERS, SOON, Stage};

#[tokio::test]
async fn all_three_forms_of_a_message_make_the_same_order() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let forms = [("structured", checkout("structured")), ("binary", binary("binary")), ("bare", bare("bare"))];
    for (_, message) in &forms {
        stage.publish(message).await;
    }
    results.until(SOON, |seen| seen.len() == forms.len()).await;

    let [structured, binary, bare] = forms.map(|(order, _)| order_of(&stage, order));
    assert_eq!(structured["lineItems"][0]["product"]["title"], "example-product-title");
    assert_eq!(binary, structured);
    assert_eq!(bare, structured);
    assert_eq!(worker.terminated().await, Some(0));
}

/// The attributes in headers, the data in the body.
fn binary(order: &str) -> Message {
    let event = checkout_event(order);
    let mut headers = FieldTable::default();
    for attribute in ["specversion", "id", "source", "type", "subject", "time"] {
        let value = event[attribute].as_str().unwrap();
        headers.insert(format!("cloudEvents:{attribute}").into(), AMQPValue::LongString(value.into()));
    }
    let properties = BasicProperties::default().with_content_type("application/json".into()).with_headers(headers);
    Message { key: "checkout.completed".into(), properties, body: event["data"].to_string().into_bytes() }
}

/// The data alone; the routing key says what it is.
fn bare(order: &str) -> Message {
    let body = checkout_event(order)["data"].to_string().into_bytes();
    Message { key: "checkout.completed".into(), properties: BasicProperties::default(), body }
}

/// An order as the API holds it, without what is each order's own.
fn order_of(stage: &Stage, order: &str) -> Value {
    let view = stage.simulator.order_by_alias("EXTERNAL_ID", order).unwrap();
    let text = view.json.to_string().replace(&view.id, "ID").replace(order, "ORDER");
    let mut json: Value = serde_json::from_str(&text).unwrap();
    for time in ["/metadata/createdAt", "/metadata/updatedAt", "/lineItems/0/createdAt"] {
        json.pointer_mut(time).unwrap().take();
    }
    json
}

#[tokio::test]
async fn a_message_that_comes_five_times_makes_one_order_and_five_results_with_one_id() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    for _ in 0..5 {
        stage.publish(&checkout("SO-1")).await;
    }
    let results = results.until(SOON, |seen| seen.len() == 5).await;
    let outcomes: Vec<_> = outcomes(results).into_iter().map(|(_, outcome)| outcome).collect();
    assert_eq!(outcomes, ["already-existed", "already-existed", "already-existed", "already-existed", "created"]);
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    let first = json(&results[0])["id"].clone();
    for result in results {
        let (id, properties) = (json(result)["id"].take(), &result.properties);
        assert_eq!((&id, properties.message_id().is_some()), (&first, true));
        assert_eq!(properties.delivery_mode(), &Some(2), "a durable queue of the shop's keeps it over a restart");
    }
}

#[tokio::test]
async fn without_a_queue_for_results_messages_are_settled_and_that_is_said_once() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let orders = ["SO-1", "SO-2", "SO-3"];
    for order in orders {
        stage.publish(&checkout(order)).await;
    }
    for order in orders {
        worker.says(&["\"message\":\"done\"", order]).await;
    }
    assert_eq!(stage.simulator.ledger().orders_created(), 3);

    let mut results = stage.results().await;
    stage.publish(&checkout("SO-4")).await;
    results.until(SOON, |seen| !seen.is_empty()).await;
    worker.says(&["results are routed again"]).await;
    assert_eq!(worker.said("no queue is bound for results"), 1);
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}
