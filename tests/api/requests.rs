//! Requests as they go out.
//!
//! Not here: what is made of the answers.

use bwp_sync::api::Client;
use bwp_sync::ports::{OrderApi, Purpose};

use super::VERSION;
use crate::log::Log;
use crate::stub::{Reply, Stub, alias, found};

#[tokio::test]
async fn a_call_carries_token_version_target_and_name() {
    let stub = Stub::start(VERSION).await;
    stub.client().create_order(&Default::default()).await.unwrap();

    let sent = &stub.graphql.seen()[0];
    assert_eq!(sent.header("authorization"), "Bearer token-1");
    assert_eq!(sent.header("content-type"), "application/json");
    assert_eq!(sent.header("x-api-version"), VERSION.name());
    assert_eq!(sent.header("x-api-target-id"), "target-id");
    assert_eq!(sent.header("user-agent"), concat!("bwp-sync/", env!("CARGO_PKG_VERSION")));
    assert!(!sent.headers.contains_key("x-api-access-key"));
}

#[tokio::test]
async fn the_target_header_is_a_setting_and_the_access_key_goes_along_where_there_is_one() {
    let stub = Stub::start(VERSION).await;
    let mut config = stub.config();
    config.target_header = "X-Omni-TargetId".into();
    config.access_key = Some("access-key".into());
    Client::new(config).unwrap().create_order(&Default::default()).await.unwrap();

    let sent = &stub.graphql.seen()[0];
    assert_eq!(sent.header("x-omni-targetid"), "target-id");
    assert_eq!(sent.header("x-api-access-key"), "access-key");
    assert!(!sent.headers.contains_key("x-api-target-id"));
}

#[tokio::test]
async fn a_token_request_is_a_form_with_the_credentials_and_nothing_of_the_store() {
    let stub = Stub::start(VERSION).await;
    stub.client().create_order(&Default::default()).await.unwrap();

    let sent = &stub.token.seen()[0];
    assert_eq!(sent.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(sent.body, "grant_type=client_credentials&client_id=client-id&client_secret=client-s%26cret");
    assert!(!sent.headers.contains_key("x-api-target-id"));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::new(307, "").with("location", "/graphql")]);
    stub.client().create_order(&Default::default()).await.unwrap_err();
    assert_eq!(stub.graphql.count(), 1);
}

#[tokio::test]
async fn a_failed_call_is_not_repeated() {
    let stub = Stub::start(VERSION).await;
    stub.graphql.reply([Reply::new(503, "")]);
    stub.client().create_order(&Default::default()).await.unwrap_err();
    assert_eq!(stub.graphql.count(), 1);
}

#[tokio::test]
async fn a_connection_is_used_again() {
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    for _ in 0..3 {
        client.create_order(&Default::default()).await.unwrap();
    }
    let seen = stub.graphql.seen();
    assert!(seen.iter().all(|sent| sent.peer == seen[0].peer));
}

#[tokio::test]
async fn no_log_at_any_level_holds_a_secret_or_an_order() {
    let log = Log::listen();
    let stub = Stub::start(VERSION).await;
    let client = stub.client();
    for status in [200, 500] {
        stub.graphql.reply([Reply::json(status, &found())]);
        client.order(&alias(), Purpose::Compare).await.unwrap();
    }
    assert_eq!(log.count("token renewed"), 1);
    for secret in ["client-s", "token-1", "SO-10042", "322-ABC1-AAAAAA", "target-id"] {
        assert!(!log.text().contains(secret), "{secret}");
    }
}
