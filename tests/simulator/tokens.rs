//! Issuing of tokens, and their lifetime.
//! Not here: faults of the token endpoint (`faults`).

use std::time::Duration;

use bwp_sync::simulator::{Config, Operation, Simulator};
use serde_json::json;

use crate::support::{CREATE, Rig, ask_token, json_of, order, plain_client};

#[tokio::test]
async fn a_token_says_how_long_it_is_good() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let form = [("grant_type", "client_credentials"), ("client_id", "sim-client"), ("client_secret", "sim-secret")];
    let answer = json_of(ask_token(&plain_client(), &simulator, &form).await).await;
    assert_eq!(answer["expires_in"], 885);
    assert_eq!(simulator.ledger().calls_of(Operation::Token), 1);
}

#[tokio::test]
async fn wrong_credentials_are_denied_and_missing_ones_are_invalid() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let client = plain_client();
    for (grant, id, secret, status, named) in [
        ("client_credentials", "sim-client", "wrong", 401, "AccessDeniedError"),
        ("client_credentials", "wrong", "sim-secret", 401, "AccessDeniedError"),
        ("client_credentials", "", "sim-secret", 400, "InvalidClientId"),
        ("client_credentials", "sim-client", "", 400, "InvalidClientSecret"),
        ("password", "sim-client", "sim-secret", 400, "InvalidGrantType"),
    ] {
        let form = [("grant_type", grant), ("client_id", id), ("client_secret", secret)];
        let response = ask_token(&client, &simulator, &form).await;
        assert_eq!(response.status(), status);
        let body = json_of(response).await;
        assert_eq!(body["code"].as_str().or(body["type"].as_str()), Some(named));
    }
}

#[tokio::test]
async fn a_token_request_must_be_a_form() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let request = plain_client().post(simulator.token_endpoint()).header("content-type", "application/json").body("{}");
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 400);
    assert_eq!(json_of(response).await["code"], "InvalidContentType");
}

#[tokio::test]
async fn an_expired_token_is_denied() {
    let rig = Rig::with(Config { token_lifetime: Duration::ZERO, ..Config::default() }).await;
    let response = rig.request(CREATE, &json!({ "input": order("SO-1", "P-1") })).send().await.unwrap();
    assert_eq!(response.status(), 401);
    assert_eq!(json_of(response).await["type"], "AccessDeniedError");
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn a_revoked_token_is_denied_until_it_is_renewed() {
    let mut rig = Rig::start().await;
    rig.simulator.revoke_tokens();
    let variables = json!({ "input": order("SO-1", "P-1") });
    assert_eq!(rig.request(CREATE, &variables).send().await.unwrap().status(), 401);
    rig.renew_token().await;
    assert_eq!(rig.request(CREATE, &variables).send().await.unwrap().status(), 200);
    assert_eq!(rig.simulator.ledger().orders_created(), 1);
}
