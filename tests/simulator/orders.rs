//! Rules of `createOrder` and of the order query.
//! Not here: checks of the schema (`schema`).

use bwp_sync::simulator::{AliasCheck, Behaviour, Conflict, UnknownOrder};
use serde_json::{Value, json};

use crate::support::{Rig, order, prime_line, refusal};

#[tokio::test]
async fn a_repeated_create_is_refused_by_its_alias() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let again = rig.create(&order("SO-1", "P-1")).await;
    assert_eq!(refusal(&again), "AliasValueAlreadyExists");
    assert_eq!(again["data"], json!({ "createOrder": null }));
    assert_eq!(again["errors"][0]["path"], json!(["createOrder"]));
    assert_eq!(again["errors"][0]["extensions"]["classification"]["errorCode"], 400);
    assert_eq!(rig.simulator.ledger().orders_created(), 1);
}

#[tokio::test]
async fn a_repeated_create_can_be_a_conflict_without_a_code() {
    let rig = Rig::behaving(Behaviour { conflict: Conflict::ConflictError, ..Behaviour::default() }).await;
    rig.create(&order("SO-1", "P-1")).await;
    let again = rig.create(&order("SO-1", "P-1")).await;
    assert_eq!(
        again["errors"][0]["extensions"]["classification"],
        json!({ "errorType": "ConflictError", "errorCode": 409 })
    );
}

#[tokio::test]
async fn the_same_id_under_another_alias_type_is_another_alias() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let mut other = order("SO-1", "P-1");
    other["aliases"][0]["aliasType"] = json!("ERP_ID");
    assert_eq!(rig.create(&other).await.get("errors"), None);
}

#[tokio::test]
async fn the_alias_can_be_checked_before_or_after_the_other_rules() {
    for (alias_check, expected) in
        [(AliasCheck::First, "AliasValueAlreadyExists"), (AliasCheck::Last, "OrderQuantityLimitExceeded")]
    {
        let rig = Rig::behaving(Behaviour { alias_check, ..Behaviour::default() }).await;
        rig.create(&order("SO-1", "P-1")).await;
        let mut again = order("SO-1", "P-1");
        again["lineItems"][0]["amount"]["value"] = json!(21);
        assert_eq!(refusal(&rig.create(&again).await), expected);
    }
}

#[tokio::test]
async fn limits_and_missing_attributes_are_refused_by_name() {
    let rig = Rig::start().await;
    let alias = |number: usize| json!({ "aliasType": "ERP_ID", "aliasId": number.to_string() });
    let link = json!({ "destinationType": "EXTERNAL_ORDER_TRACKING", "url": "" });
    let cases: [(&str, &str, Value); 9] = [
        ("OrderAliasLimitExceeded", "/aliases", (0..6).map(alias).collect()),
        ("DuplicateAliasId", "/aliases", json!([alias(1), alias(1)])),
        ("InvalidAliasId", "/aliases/0/aliasId", json!("")),
        ("OrderLinkLimitExceeded", "/orderLinks", vec![link; 6].into()),
        ("OrderQuantityLimitExceeded", "/lineItems", json!([prime_line("P-1", 10), prime_line("P-2", 11)])),
        ("MissingItemAttributes", "/lineItems/0/product/title", Value::Null),
        ("MissingItemAttributes", "/lineItems/0/product/price", Value::Null),
        ("MissingItemAttributes", "/lineItems/0/product/identifier", Value::Null),
        ("InvalidItemIdentifier", "/lineItems/0/product/identifier/sku", json!("S-1")),
    ];
    for (expected, pointer, value) in cases {
        let mut input = order("SO-1", "P-1");
        input["orderLinks"] = json!([]);
        input["lineItems"][0]["product"]["identifier"]["sku"] = Value::Null;
        *input.pointer_mut(pointer).unwrap() = value;
        assert_eq!(refusal(&rig.create(&input).await), expected, "{pointer}");
    }
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn twenty_prime_pieces_and_any_number_of_others_are_fine() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    let mut other = prime_line("P-2", 50);
    other["selectedDeliveryOffer"]["details"]["deliveryTerms"]["isPrimeEligible"] = json!(false);
    input["lineItems"] = json!([prime_line("P-1", 20), other]);
    assert_eq!(rig.create(&input).await.get("errors"), None);
}

#[tokio::test]
async fn an_unknown_order_is_null_or_denied() {
    let rig = Rig::start().await;
    assert_eq!(rig.read("SO-1").await, json!({ "data": { "order": null } }));
    let rig = Rig::behaving(Behaviour { unknown_order: UnknownOrder::AccessDenied, ..Behaviour::default() }).await;
    assert_eq!(refusal(&rig.read("SO-1").await), "AccessDeniedError");
}

#[tokio::test]
async fn an_order_is_read_back_by_its_alias() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let answer = rig.read("SO-1").await;
    let read = &answer["data"]["order"];
    assert_eq!(read["id"], "322-ABC1-AAAAAA");
    assert_eq!(read["metadata"]["executionState"], "NOT_STARTED");
    assert_eq!(read["packageInformation"], Value::Null);
    assert_eq!(rig.simulator.order_by_alias("EXTERNAL_ID", "SO-1").unwrap().id, "322-ABC1-AAAAAA");
    assert_eq!(rig.simulator.order_by_alias("ERP_ID", "SO-1"), None);
}
