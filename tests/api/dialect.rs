//! Differences of the versions on the wire, and the look-up that one of them needs.
//!
//! Not here: what is expected of every version alike.

use std::path::Path;
use std::time::Duration;

use async_graphql::parser::parse_query;
use bwp_sync::api::ApiVersion;
use bwp_sync::domain::command::Command;
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{RawMessage, open};
use bwp_sync::domain::input::{
    CreateOrderInput, DesiredExecutionState, LineItemIdentifier, PaymentMethod, PaymentState, RefundFor, RefundInput,
    RefundPayment, RefundState, RefundTotal, RefundedLine, RefundedQuantity, RefundsInput, TaxSummary, Taxes,
    TotalPrice, UpdateOrderInput,
};
use bwp_sync::domain::money::Money;
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::transform::command_for;
use bwp_sync::ports::{ApiError, OrderApi, Purpose};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::stub::{Recorded, Reply, Stub, alias, found, pass};

use ApiVersion::{V2024_04_01, V2024_11_01};

fn updated() -> Reply {
    Reply::json(200, &json!({ "data": { "updateOrder": { "order": { "id": "322-ABC1-AAAAAA" } } } }))
}

fn by_id() -> OrderIdentifier {
    OrderIdentifier::OrderId("322".into())
}

fn start() -> UpdateOrderInput {
    UpdateOrderInput { desired_execution_state: Some(DesiredExecutionState::Started), ..Default::default() }
}

fn money(amount: &str) -> Money {
    Money { amount: serde_json::from_str(amount).unwrap(), currency_code: serde_json::from_str("\"USD\"").unwrap() }
}

/// The document of a request; it can be parsed.
fn document(sent: &Recorded) -> String {
    let document = sent.json()["query"].as_str().unwrap().to_owned();
    parse_query(&document).unwrap();
    document
}

fn read_file(path: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(path)).unwrap()
}

#[tokio::test]
async fn a_create_and_a_read_have_the_same_variables_in_every_version() {
    for version in ApiVersion::iter() {
        let stub = Stub::start(version).await;
        let client = stub.client();
        client.create_order(&Default::default()).await.unwrap();
        stub.graphql.reply([Reply::json(200, &found())]);
        client.order(&alias(), Purpose::Compare).await.unwrap();

        let seen = stub.graphql.seen();
        assert!(document(&seen[0]).contains("createOrder(input: $input)"));
        assert_eq!(seen[0].json()["variables"], json!({ "input": CreateOrderInput::default() }));
        assert!(document(&seen[1]).contains("order(orderIdentifier: $orderIdentifier)"));
        let by_alias = json!({ "alias": { "aliasType": "EXTERNAL_ID", "aliasId": "SO-10042" } });
        assert_eq!(seen[1].json()["variables"], json!({ "orderIdentifier": by_alias }));
    }
}

#[tokio::test]
async fn an_update_names_its_order_beside_its_input_or_in_it() {
    for (version, field, variables) in [
        (
            V2024_11_01,
            "updateOrder(orderIdentifier: $orderIdentifier, input: $input)",
            json!({ "orderIdentifier": { "orderId": "322" }, "input": { "desiredExecutionState": "STARTED" } }),
        ),
        (
            V2024_04_01,
            "updateOrder(input: $input)",
            json!({ "input": { "orderId": "322", "desiredExecutionState": "STARTED" } }),
        ),
    ] {
        let stub = Stub::start(version).await;
        stub.graphql.reply([updated()]);
        stub.client().update_order(&by_id(), &start()).await.unwrap();
        let seen = stub.graphql.seen();
        assert_eq!(seen.len(), 1, "the id was known");
        assert!(document(&seen[0]).contains(field), "{field}");
        assert_eq!(seen[0].json()["variables"], variables);
    }
}

#[tokio::test]
async fn updates_are_sent_as_the_public_page_prints_them() {
    let attributes = UpdateOrderInput {
        total_price: Some(TotalPrice { value: money("20") }),
        taxes: Some(Taxes { summary: TaxSummary { collectable_tax_amount: money("12") } }),
        ..Default::default()
    };
    for (input, example) in [(start(), "trigger-fulfillment"), (attributes, "update-order-level-attributes")] {
        let stub = Stub::start(V2024_04_01).await;
        stub.graphql.reply([updated()]);
        let order = OrderIdentifier::OrderId("example-order-id".into());
        stub.client().update_order(&order, &input).await.unwrap();
        let printed = read_file(&format!("simulator/examples/2024-04-01/{example}.variables.json"));
        let printed: Value = serde_json::from_slice(&printed).unwrap();
        assert_eq!(stub.graphql.seen()[0].json()["variables"], printed);
    }
}

#[tokio::test]
async fn a_refund_is_sent_with_all_that_is_known_of_it_and_nothing_else() {
    let by_alias = RefundInput {
        id: None,
        aliases: vec![Alias::new("EXTERNAL_REFUND_ID", "R-1")],
        state: RefundState::Pending,
        refund_total: RefundTotal { total_amount: money("0") },
        refund_for: None,
        refund_request_reason: None,
        refund_status_reason: None,
        payment_details: Vec::new(),
    };
    let line = RefundedLine {
        line_item_id: LineItemIdentifier { line_item_id: "L1".into() },
        refunded_quantity: Some(RefundedQuantity { amount: serde_json::from_str("2").unwrap() }),
    };
    let payment = RefundPayment {
        id: "PAY-1".into(),
        amount: money("4.00"),
        payment_method: PaymentMethod { display_string: "Visa ending in 1234".into(), kind: Some("AMAZON_PAY".into()) },
        state: Some(PaymentState::Success),
    };
    let with_id = RefundInput {
        id: Some("5f1c".into()),
        aliases: Vec::new(),
        state: RefundState::Partial,
        refund_total: RefundTotal { total_amount: money("4.00") },
        refund_for: Some(RefundFor { order_line_items: vec![line] }),
        refund_request_reason: Some("NOT_DELIVERED".into()),
        refund_status_reason: Some("PARTIALLY_DECLINED".into()),
        payment_details: vec![payment],
    };
    let refunds = Some(RefundsInput { details: vec![by_alias, with_id] });
    let expected: Value = serde_json::from_str(
        r#"{ "details": [
            { "aliases": [{ "aliasType": "EXTERNAL_REFUND_ID", "aliasId": "R-1" }], "state": "PENDING",
              "refundTotal": { "totalAmount": { "amount": 0, "currencyCode": "USD" } } },
            { "id": "5f1c", "state": "PARTIAL",
              "refundTotal": { "totalAmount": { "amount": 4.00, "currencyCode": "USD" } },
              "refundFor": { "orderLineItems": [
                  { "lineItemId": { "lineItemId": "L1" }, "refundedQuantity": { "amount": 2 } }] },
              "refundRequestReason": "NOT_DELIVERED", "refundStatusReason": "PARTIALLY_DECLINED",
              "paymentDetails": [{ "id": "PAY-1", "amount": { "amount": 4.00, "currencyCode": "USD" },
                  "paymentMethod": { "displayString": "Visa ending in 1234", "type": "AMAZON_PAY" },
                  "state": "SUCCESS" }] }
        ] }"#,
    )
    .unwrap();
    for version in ApiVersion::iter() {
        let stub = Stub::start(version).await;
        stub.graphql.reply([updated()]);
        let input = UpdateOrderInput { refunds: refunds.clone(), ..Default::default() };
        stub.client().update_order(&by_id(), &input).await.unwrap();
        assert_eq!(stub.graphql.seen()[0].json()["variables"]["input"]["refunds"], expected);
    }
}

#[tokio::test]
async fn amazon_as_provider_has_a_name_in_each_version_and_all_else_is_sent_alike() {
    let body = read_file("fixtures/messages/full-checkout.json");
    let Command::CreateOrder(create) =
        command_for(&open(&RawMessage::structured(&body)).unwrap(), &Conventions::default()).unwrap()
    else {
        unreachable!("a checkout creates")
    };
    let domain = serde_json::to_string(&create.input).unwrap();
    assert_eq!((domain.matches("\"AMAZON\"").count(), domain.matches("\"MERCHANT\"").count()), (1, 1));

    for (version, amazon) in [(V2024_11_01, "\"AMAZON\""), (V2024_04_01, "\"BUY_WITH_PRIME\"")] {
        let stub = Stub::start(version).await;
        stub.client().create_order(&create.input).await.unwrap();
        let expected: Value = serde_json::from_str(&domain.replace("\"AMAZON\"", amazon)).unwrap();
        assert_eq!(stub.graphql.seen()[0].json()["variables"]["input"], expected);
    }
}

#[tokio::test]
async fn an_order_known_by_alias_is_looked_up_once_where_an_update_wants_its_id() {
    for (version, look_ups) in [(V2024_11_01, 0), (V2024_04_01, 1)] {
        let stub = Stub::start(version).await;
        let answers = [Reply::json(200, &found()), updated()];
        stub.graphql.reply(answers.into_iter().skip(1 - look_ups));
        stub.client().update_order(&alias(), &start()).await.unwrap();

        let (reads, updates): (Vec<_>, Vec<_>) =
            stub.graphql.seen().into_iter().partition(|sent| document(sent).starts_with("query"));
        assert_eq!((reads.len(), updates.len()), (look_ups, 1));
        let alias = json!({ "alias": { "aliasType": "EXTERNAL_ID", "aliasId": "SO-10042" } });
        let variables = updates[0].json()["variables"].clone();
        match reads.first() {
            None => assert_eq!(variables["orderIdentifier"], alias),
            Some(read) => {
                assert_eq!(read.json()["variables"], json!({ "orderIdentifier": alias }));
                assert_eq!(variables["input"]["orderId"], "322-ABC1-AAAAAA");
            }
        }
    }
}

/// Error of an update by alias after this answer to its look-up; nothing is sent after it.
async fn failed_look_up(reply: Reply) -> ApiError {
    let stub = Stub::start(V2024_04_01).await;
    stub.graphql.reply([reply]);
    let error = stub.client().update_order(&alias(), &start()).await.unwrap_err();
    assert_eq!(stub.graphql.count(), 1, "the update was sent");
    error
}

#[tokio::test]
async fn a_look_up_that_fails_is_reported_as_such_and_the_update_is_not_sent() {
    let denied = json!({ "data": { "order": null }, "errors": [{ "errorType": "AccessDeniedError" }] });
    let answered = failed_look_up(Reply::json(200, &denied)).await;
    assert!(matches!(&answered, ApiError::NotLookedUp(read) if matches!(**read, ApiError::Answered { .. })));

    let unreadable = failed_look_up(Reply::new(502, "")).await;
    let read = ApiError::Unreadable { status: 502, retry_after: None, body: "empty".into() };
    assert_eq!(unreadable, ApiError::NotLookedUp(Box::new(read)));
}

#[tokio::test]
async fn a_look_up_without_an_answer_is_reported_as_such_and_the_update_is_not_sent() {
    let stub = Stub::start(V2024_04_01).await;
    stub.graphql.hold();
    let client = stub.client();
    let call = tokio::spawn(async move { client.update_order(&alias(), &start()).await });
    stub.graphql.arrived(1).await;
    pass(20).await;
    let silent = tokio::time::timeout(Duration::from_secs(5), call).await.unwrap().unwrap().unwrap_err();
    assert!(matches!(&silent, ApiError::NotLookedUp(read) if matches!(**read, ApiError::NoAnswer { .. })));
    assert_eq!(stub.graphql.count(), 1, "the update was sent");
}

#[tokio::test]
async fn an_update_of_an_order_that_is_not_there_says_so_and_is_not_sent() {
    let absent = json!({ "data": { "order": null } });
    let error = failed_look_up(Reply::json(200, &absent)).await;
    assert_eq!(error, ApiError::OrderNotFound);
}

#[tokio::test]
async fn a_look_up_and_its_update_share_the_time_of_one_call() {
    let stub = Stub::start(V2024_04_01).await;
    stub.graphql.reply([Reply::json(200, &found()), updated()]);
    stub.graphql.hold();
    let client = stub.client();
    assert_eq!(stub.config().timeout, Duration::from_secs(20));
    let call = tokio::spawn(async move { client.update_order(&alias(), &start()).await });
    stub.graphql.arrived(1).await;
    pass(15).await;
    stub.graphql.release_one();
    stub.graphql.arrived(2).await;
    pass(5).await;
    let ended = tokio::time::timeout(Duration::from_secs(5), call).await;
    assert!(matches!(ended.unwrap().unwrap(), Err(ApiError::NoAnswer { .. })), "the update had time of its own");
}
