//! Reading with documented fields alone, where a server does not know the others.
//!
//! Not here: how a complaint is recognised.

use bwp_sync::ports::{ApiError, OrderApi};
use serde_json::{Value, json};

use super::VERSION;
use crate::log::Log;
use crate::stub::{Recorded, Reply, Stub, alias, found};

fn complaint(classification: &str) -> Reply {
    let error = json!({ "message": "no", "extensions": { "classification": classification } });
    Reply::json(200, &json!({ "data": null, "errors": [error] }))
}

fn asks_for_all(sent: &Recorded) -> bool {
    sent.json()["query"].as_str().is_some_and(|query| query.contains("recipient"))
}

fn documents(stub: &Stub) -> Vec<bool> {
    stub.graphql.seen().iter().map(asks_for_all).collect()
}

#[tokio::test]
async fn a_server_that_refuses_the_whole_document_is_asked_for_documented_fields_from_then_on() {
    let unknown_field = json!({ "message": "unknown field", "locations": [{ "line": 18, "column": 9 }] });
    for refusal in [complaint("ValidationError"), Reply::json(400, &json!({ "errors": [unknown_field] }))] {
        let log = Log::listen();
        let stub = Stub::start(VERSION).await;
        let client = stub.client();
        stub.graphql.reply([refusal, Reply::json(200, &found())]);
        assert!(client.order(&alias()).await.unwrap().is_some());
        assert!(client.order(&alias()).await.unwrap().is_some());
        assert_eq!(documents(&stub), [true, false, false]);
        assert_eq!(log.count("only documented ones"), 1);
    }
}

#[tokio::test]
async fn a_complaint_about_both_documents_changes_nothing() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    stub.graphql.reply([complaint("ValidationError")]);
    let error = client.order(&alias()).await.unwrap_err();
    assert!(matches!(error, ApiError::Answered { errors, .. } if errors[0].document));
    client.order(&alias()).await.unwrap_err();
    assert_eq!(documents(&stub), [true, false, true, false]);
}

#[tokio::test]
async fn a_failure_while_running_the_whole_document_is_worked_around_once() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    stub.graphql.reply([complaint("DataFetchingException"), Reply::json(200, &found())]);
    assert!(client.order(&alias()).await.unwrap().is_some());
    assert!(client.order(&alias()).await.unwrap().is_some());
    assert_eq!(documents(&stub), [true, false, true]);
}

#[tokio::test]
async fn an_error_of_the_api_is_not_taken_for_a_complaint() {
    let stub = Stub::start(VERSION).await;
    let error = json!({ "message": "no", "extensions": { "classification": { "errorType": "AccessDeniedError" } } });
    stub.graphql.reply([Reply::json(200, &json!({ "data": { "order": Value::Null }, "errors": [error] }))]);
    stub.client().order(&alias()).await.unwrap_err();
    assert_eq!(documents(&stub), [true]);
}
