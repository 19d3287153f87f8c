//! Choices that change while the simulator runs.
//! Not here: the effect of each on a create (`orders`, `magic`).

use bwp_sync::simulator::{AliasCheck, Behaviour, Conflict, UnknownOrder};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{CREATE, Rig, by_alias, json_of, order, refusal};

/// Longer than any test.
const AN_HOUR: Behaviour = Behaviour {
    conflict: Conflict::AliasValueAlreadyExists,
    alias_check: AliasCheck::First,
    unknown_order: UnknownOrder::Null,
    settle_millis: 3_600_000,
};

#[tokio::test]
async fn it_is_changed_name_by_name_over_http() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let again = async || refusal(&rig.create(&order("SO-1", "sim-ItemOutOfStock")).await).to_owned();
    let change = async |change: Value| rig.control(Method::PATCH, "behaviour", &change).await;
    assert_eq!(again().await, "AliasValueAlreadyExists");

    change(json!({ "conflict": "conflict-error" })).await;
    assert_eq!(again().await, "ConflictError");
    let answer = json_of(change(json!({ "alias-check": "last", "settle-millis": 5 })).await).await;
    assert_eq!(again().await, "ItemOutOfStock");

    let expected = json!({ "conflict": "conflict-error", "alias-check": "last", "unknown-order": "null",
        "settle-millis": 5 });
    assert_eq!(answer, expected);
    for wrong in [json!({ "alias-check": "sometimes" }), json!({ "mood": "bad" })] {
        assert_eq!(change(wrong).await.status(), 400);
    }
    assert_eq!(json_of(rig.control(Method::GET, "behaviour", &json!({})).await).await, expected);
}

#[tokio::test]
async fn an_order_that_has_not_settled_is_created_and_not_seen() {
    let rig = Rig::behaving(AN_HOUR).await;
    assert_eq!(rig.create(&order("SO-1", "P-1")).await.get("errors"), None);
    assert_eq!(rig.read("SO-1").await["data"]["order"], Value::Null);
    assert_eq!(refusal(&rig.create(&order("SO-1", "P-1")).await), "AliasValueAlreadyExists");

    rig.simulator.behave(Behaviour { unknown_order: UnknownOrder::AccessDenied, ..AN_HOUR });
    assert_eq!(refusal(&rig.read("SO-1").await), "AccessDeniedError");
    rig.simulator.behave(Behaviour::default());
    assert_eq!(rig.read("SO-1").await["data"]["order"]["id"], "322-ABC1-AAAAAA");
}

#[tokio::test]
async fn an_update_that_has_not_settled_is_answered_and_not_seen() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    rig.simulator.behave(AN_HOUR);
    let update = "mutation($orderIdentifier: OrderIdentifierInput!, $input: UpdateOrderInput!) {
        updateOrder(orderIdentifier: $orderIdentifier, input: $input) {
            order { metadata { executionState } totalPrice { value { amount } } } } }";
    let input = json!({
        "desiredExecutionState": "STARTED",
        "totalPrice": { "value": { "amount": 20, "currencyCode": "USD" } },
        "aliases": [{ "aliasType": "EXTERNAL_ID", "aliasId": "SO-1b" }],
    });
    let answer = rig.call(update, &json!({ "orderIdentifier": by_alias("SO-1"), "input": input })).await;
    let seen = |order: &Value| {
        (order["metadata"]["executionState"].clone(), order["totalPrice"]["value"]["amount"].to_string())
    };
    assert_eq!(seen(&answer["data"]["updateOrder"]["order"]), (json!("STARTED"), "20".to_owned()));
    assert_eq!(seen(&rig.read("SO-1").await["data"]["order"]), (json!("NOT_STARTED"), "10".to_owned()));
    assert_eq!(rig.read("SO-1b").await["data"]["order"], Value::Null);

    rig.simulator.behave(Behaviour::default());
    for alias in ["SO-1", "SO-1b"] {
        assert_eq!(seen(&rig.read(alias).await["data"]["order"]), (json!("STARTED"), "20".to_owned()));
    }
}

#[tokio::test]
async fn packages_are_moved_and_cancelled_over_http() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let cancel = async |alias: &str| {
        let packages = json!({ "alias": alias, "state": "CANCELLED" });
        rig.control(Method::POST, "packages", &packages).await.status().as_u16()
    };
    assert_eq!((cancel("SO-1").await, cancel("SO-2").await), (204, 404));
    let start = rig.update("SO-1", &json!({ "desiredExecutionState": "STARTED" })).await;
    assert_eq!(refusal(&start), "ExecutionCannotBeStartedDueToCancellation");
    let unknown = json!({ "alias": "SO-1", "state": "LOST" });
    assert_eq!(rig.control(Method::POST, "packages", &unknown).await.status(), 422);
}

#[tokio::test]
async fn the_behaviour_of_the_beginning_is_configured() {
    let rig = Rig::behaving(Behaviour { conflict: Conflict::ConflictError, ..Behaviour::default() }).await;
    assert_eq!(rig.simulator.behaviour().conflict, Conflict::ConflictError);
    let input = json!({ "input": order("SO-1", "P-1") });
    rig.call(CREATE, &input).await;
    assert_eq!(refusal(&rig.call(CREATE, &input).await), "ConflictError");
}
