//! Answers with an order in them, without one, and the `Retry-After` header.
//!
//! Not here: the shapes of errors.

use std::time::Duration;

use bwp_sync::domain::order::Alias;
use bwp_sync::domain::stored::{
    Destination, ExecutionState, PackageState, ProductIdentifier, StoredLine, StoredMoney, StoredOrder,
};
use bwp_sync::ports::{ApiError, OrderApi};
use serde_json::{Value, json};

use super::VERSION;
use crate::stub::{Reply, Stub, alias, created};

async fn read(body: &str) -> Result<Option<StoredOrder>, ApiError> {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::new(200, body)]);
    stub.client().order(&alias()).await
}

fn money(amount: &str) -> Option<StoredMoney> {
    Some(StoredMoney { amount: amount.parse().unwrap(), currency: Some("USD".into()) })
}

#[tokio::test]
async fn an_order_is_read_with_all_that_is_told() {
    let body = r#"{"data":{"order":{
        "id":"322-ABC1-AAAAAA","aliases":[{"aliasType":"EXTERNAL_ID","aliasId":"SO-1"}],
        "lineItems":[{"id":"L1","aliases":[{"aliasType":"EXTERNAL_ITEM_ID","aliasId":"1"}],"amount":{"value":2},
            "product":{"title":"Mug","price":{"amount":99999999999999999.99,"currencyCode":"USD"},
                       "id":"P-1","sku":{"value":"S-1"},"externalId":{"value":"E-1"}}}],
        "metadata":{"executionState":"STARTED"},"packageInformation":{"summary":{"state":"IN_TRANSIT"}},
        "totalPrice":{"value":{"amount":"38.790","currencyCode":"USD"}},
        "taxes":{"summary":{"collectableTaxAmount":{"amount":1.5e1,"currencyCode":"USD"}}},
        "recipient":{"deliveryAddress":{"postalCode":"98109","countryCode":"US"}}}},"errors":[]}"#;
    let expected = StoredOrder {
        id: "322-ABC1-AAAAAA".into(),
        aliases: Some(vec![Alias::new("EXTERNAL_ID", "SO-1")]),
        lines: Some(vec![StoredLine {
            id: Some("L1".into()),
            aliases: Some(vec![Alias::new("EXTERNAL_ITEM_ID", "1")]),
            product: vec![
                ProductIdentifier::ProductId("P-1".into()),
                ProductIdentifier::Sku("S-1".into()),
                ProductIdentifier::ExternalId("E-1".into()),
            ],
            quantity: Some(2.into()),
            price: money("99999999999999999.99"),
        }]),
        execution_state: Some(ExecutionState::Started),
        package_state: Some(PackageState::InTransit),
        total: money("38.790"),
        tax: money("15"),
        destination: Some(Destination { postal_code: Some("98109".into()), country: Some("US".into()) }),
    };
    assert_eq!(read(body).await, Ok(Some(expected)));
}

#[tokio::test]
async fn what_is_missing_or_of_the_wrong_kind_is_not_told_and_the_id_is_kept() {
    let only_id = StoredOrder { id: "322".into(), ..StoredOrder::default() };
    for body in [
        json!({ "id": "322" }),
        json!({ "id": 322, "aliases": null, "lineItems": "none", "metadata": [], "totalPrice": 38.79 }),
        json!({ "id": "322", "aliases": [{ "aliasType": "A", "aliasId": "1" }, { "aliasType": "B" }], "lineItems": [null] }),
        json!({ "id": "322", "totalPrice": { "value": { "amount": "12,50" } }, "recipient": { "deliveryAddress": {} } }),
        json!({ "id": "322", "totalPrice": { "value": { "amount": "0.00000000000000000000000000000000001" } } }),
        json!({ "id": "322", "totalPrice": { "value": { "amount": "1e99" } } }),
        json!({ "id": "322", "metadata": { "executionState": 1 }, "packageInformation": { "summary": null } }),
    ] {
        let answer = json!({ "data": { "order": body } }).to_string();
        assert_eq!(read(&answer).await, Ok(Some(only_id.clone())), "{answer}");
    }
}

#[tokio::test]
async fn states_are_read_by_name_and_unknown_ones_are_kept() {
    for (execution, package, expected) in [
        ("NOT_STARTED", "PENDING", (ExecutionState::NotStarted, PackageState::Pending)),
        ("STARTED", "DELIVERED", (ExecutionState::Started, PackageState::Delivered)),
        ("STARTED", "CANCELLED", (ExecutionState::Started, PackageState::Cancelled)),
        ("PAUSED", "LOST", (ExecutionState::Other("PAUSED".into()), PackageState::Other("LOST".into()))),
    ] {
        let order = json!({ "id": "1", "metadata": { "executionState": execution },
            "packageInformation": { "summary": { "state": package } } });
        let order = read(&json!({ "data": { "order": order } }).to_string()).await.unwrap().unwrap();
        assert_eq!((order.execution_state.unwrap(), order.package_state.unwrap()), expected);
    }
}

#[tokio::test]
async fn an_order_is_absent_only_where_a_successful_answer_says_so() {
    let stub = Stub::start(VERSION).await;
    let error = json!([{ "message": "denied", "errorType": "AccessDeniedError" }]);
    for (status, body, absent) in [
        (200, json!({ "data": { "order": null } }), true),
        (200, json!({ "data": { "order": null }, "errors": [] }), true),
        (200, json!({ "data": { "order": null }, "errors": null }), true),
        (200, json!({ "data": { "order": null }, "errors": error }), false),
        (200, json!({ "data": {} }), false),
        (200, json!({ "data": null }), false),
        (200, json!({ "data": { "order": {} } }), false),
        (500, json!({ "data": { "order": null } }), false),
    ] {
        stub.graphql.reply([Reply::json(status, &body)]);
        let result = stub.client().order(&alias()).await;
        assert_eq!(result == Ok(None), absent, "{body}");
        assert_eq!(result.is_err(), !absent, "{body}");
    }
}

#[tokio::test]
async fn a_mutation_with_an_order_in_its_answer_took_effect_whatever_stands_beside_it() {
    let stub = Stub::start(VERSION).await;
    let denied = json!({ "message": "no", "path": ["createOrder", "order", "aliases"],
        "extensions": { "classification": { "errorType": "AccessDeniedError", "errorCode": 401 } } });
    for (status, errors) in [(200, json!([])), (200, Value::Null), (200, json!([denied])), (500, json!([denied]))] {
        let before = stub.graphql.count();
        let mut body = created();
        body["errors"] = errors;
        stub.graphql.reply([Reply::json(status, &body)]);
        assert_eq!(stub.client().create_order(&Default::default()).await.unwrap().id, "322-ABC1-AAAAAA");
        assert_eq!(stub.graphql.count(), before + 1, "not sent again");
    }
}

#[tokio::test]
async fn retry_after_is_read_as_seconds_or_as_a_date_against_the_answers_own() {
    let stub = Stub::start(VERSION).await;
    let (noon, later) = ("Sun, 22 Nov 2026 12:00:00 GMT", "Sun, 22 Nov 2026 12:01:30 GMT");
    for (date, header, expected) in [
        (noon, "7", Some(7)),
        (noon, later, Some(90)),
        (later, noon, Some(0)),
        ("not a date", later, None),
        (noon, "soon", None),
        (noon, "-1", None),
    ] {
        let reply = Reply::new(429, "").with("date", date).with("retry-after", header);
        stub.graphql.reply([reply]);
        let error = stub.client().create_order(&Default::default()).await.unwrap_err();
        let retry_after = expected.map(Duration::from_secs);
        assert_eq!(error, ApiError::Unreadable { status: 429, retry_after }, "{header}");
    }
}

#[tokio::test]
async fn retry_after_stands_beside_errors_too() {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::json(429, &json!({ "type": "ThrottlingError" })).with("retry-after", "7")]);
    let error = stub.client().create_order(&Default::default()).await.unwrap_err();
    assert!(matches!(error, ApiError::Answered { status: 429, retry_after: Some(wait), .. } if wait.as_secs() == 7));
}
