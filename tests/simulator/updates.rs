//! Changes and refusals of `updateOrder`.
//! Not here: faults.

use bwp_sync::simulator::{Effect, PackageState};
use serde_json::{Map, Value, json};

use crate::support::{Rig, UPDATE, order, refusal};

fn started() -> Value {
    json!({ "desiredExecutionState": "STARTED" })
}

async fn rig_with_order() -> Rig {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    rig
}

#[tokio::test]
async fn fulfillment_is_triggered_by_order_id() {
    let rig = rig_with_order().await;
    let variables = json!({ "orderIdentifier": { "orderId": "322-ABC1-AAAAAA" }, "input": started() });
    let answer = rig.call(UPDATE, &variables).await;
    assert_eq!(answer, json!({ "data": { "updateOrder": { "order": { "id": "322-ABC1-AAAAAA" } } } }));
    let read = rig.read("SO-1").await;
    assert_eq!(read["data"]["order"]["metadata"]["executionState"], "STARTED");
    assert_eq!(read["data"]["order"]["packageInformation"]["summary"]["state"], "PENDING");
    assert_eq!(rig.simulator.ledger().effects[1], Effect::Started { order: "322-ABC1-AAAAAA".to_owned() });
}

#[tokio::test]
async fn a_second_start_is_accepted_while_nothing_has_left_and_is_noted() {
    let rig = rig_with_order().await;
    for _ in 0..2 {
        assert_eq!(rig.update("SO-1", &started()).await.get("errors"), None);
    }
    assert_eq!(rig.simulator.ledger().starts_of("SO-1"), 2);
    let repeated = Effect::StartRepeated { order: "322-ABC1-AAAAAA".to_owned() };
    assert_eq!(rig.simulator.ledger().effects.last(), Some(&repeated));
}

#[tokio::test]
async fn a_start_is_refused_by_what_the_packages_do() {
    for (state, expected) in [
        (PackageState::InTransit, "ExecutionAlreadyStarted"),
        (PackageState::Delivered, "ExecutionAlreadyStarted"),
        (PackageState::Cancelled, "ExecutionCannotBeStartedDueToCancellation"),
    ] {
        let rig = rig_with_order().await;
        rig.update("SO-1", &started()).await;
        assert!(rig.simulator.set_package_state("SO-1", state));
        assert_eq!(refusal(&rig.update("SO-1", &started()).await), expected);
        assert_eq!(rig.simulator.ledger().starts_of("SO-1"), 1);
    }
}

#[tokio::test]
async fn a_started_order_cannot_be_taken_back() {
    let rig = rig_with_order().await;
    rig.update("SO-1", &started()).await;
    let back = rig.update("SO-1", &json!({ "desiredExecutionState": "NOT_STARTED" })).await;
    assert_eq!(refusal(&back), "InvalidOrderExecutionState");
}

#[tokio::test]
async fn aliases_and_links_are_appended_and_prices_replaced() {
    let rig = rig_with_order().await;
    let input = json!({
        "aliases": [{ "aliasType": "ERP_ID", "aliasId": "77" }],
        "orderLinks": [{ "destinationType": "EXTERNAL_ORDER_TRACKING", "url": "https://shop.example/1" }],
        "totalPrice": { "value": { "amount": "20.00", "currencyCode": "USD" } },
    });
    assert_eq!(rig.update("SO-1", &input).await.get("errors"), None);
    let read = &rig.read("SO-1").await["data"]["order"];
    assert_eq!(read["aliases"].as_array().unwrap().len(), 2);
    assert_eq!(read["orderLinks"][0]["url"], "https://shop.example/1");
    assert_eq!(read["totalPrice"]["value"]["amount"].to_string(), "20.00");
    assert!(rig.simulator.order_by_alias("ERP_ID", "77").is_some());
    let updated = Effect::Updated {
        order: "322-ABC1-AAAAAA".to_owned(),
        fields: ["aliases", "orderLinks", "totalPrice"].map(str::to_owned).to_vec(),
        total: Some("20.00".to_owned()),
    };
    assert_eq!(rig.simulator.ledger().effects.last(), Some(&updated));
}

#[tokio::test]
async fn the_ledger_knows_the_last_total_of_an_order() {
    let rig = rig_with_order().await;
    assert_eq!(rig.simulator.ledger().last_total_of("SO-1"), None);
    for amount in ["20.00", "18.50"] {
        let total = json!({ "totalPrice": { "value": { "amount": amount, "currencyCode": "USD" } } });
        rig.update("SO-1", &total).await;
        rig.update("SO-1", &started()).await;
    }
    assert_eq!(rig.simulator.ledger().last_total_of("SO-1"), Some("18.50"));
    assert_eq!(rig.simulator.ledger().last_total_of("SO-2"), None);
}

#[tokio::test]
async fn the_recipient_is_replaced_and_a_null_clears_nothing() {
    let rig = rig_with_order().await;
    let recipient = json!({ "deliveryAddress": { "streetAddress": "410 Terry Ave", "postalCode": "98109" } });
    let taxes = json!({ "summary": { "collectableTaxAmount": { "amount": 1.2, "currencyCode": "USD" } } });
    assert_eq!(rig.update("SO-1", &json!({ "recipient": recipient, "taxes": taxes })).await.get("errors"), None);
    let before = rig.simulator.order_by_alias("EXTERNAL_ID", "SO-1").unwrap().json;
    assert_eq!((&before["recipient"], &before["taxes"]), (&recipient, &taxes));

    let nulls = ["recipient", "taxes", "totalPrice", "aliases", "orderLinks", "refunds", "desiredExecutionState"];
    let nulls: Value = nulls.iter().map(|name| ((*name).to_owned(), Value::Null)).collect::<Map<_, _>>().into();
    assert_eq!(rig.update("SO-1", &nulls).await.get("errors"), None);
    let mut after = rig.simulator.order_by_alias("EXTERNAL_ID", "SO-1").unwrap().json;
    after["metadata"]["updatedAt"] = before["metadata"]["updatedAt"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn an_alias_that_is_taken_by_whichever_order_refuses_the_whole_update() {
    let rig = rig_with_order().await;
    rig.create(&order("SO-2", "P-1")).await;
    for taken in ["SO-1", "SO-2"] {
        let mut input = started();
        input["aliases"] = json!([{ "aliasType": "EXTERNAL_ID", "aliasId": taken }]);
        assert_eq!(refusal(&rig.update("SO-1", &input).await), "AliasValueAlreadyExists");
    }
    assert_eq!(rig.simulator.ledger().starts_of("SO-1"), 0);
}

#[tokio::test]
async fn limits_count_what_the_order_has_already() {
    let rig = rig_with_order().await;
    let aliases: Value = (0..5).map(|id| json!({ "aliasType": "ERP_ID", "aliasId": id.to_string() })).collect();
    assert_eq!(refusal(&rig.update("SO-1", &json!({ "aliases": aliases })).await), "OrderAliasLimitExceeded");
    let links = |count| vec![json!({ "destinationType": "EXTERNAL_ORDER_TRACKING", "url": "" }); count];
    assert_eq!(rig.update("SO-1", &json!({ "orderLinks": links(3) })).await.get("errors"), None);
    assert_eq!(refusal(&rig.update("SO-1", &json!({ "orderLinks": links(3) })).await), "OrderLinkLimitExceeded");
}

#[tokio::test]
async fn an_unknown_order_cannot_be_updated() {
    let rig = rig_with_order().await;
    assert_eq!(refusal(&rig.update("SO-9", &started()).await), "AccessDeniedError");
}

#[tokio::test]
async fn an_order_is_named_in_exactly_one_way() {
    let rig = rig_with_order().await;
    let answer = rig.call(UPDATE, &json!({ "orderIdentifier": {}, "input": started() })).await;
    assert_eq!(refusal(&answer), "ValidationError");
}
