//! Settings that a client can be made from, and those that it shows.
//!
//! Not here: calls.

use bwp_sync::api::{Client, ClientError};
use bwp_sync::ports::OrderApi;

use super::VERSION;
use crate::stub::{Stub, token};

#[tokio::test]
async fn what_is_shown_for_debugging_holds_no_secret() {
    let stub = Stub::start(VERSION).await;
    stub.token.reply([token("secret-token", 885)]);
    let mut config = stub.config();
    config.client_secret = "secret-client".into();
    config.access_key = Some("secret-key".into());
    let shown_config = format!("{config:#?}");
    let client = Client::new(config).unwrap();
    client.create_order(&Default::default()).await.unwrap();
    assert!(stub.graphql.seen()[0].header("authorization").contains("secret-token"));

    for shown in [shown_config, format!("{client:#?}")] {
        for secret in ["secret-client", "secret-key", "secret-token"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

#[tokio::test]
async fn what_http_cannot_carry_is_refused_before_anything_connects() {
    let stub = Stub::start(VERSION).await;
    let mut cases = Vec::new();
    for (address, setting) in [("ftp://api.example/", "endpoint"), ("https://user@api.example/", "endpoint")] {
        let mut config = stub.config();
        config.endpoint = address.parse().unwrap();
        cases.push((config, setting));
    }
    let mut config = stub.config();
    config.token_endpoint = "https://:password@api.example/".parse().unwrap();
    cases.push((config, "token_endpoint"));
    let mut config = stub.config();
    config.target_header = "not a name".into();
    cases.push((config, "target_header"));
    let mut config = stub.config();
    config.target_id = "two\nlines".into();
    cases.push((config, "target_id"));
    let mut config = stub.config();
    config.access_key = Some("two\nlines".into());
    cases.push((config, "access_key"));

    for (config, expected) in cases {
        let error = Client::new(config).unwrap_err();
        assert!(
            matches!(&error, ClientError::Address { setting } | ClientError::Header { setting } if *setting == expected)
        );
        assert!(error.to_string().starts_with(expected) && !error.to_string().contains("two"));
    }
}
