//! The life of a token. The clock is moved by hand where time matters.
//!
//! Not here: the form of a token request.

use std::sync::Arc;
use std::time::Duration;

use bwp_sync::api::Client;
use bwp_sync::ports::{ApiError, OrderApi, TokenError};
use futures_util::future::join_all;
use serde_json::json;
use tokio::task::JoinHandle;

use super::VERSION;
use crate::log::Log;
use crate::stub::{Reply, Stub, created, pass, token};

async fn create(client: &Client) -> Result<(), ApiError> {
    client.create_order(&Default::default()).await.map(drop)
}

/// Calls that all wait for the token request under way.
async fn waiting(stub: &Stub, client: &Arc<Client>, count: usize) -> Vec<JoinHandle<Result<(), ApiError>>> {
    stub.token.hold();
    let tasks = (0..count)
        .map(|_| {
            let client = Arc::clone(client);
            tokio::spawn(async move { create(&client).await })
        })
        .collect();
    stub.token.arrived(1).await;
    // one thread runs all tasks: each of them has been polled when the server has seen the first request
    tasks
}

fn bearers(stub: &Stub) -> Vec<String> {
    stub.graphql.seen().iter().map(|sent| sent.header("authorization").replace("Bearer ", "")).collect()
}

#[tokio::test]
async fn many_calls_at_once_share_one_token_request() {
    let stub = Stub::start(VERSION).await;
    let client = Arc::new(stub.client());
    let calls = waiting(&stub, &client, 50).await;
    stub.token.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!((stub.token.count(), stub.graphql.count()), (1, 50));
}

#[tokio::test]
async fn those_who_wait_for_a_renewal_that_fails_get_its_error_without_asking_again() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([Reply::new(503, "")]);
    let client = Arc::new(stub.client());
    let calls = waiting(&stub, &client, 50).await;
    stub.token.release();
    for result in join_all(calls).await {
        let reason = "HTTP 503".to_owned();
        assert_eq!(result.unwrap(), Err(ApiError::NoToken(TokenError::Unavailable { reason })));
    }
    assert_eq!((stub.token.count(), stub.graphql.count()), (1, 0));

    stub.token.reply([token("token-2", 885)]);
    create(&client).await.unwrap();
}

#[tokio::test]
async fn a_call_that_gives_up_does_not_take_the_renewal_away_from_the_others() {
    let stub = Stub::start(VERSION).await;
    let client = Arc::new(stub.client());
    let mut calls = waiting(&stub, &client, 3).await;
    let first = calls.remove(0);
    first.abort();
    assert!(first.await.unwrap_err().is_cancelled());
    stub.token.release();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(stub.token.count(), 1);
}

#[tokio::test]
async fn a_token_is_used_until_shortly_before_its_end_and_renewed_beside_the_calls() {
    let log = Log::listen();
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 885), token("token-2", 885)]);
    let client = stub.client();
    create(&client).await.unwrap();
    pass(790).await;
    create(&client).await.unwrap();
    assert_eq!(stub.token.count(), 1);

    pass(10).await;
    stub.token.hold();
    create(&client).await.unwrap();
    stub.token.arrived(2).await;
    create(&client).await.unwrap();
    stub.token.release();
    log.says("token renewed", 2).await;
    create(&client).await.unwrap();
    assert_eq!(bearers(&stub), ["token-1", "token-1", "token-1", "token-1", "token-2"]);
    assert_eq!(stub.token.count(), 2);
}

#[tokio::test]
async fn an_early_renewal_that_fails_leaves_the_old_token_in_use_and_is_not_repeated_at_once() {
    let log = Log::listen();
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    create(&client).await.unwrap();
    stub.token.reply([Reply::json(401, &json!({ "code": "InvalidClientSecret" }))]);
    pass(800).await;
    create(&client).await.unwrap();
    log.says("still lives", 1).await;
    for _ in 0..10 {
        create(&client).await.unwrap();
    }
    assert!(bearers(&stub).iter().all(|bearer| bearer == "token-1"));
    assert_eq!(stub.token.count(), 2);

    pass(6).await;
    create(&client).await.unwrap();
    log.says("still lives", 2).await;
    assert_eq!(stub.token.count(), 3);
    pass(100).await;
    let refused = TokenError::Refused { status: 401, code: "InvalidClientSecret".into() };
    assert_eq!(create(&client).await, Err(ApiError::NoToken(refused)));
}

#[tokio::test]
async fn a_token_with_a_short_life_is_used_for_half_of_it() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 20), token("token-2", 20)]);
    let client = stub.client();
    for _ in 0..5 {
        create(&client).await.unwrap();
    }
    pass(9).await;
    create(&client).await.unwrap();
    assert_eq!(stub.token.count(), 1);
    pass(2).await;
    create(&client).await.unwrap();
    stub.token.arrived(2).await;
}

#[tokio::test]
async fn a_token_that_has_ended_is_waited_for() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 885), token("token-2", 885)]);
    let client = stub.client();
    create(&client).await.unwrap();
    pass(900).await;
    create(&client).await.unwrap();
    assert_eq!(bearers(&stub), ["token-1", "token-2"]);
}

#[tokio::test]
async fn a_token_without_a_lifetime_is_kept() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([Reply::json(200, &json!({ "access_token": "token-1" }))]);
    let client = stub.client();
    create(&client).await.unwrap();
    create(&client).await.unwrap();
    assert_eq!(stub.token.count(), 1);
}

#[tokio::test]
async fn a_refused_token_is_replaced_and_the_call_made_again() {
    let in_graphql = json!({ "data": { "createOrder": null }, "errors": [{ "message": "expired",
        "extensions": { "classification": { "errorType": "AccessDeniedError", "errorCode": 401 } } }] });
    for refusal in [Reply::new(401, ""), Reply::json(200, &in_graphql)] {
        let stub = Stub::start(VERSION).await;
        stub.token.reply([token("token-1", 885), token("token-2", 885)]);
        stub.graphql.reply([refusal, Reply::json(200, &created())]);
        let client = stub.client();
        create(&client).await.unwrap();
        create(&client).await.unwrap();
        assert_eq!(bearers(&stub), ["token-1", "token-2", "token-2"]);
        let seen = stub.graphql.seen();
        assert_eq!(seen[0].body, seen[1].body);
    }
}

#[tokio::test]
async fn a_second_refusal_is_reported() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 885), token("token-2", 885)]);
    let body = json!({ "type": "AccessDeniedError", "message": "no" });
    stub.graphql.reply([Reply::json(401, &body)]);
    let error = create(&stub.client()).await.unwrap_err();
    assert!(matches!(error, ApiError::Answered { status: 401, errors, .. }
        if errors[0].error_type.as_deref() == Some("AccessDeniedError")));
    assert_eq!((stub.token.count(), stub.graphql.count()), (2, 2));
}

#[tokio::test]
async fn an_access_that_is_denied_without_a_401_costs_no_token() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    for (status, number) in [(200, 403), (403, 403)] {
        let error = json!({ "message": "no",
            "extensions": { "classification": { "errorType": "AccessDeniedError", "errorCode": number } } });
        stub.graphql.reply([Reply::json(status, &json!({ "errors": [error] }))]);
        create(&client).await.unwrap_err();
    }
    assert_eq!((stub.token.count(), stub.graphql.count()), (1, 2));
}

#[tokio::test]
async fn calls_refused_together_are_made_again_with_one_new_token() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 885), token("token-2", 885)]);
    let client = stub.client();
    create(&client).await.unwrap();
    stub.graphql.hold();
    let refusals = (0..10).map(|_| Reply::new(401, ""));
    stub.graphql.reply(refusals.chain([Reply::json(200, &created())]));
    let calls = join_all((0..10).map(|_| create(&client)));
    let release = async {
        stub.graphql.arrived(11).await;
        stub.graphql.release();
    };
    let (results, ()) = tokio::join!(calls, release);
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(stub.token.count(), 2);
}

#[tokio::test]
async fn a_late_refusal_of_an_old_token_does_not_cost_the_new_one() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("token-1", 885), token("token-2", 885), token("token-3", 885)]);
    let client = stub.client();
    create(&client).await.unwrap();
    stub.graphql.hold();
    stub.graphql.reply([Reply::new(401, ""), Reply::new(401, ""), Reply::json(200, &created())]);
    let calls = async { tokio::join!(create(&client), create(&client)) };
    let refusals = async {
        stub.graphql.arrived(3).await;
        stub.graphql.release_one();
        stub.graphql.arrived(4).await;
        stub.graphql.release_one();
        stub.graphql.arrived(5).await;
        stub.graphql.release();
    };
    let (results, ()) = tokio::join!(calls, refusals);
    assert_eq!(results, (Ok(()), Ok(())));
    assert_eq!(bearers(&stub), ["token-1", "token-1", "token-1", "token-2", "token-2"]);
}

#[tokio::test]
async fn answers_of_the_token_endpoint_are_told_as_facts() {
    let refused = |status, code: &str| TokenError::Refused { status, code: code.into() };
    let unavailable = |reason: &str| TokenError::Unavailable { reason: reason.into() };
    let stub = Stub::start(VERSION).await;
    for (reply, expected) in [
        (
            Reply::json(400, &json!({ "type": "ValidationError", "code": "InvalidClientId" })),
            refused(400, "InvalidClientId"),
        ),
        (Reply::json(401, &json!({ "type": "AccessDeniedError" })), refused(401, "AccessDeniedError")),
        (Reply::json(401, &json!({ "error": "invalid_client" })), refused(401, "invalid_client")),
        (Reply::new(401, "no"), refused(401, "without a code")),
        (
            Reply::new(429, "").with("retry-after", "3"),
            TokenError::Throttled { retry_after: Some(Duration::from_secs(3)) },
        ),
        (Reply::new(429, ""), TokenError::Throttled { retry_after: None }),
        (Reply::new(302, "").with("location", "https://login.example/x"), unavailable("HTTP 302")),
        (Reply::new(403, ""), unavailable("HTTP 403")),
        (Reply::new(407, "<html>").with("proxy-authenticate", "Basic"), unavailable("HTTP 407")),
        (Reply::new(500, ""), unavailable("HTTP 500")),
        (Reply::new(200, "<html>"), unavailable("HTTP 200 without a token: HTML or XML")),
        (Reply::new(200, "{}"), unavailable("HTTP 200 without a token: JSON of another kind")),
        (token("two\nlines", 885), unavailable("HTTP 200 without a token: JSON of another kind")),
    ] {
        stub.token.reply([reply]);
        assert_eq!(create(&stub.client()).await, Err(ApiError::NoToken(expected)));
    }
    assert_eq!(stub.graphql.count(), 0);
}

#[tokio::test]
async fn a_token_endpoint_that_cannot_be_reached_is_unavailable() {
    let stub = Stub::start(VERSION).await;
    let mut config = stub.config();
    config.token_endpoint = "http://no-such-host.invalid/token".parse().unwrap();
    let error = create(&Client::new(config).unwrap()).await.unwrap_err();
    assert!(matches!(error, ApiError::NoToken(TokenError::Unavailable { .. })));
    assert!(error.to_string().starts_with("no token: name not resolved"), "{error}");
}

#[tokio::test]
async fn a_call_waits_for_a_token_no_longer_than_it_may_take() {
    let stub = Stub::start(VERSION).await;
    stub.token.hold();
    let mut config = stub.config();
    config.timeout = Duration::from_millis(100);
    let error = create(&Client::new(config).unwrap()).await.unwrap_err();
    assert!(matches!(error, ApiError::NoToken(TokenError::Unavailable { .. })));
}
