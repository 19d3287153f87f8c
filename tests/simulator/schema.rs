//! Refusals of the engine, and exact numbers.
//! Not here: rules of the Order interface (`orders`, `updates`).

use serde_json::{Value, json};

use crate::support::{CREATE, Rig, classification, order, prime_line, refusal};

#[tokio::test]
async fn an_unknown_input_field_is_refused() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    input["gift"] = json!(true);
    let answer = rig.create(&input).await;
    assert_eq!(classification(&answer), "ValidationError");
    assert_eq!(answer.get("data"), None);
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn an_unknown_input_field_written_in_the_document_is_refused() {
    let rig = Rig::start().await;
    let answer =
        rig.call("mutation { createOrder(input: { lineItems: [], gift: 1 }) { order { id } } }", &json!({})).await;
    assert_eq!(classification(&answer), "ValidationError");
}

#[tokio::test]
async fn an_unknown_output_field_is_refused() {
    let rig = Rig::start().await;
    let query = CREATE.replace("{ id }", "{ id colour }");
    let answer = rig.call(&query, &json!({ "input": order("SO-1", "P-1") })).await;
    assert_eq!(classification(&answer), "ValidationError");
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn a_variable_of_the_wrong_type_is_refused() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    input["lineItems"][0]["amount"]["value"] = json!("1");
    assert_eq!(classification(&rig.create(&input).await), "ValidationError");
    assert_eq!(classification(&rig.call(CREATE, &json!({})).await), "ValidationError");
}

#[tokio::test]
async fn a_document_that_is_not_graphql_is_refused_as_syntax() {
    let rig = Rig::start().await;
    assert_eq!(classification(&rig.call("mutation {", &json!({})).await), "InvalidSyntax");
}

#[tokio::test]
async fn an_amount_that_is_no_decimal_is_refused() {
    let rig = Rig::start().await;
    for amount in [json!("12,50"), json!(true), json!({}), json!("")] {
        let mut input = order("SO-1", "P-1");
        input["totalPrice"]["value"]["amount"] = amount;
        assert_eq!(classification(&rig.create(&input).await), "ValidationError");
    }
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn an_amount_is_kept_to_the_last_digit_as_number_and_as_string() {
    let rig = Rig::start().await;
    for (alias, written) in [("SO-1", "99999999999999999.99"), ("SO-2", "\"99999999999999999.99\""), ("SO-3", "10.10")]
    {
        let mut input = order(alias, "P-1");
        input["totalPrice"]["value"]["amount"] = serde_json::from_str(written).unwrap();
        assert_eq!(rig.create(&input).await.get("errors"), None);
        let answer = rig.read(alias).await;
        let read = &answer["data"]["order"]["totalPrice"]["value"]["amount"];
        assert_eq!(read.to_string(), written.trim_matches('"'));
    }
}

#[tokio::test]
async fn an_amount_written_in_the_document_is_kept_to_the_last_digit() {
    let rig = Rig::start().await;
    let mutation =
        "mutation { createOrder(input: { lineItems: [{ product: { identifier: { sku: \"S\" } }, amount: { value: 1 } }]
        totalPrice: { value: { amount: 99999999999999999.99 currencyCode: \"USD\" } } })
        { made: order { totalPrice { value { amount } } } } }";
    let answer = rig.call(mutation, &json!({})).await;
    assert_eq!(
        answer["data"]["createOrder"]["made"]["totalPrice"]["value"]["amount"].to_string(),
        "99999999999999999.99"
    );
}

#[tokio::test]
async fn root_fields_answer_under_their_alias() {
    let rig = Rig::start().await;
    let answer = rig
        .call(
            "mutation($a: CreateOrderInput!, $b: CreateOrderInput!) {
                one: createOrder(input: $a) { order { id } } two: createOrder(input: $b) { order { id } } }",
            &json!({ "a": order("SO-1", "P-1"), "b": order("SO-1", "P-1") }),
        )
        .await;
    assert_eq!(answer["data"]["one"]["order"]["id"], "322-ABC1-AAAAAA");
    assert_eq!(answer["data"]["two"], Value::Null);
    assert_eq!(answer["errors"][0]["path"], json!(["two"]));
    assert_eq!(refusal(&answer), "AliasValueAlreadyExists");
}

#[tokio::test]
async fn a_request_without_version_or_target_is_a_bad_request() {
    let rig = Rig::start().await;
    let body = json!({ "query": "{ __typename }" }).to_string();
    for (version, target, status) in [
        (Some("2024-11-01"), Some("x-api-target-id"), 200),
        (Some("2024-04-01"), Some("x-api-target-id"), 200),
        (Some("2024-11-01"), Some("X-Omni-TargetId"), 200),
        (Some("2024-11-01"), None, 400),
        (None, Some("x-api-target-id"), 400),
        (Some("1999-01-01"), Some("x-api-target-id"), 400),
    ] {
        let mut request = rig.bare_request().body(body.clone());
        if let Some(version) = version {
            request = request.header("x-api-version", version);
        }
        if let Some(target) = target {
            request = request.header(target, "target");
        }
        assert_eq!(request.send().await.unwrap().status(), status, "{version:?} {target:?}");
    }
}

#[tokio::test]
async fn nulls_are_the_same_as_absent_fields() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    input["taxes"] = Value::Null;
    input["orderLinks"] = Value::Null;
    input["lineItems"] = json!([prime_line("P-1", 1)]);
    assert_eq!(rig.create(&input).await.get("errors"), None);
}
