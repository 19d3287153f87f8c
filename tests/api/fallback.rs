//! Reading without fields that a server does not know.
//!
//! Not here: in which words a server says so.

use bwp_sync::domain::input::{DesiredExecutionState, UpdateOrderInput};
use bwp_sync::domain::order::OrderIdentifier;
use bwp_sync::ports::{ApiError, OrderApi, Purpose};
use serde_json::{Value, json};

use super::VERSION;
use crate::log::Log;
use crate::stub::{Recorded, Reply, Stub, alias, created, found};

fn complaint(classification: &str) -> Reply {
    let error = json!({ "message": "no", "extensions": { "classification": classification } });
    Reply::json(200, &json!({ "data": null, "errors": [error] }))
}

/// Answer of a server that does not know a field, and points at it.
fn unknown(field: &str, sent: &Recorded) -> Value {
    let line = query(sent).lines().position(|line| line.trim_start().starts_with(field)).unwrap() + 1;
    let message = format!(r#"Cannot query field "{field}" on type "T"."#);
    json!({ "message": message, "locations": [{ "line": line, "column": 3 }] })
}

fn refusing(errors: &[Value]) -> Reply {
    Reply::json(400, &json!({ "errors": errors }))
}

fn query(sent: &Recorded) -> String {
    sent.json()["query"].as_str().unwrap().to_owned()
}

fn asks_for_all(sent: &Recorded) -> bool {
    query(sent).contains("recipient")
}

fn documents(stub: &Stub) -> Vec<bool> {
    stub.graphql.seen().iter().map(asks_for_all).collect()
}

/// The document of a call, without any effect on what follows.
async fn document_of(stub: &Stub, purpose: Purpose) -> Recorded {
    let (answer, seen) = (Reply::json(200, &found()), stub.graphql.count());
    stub.graphql.reply([answer]);
    stub.client().order(&alias(), purpose).await.unwrap();
    stub.graphql.seen()[seen].clone()
}

#[tokio::test]
async fn fields_that_a_server_does_not_know_are_left_out_of_every_document_and_said_once() {
    let log = Log::listen();
    let stub = Stub::start(VERSION).await;
    let sent = document_of(&stub, Purpose::Refund).await;
    let client = stub.client();
    let refusal = refusing(&[unknown("refundFor", &sent), unknown("state", &sent)]);
    stub.graphql.reply([refusal, Reply::json(200, &found())]);
    for purpose in [Purpose::Refund, Purpose::Refund, Purpose::Amend] {
        client.order(&alias(), purpose).await.unwrap();
    }
    let seen = stub.graphql.seen().split_off(1);
    let asks: Vec<bool> = seen.iter().map(|sent| query(sent).contains("refundFor")).collect();
    assert_eq!(asks, [true, false, false, false]);
    assert!(query(&seen[1]).contains("paymentDetails"));
    for field in ["T.refundFor", "T.state"] {
        assert_eq!(log.count(&format!(r#"field="{field}""#)), 1, "{}", log.text());
    }
    let names: Vec<String> = client.unknown_fields().into_iter().map(|field| field.name).collect();
    assert_eq!(names, ["T.refundFor", "T.state"]);
}

#[tokio::test]
async fn a_wrong_reading_ends_with_the_session() {
    let stub = Stub::start(VERSION).await;
    let sent = document_of(&stub, Purpose::Start).await;
    let client = stub.client();
    stub.graphql.reply([refusing(&[unknown("executionState", &sent)]), Reply::json(200, &found())]);
    let order = client.order(&alias(), Purpose::Start).await.unwrap().unwrap();
    assert_eq!(order.unknown, client.unknown_fields());
    assert_eq!(order.unknown[0].path, "metadata/executionState");
    client.session_began();
    let order = client.order(&alias(), Purpose::Start).await.unwrap().unwrap();
    assert_eq!(order.unknown, []);
    let asks: Vec<bool> = stub.graphql.seen()[1..].iter().map(|sent| query(sent).contains("executionState")).collect();
    assert_eq!(asks, [true, false, true]);
}

#[tokio::test]
async fn a_mutation_that_was_refused_for_a_field_of_its_answer_is_sent_without_it() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    client.create_order(&Default::default()).await.unwrap();
    let refusal = refusing(&[unknown("metadata", &stub.graphql.seen()[0])]);
    stub.graphql.reply([refusal, Reply::json(200, &created())]);
    client.create_order(&Default::default()).await.unwrap();
    let seen = stub.graphql.seen();
    assert_eq!(seen.len(), 3);
    assert!(query(&seen[1]).contains("metadata") && !query(&seen[2]).contains("metadata"));
}

#[tokio::test]
async fn a_mutation_that_may_have_been_carried_out_is_not_sent_again() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    client.create_order(&Default::default()).await.unwrap();
    let complaint = unknown("metadata", &stub.graphql.seen()[0]);
    let denied = json!({ "message": "no", "errorType": "InternalServerError" });
    let mut of_a_service_behind = complaint.clone();
    of_a_service_behind["path"] = json!(["createOrder", "order"]);
    let mut in_other_words = complaint.clone();
    in_other_words["message"] = json!("Cannot return null for non-nullable field Order.metadata");
    for body in [
        json!({ "data": null, "errors": [of_a_service_behind] }),
        json!({ "data": null, "errors": [in_other_words] }),
        json!({ "data": { "createOrder": { "order": null } }, "errors": [complaint] }),
        json!({ "data": null, "errors": [complaint, denied] }),
    ] {
        let before = stub.graphql.count();
        stub.graphql.reply([Reply::json(200, &body)]);
        client.create_order(&Default::default()).await.unwrap_err();
        assert_eq!(stub.graphql.count(), before + 1, "{body}");
    }
}

#[tokio::test]
async fn a_field_without_which_nothing_can_be_made_of_an_answer_is_told_by_its_name() {
    let stub = Stub::start(VERSION).await;
    let sent = document_of(&stub, Purpose::Identify).await;
    stub.graphql.reply([refusing(&[unknown("id", &sent)])]);
    let error = stub.client().order(&alias(), Purpose::Identify).await.unwrap_err();
    let ApiError::Answered { errors, .. } = error else { panic!("{error:?}") };
    assert_eq!((errors[0].document, errors[0].unknown_field.as_deref()), (true, Some("T.id")));
    assert_eq!(stub.graphql.count(), 2, "it is not asked again");
}

#[tokio::test]
async fn an_update_asks_for_no_more_than_its_kind_needs() {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::json(200, &json!({ "data": { "updateOrder": { "order": { "id": "322" } } } }))]);
    let start =
        UpdateOrderInput { desired_execution_state: Some(DesiredExecutionState::Started), ..Default::default() };
    stub.client().update_order(&OrderIdentifier::OrderId("322".into()), &start).await.unwrap();
    let document = query(&stub.graphql.seen()[0]);
    let fields: Vec<&str> = document.lines().skip(3).map(str::trim).filter(|line| !line.contains('}')).collect();
    assert_eq!(fields, ["id"], "{document}");
    let start = query(&document_of(&stub, Purpose::Start).await);
    assert!(!start.contains("refunds") && !start.contains("recipient") && !start.contains("totalPrice"), "{start}");
}

#[tokio::test]
async fn a_server_that_refuses_a_document_in_unknown_words_is_asked_for_documented_fields_from_then_on() {
    let unknown_field = json!({ "message": "unknown field", "locations": [{ "line": 18, "column": 9 }] });
    for refusal in [complaint("ValidationError"), Reply::json(400, &json!({ "errors": [unknown_field] }))] {
        let log = Log::listen();
        let stub = Stub::start(VERSION).await;
        let client = stub.client();
        stub.graphql.reply([refusal, Reply::json(200, &found())]);
        assert!(client.order(&alias(), Purpose::Compare).await.unwrap().is_some());
        assert!(client.order(&alias(), Purpose::Compare).await.unwrap().is_some());
        assert_eq!(documents(&stub), [true, false, false]);
        assert_eq!(log.count(r#"field="order.recipient""#), 1, "{}", log.text());
    }
}

#[tokio::test]
async fn a_complaint_about_both_documents_changes_nothing() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    stub.graphql.reply([complaint("ValidationError")]);
    let error = client.order(&alias(), Purpose::Compare).await.unwrap_err();
    assert!(matches!(error, ApiError::Answered { errors, .. } if errors[0].document));
    client.order(&alias(), Purpose::Compare).await.unwrap_err();
    assert_eq!(documents(&stub), [true, false, true, false]);
}

#[tokio::test]
async fn a_failure_while_running_the_whole_document_is_worked_around_once() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    stub.graphql.reply([complaint("DataFetchingException"), Reply::json(200, &found())]);
    assert!(client.order(&alias(), Purpose::Compare).await.unwrap().is_some());
    assert!(client.order(&alias(), Purpose::Compare).await.unwrap().is_some());
    assert_eq!(documents(&stub), [true, false, true]);
}

#[tokio::test]
async fn an_error_of_the_api_is_not_taken_for_a_complaint() {
    let stub = Stub::start(VERSION).await;
    let error = json!({ "message": "no", "extensions": { "classification": { "errorType": "AccessDeniedError" } } });
    stub.graphql.reply([Reply::json(200, &json!({ "data": { "order": Value::Null }, "errors": [error] }))]);
    stub.client().order(&alias(), Purpose::Compare).await.unwrap_err();
    assert_eq!(documents(&stub), [true]);
}
