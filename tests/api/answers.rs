//! Answers with an order in them, without one, and the `Retry-After` header.
//!
//! Not here: the shapes of errors.

use std::time::Duration;

use bwp_sync::domain::input::{LinkKind, PaymentState, RefundState};
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::order::ProductIdentifier;
use bwp_sync::domain::stored::{
    Destination, ExecutionState, Named, PackageState, StoredLine, StoredLink, StoredMoney, StoredOrder, StoredPayment,
    StoredRefund, StoredRefundLine,
};
use bwp_sync::ports::{ApiError, OrderApi, Purpose};
use serde_json::{Value, json};

use super::VERSION;
use crate::stub::{Reply, Stub, alias, created};

async fn read(body: &str) -> Result<Option<StoredOrder>, ApiError> {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::new(200, body)]);
    stub.client().order(&alias(), Purpose::Compare).await
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
        "recipient":{"deliveryAddress":{"name":"A. Buyer","streetAddress":"410 Terry Ave","extendedAddress":"Floor 2",
            "locality":"Seattle","region":"WA","postalCode":"98109","countryCode":"US","contactNumber":"1"}},
        "orderLinks":[{"destinationType":"EXTERNAL_ORDER_TRACKING","url":"https://shop.example/1"},
                      {"destinationType":"BWP_STOREFRONT","url":"https://bwp.example/1"}],
        "refunds":{"details":[{"id":"5f1c","aliases":[{"aliasType":"EXTERNAL_REFUND_ID","aliasId":"R-1"}],
            "state":"PARTIAL","refundTotal":{"totalAmount":{"amount":4.00,"currencyCode":"USD"}},
            "paymentDetails":[{"id":"PAY-1","amount":{"amount":"4","currencyCode":"USD"},"state":"SUCCESS"}],
            "refundFor":{"orderLineItems":[{"lineItem":{"id":"L1"},"amount":{"value":1}}]},
            "refundRequestReason":"NOT_DELIVERED"}]}
        }},"errors":[]}"#;
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
        destination: Some(Destination {
            name: Some("A. Buyer".into()),
            street_address: Some("410 Terry Ave".into()),
            extended_address: Some("Floor 2".into()),
            locality: Some("Seattle".into()),
            region: Some("WA".into()),
            postal_code: Some("98109".into()),
            country_code: Some("US".into()),
            contact_number: Some("1".into()),
        }),
        links: Some(vec![
            StoredLink {
                kind: Some(Named::Known(LinkKind::ExternalOrderTracking)),
                url: "https://shop.example/1".into(),
            },
            StoredLink { kind: Some(Named::Other("BWP_STOREFRONT".into())), url: "https://bwp.example/1".into() },
        ]),
        refunds: Some(vec![StoredRefund {
            id: "5f1c".into(),
            aliases: Some(vec![Alias::new("EXTERNAL_REFUND_ID", "R-1")]),
            state: Some(Named::Known(RefundState::Partial)),
            total: money("4.00"),
            payments: Some(vec![StoredPayment {
                id: Some("PAY-1".into()),
                amount: money("4"),
                state: Some(Named::Known(PaymentState::Success)),
            }]),
            lines: Some(vec![StoredRefundLine { line_item_id: "L1".into(), quantity: Some(1.into()) }]),
            reason: Some("NOT_DELIVERED".into()),
        }]),
        unknown: Vec::new(),
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
        json!({ "id": "322", "orderLinks": [{ "destinationType": "X" }], "refunds": { "summary": null } }),
        json!({ "id": "322", "refunds": { "details": [{ "id": "1" }, { "state": "PENDING" }] } }),
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

/// Links, refunds, and the payments of the refund that comes first, of an answer.
fn told(order: &StoredOrder) -> [Option<usize>; 3] {
    let payments = order.refunds.as_ref().and_then(|refunds| refunds.first()?.payments.as_ref());
    [order.links.as_ref().map(Vec::len), order.refunds.as_ref().map(Vec::len), payments.map(Vec::len)]
}

#[tokio::test]
async fn a_null_says_that_there_is_nothing_unless_an_error_may_hide_something() {
    let refunds = json!({ "details": [{ "id": "1", "aliases": null, "paymentDetails": null }] });
    for (fields, told_without_errors, told_with_errors) in [
        (json!({ "orderLinks": null, "refunds": null }), [Some(0), Some(0), None], [None, None, None]),
        (json!({ "refunds": { "details": null } }), [None, Some(0), None], [None, None, None]),
        (json!({ "refunds": refunds }), [None, Some(1), Some(0)], [None, Some(1), None]),
        (json!({ "refunds": { "details": [] } }), [None, Some(0), None], [None, Some(0), None]),
        (json!({}), [None, None, None], [None, None, None]),
    ] {
        let mut order = fields;
        order["id"] = json!("322");
        let mut answer = json!({ "data": { "order": order } });
        assert_eq!(told(&read(&answer.to_string()).await.unwrap().unwrap()), told_without_errors, "{answer}");
        answer["errors"] = json!([{ "message": "no", "path": ["order", "refunds"] }]);
        assert_eq!(told(&read(&answer.to_string()).await.unwrap().unwrap()), told_with_errors, "{answer}");
    }
}

#[tokio::test]
async fn an_address_is_not_in_what_a_developer_prints() {
    let address = json!({ "name": "A. Buyer", "streetAddress": "410 Terry Ave", "postalCode": "98109" });
    let order = json!({ "id": "322", "recipient": { "deliveryAddress": address } });
    let order = read(&json!({ "data": { "order": order } }).to_string()).await.unwrap().unwrap();
    let printed = format!("{order:?}");
    assert_eq!(order.destination.unwrap().name.unwrap(), "A. Buyer");
    assert!(["Buyer", "Terry", "98109"].iter().all(|private| !printed.contains(private)), "{printed}");
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
        let result = stub.client().order(&alias(), Purpose::Compare).await;
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
        // too long to count
        (noon, "99999999999999999999", Some(u64::MAX)),
        (noon, "9999999999", Some(9_999_999_999)),
        (noon, "Fri, 31 Dec 9999 23:59:59 GMT", Some(251_606_951_999)),
        (noon, "Sun, 22 Nov 2026 12:01:30 +0000", Some(90)),
        (noon, "", None),
    ] {
        let reply = Reply::new(429, "").with("date", date).with("retry-after", header);
        stub.graphql.reply([reply]);
        let error = stub.client().create_order(&Default::default()).await.unwrap_err();
        let retry_after =
            expected.map(|seconds| if seconds == u64::MAX { Duration::MAX } else { Duration::from_secs(seconds) });
        assert_eq!(error, ApiError::Unreadable { status: 429, retry_after, body: "empty".into() }, "{header}");
    }
}

#[tokio::test]
async fn retry_after_stands_beside_errors_too() {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::json(429, &json!({ "type": "ThrottlingError" })).with("retry-after", "7")]);
    let error = stub.client().create_order(&Default::default()).await.unwrap_err();
    assert!(matches!(error, ApiError::Answered { status: 429, retry_after: Some(wait), .. } if wait.as_secs() == 7));
}
