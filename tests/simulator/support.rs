//! A running simulator and a client for it.
//! Not here: expectations.

use std::sync::Arc;

use bwp_sync::simulator::{Behaviour, CallEvent, CallPhase, Config, Simulator};
use reqwest::{Client, Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::sync::broadcast::Receiver;

pub(crate) const CREATE: &str = "mutation($input: CreateOrderInput!) { createOrder(input: $input) { order { id } } }";
pub(crate) const UPDATE: &str = "mutation($orderIdentifier: OrderIdentifierInput!, $input: UpdateOrderInput!) {
    updateOrder(orderIdentifier: $orderIdentifier, input: $input) { order { id } } }";
pub(crate) const READ: &str =
    "query($orderIdentifier: OrderIdentifierInput!) { order(orderIdentifier: $orderIdentifier) {
    id aliases { aliasType aliasId } orderLinks { url }
    metadata { executionState } packageInformation { summary { state } }
    totalPrice { value { amount currencyCode } } lineItems { product { price { amount } } } } }";

pub(crate) struct Rig {
    pub(crate) simulator: Simulator,
    pub(crate) client: Client,
    token: String,
}

impl Rig {
    pub(crate) async fn start() -> Self {
        Self::with(Config::default()).await
    }

    pub(crate) async fn with(config: Config) -> Self {
        let simulator = Simulator::start(config).await.unwrap();
        let client = plain_client();
        let token = issue(&client, &simulator).await;
        Self { simulator, client, token }
    }

    pub(crate) async fn behaving(behaviour: Behaviour) -> Self {
        Self::with(Config { behaviour, ..Config::default() }).await
    }

    pub(crate) async fn renew_token(&mut self) {
        self.token = issue(&self.client, &self.simulator).await;
    }

    /// A request with every required header, in the version of most tests.
    pub(crate) fn request(&self, query: &str, variables: &Value) -> RequestBuilder {
        self.request_in("2024-11-01", query, variables)
    }

    pub(crate) fn request_in(&self, version: &str, query: &str, variables: &Value) -> RequestBuilder {
        self.bare_request()
            .header("x-api-version", version)
            .header("x-api-target-id", "target")
            .body(json!({ "query": query, "variables": variables }).to_string())
    }

    /// A request with a token and no other header.
    pub(crate) fn bare_request(&self) -> RequestBuilder {
        self.client.post(self.simulator.endpoint()).bearer_auth(&self.token).header("content-type", "application/json")
    }

    pub(crate) async fn call(&self, query: &str, variables: &Value) -> Value {
        json_of(self.request(query, variables).send().await.unwrap()).await
    }

    pub(crate) async fn call_in(&self, version: &str, query: &str, variables: &Value) -> Value {
        json_of(self.request_in(version, query, variables).send().await.unwrap()).await
    }

    /// A request to a page about the simulator itself.
    pub(crate) async fn control(&self, method: Method, page: &str, body: &Value) -> Response {
        let url = self.simulator.endpoint().replace("/graphql", &format!("/_simulator/{page}"));
        let request = self.client.request(method, url).header("content-type", "application/json");
        request.body(body.to_string()).send().await.unwrap()
    }

    pub(crate) async fn create(&self, input: &Value) -> Value {
        self.call(CREATE, &json!({ "input": input })).await
    }

    pub(crate) async fn update(&self, alias: &str, input: &Value) -> Value {
        self.call(UPDATE, &json!({ "orderIdentifier": by_alias(alias), "input": input })).await
    }

    pub(crate) async fn read(&self, alias: &str) -> Value {
        self.call(READ, &json!({ "orderIdentifier": by_alias(alias) })).await
    }
}

/// A client for plain HTTP; its builder requires a TLS configuration nevertheless.
pub(crate) fn plain_client() -> Client {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(rustls::RootCertStore::empty())
        .with_no_client_auth();
    Client::builder().no_proxy().tls_backend_preconfigured(tls).build().unwrap()
}

pub(crate) async fn ask_token(client: &Client, simulator: &Simulator, form: &[(&str, &str)]) -> Response {
    client.post(simulator.token_endpoint()).form(form).send().await.unwrap()
}

async fn issue(client: &Client, simulator: &Simulator) -> String {
    let form = [("grant_type", "client_credentials"), ("client_id", "sim-client"), ("client_secret", "sim-secret")];
    let answer = json_of(ask_token(client, simulator, &form).await).await;
    answer["access_token"].as_str().unwrap().to_owned()
}

pub(crate) async fn json_of(response: Response) -> Value {
    serde_json::from_str(&response.text().await.unwrap()).unwrap()
}

pub(crate) fn by_alias(id: &str) -> Value {
    json!({ "alias": { "aliasType": "EXTERNAL_ID", "aliasId": id } })
}

/// The input of an order with one Prime line.
pub(crate) fn order(alias: &str, product: &str) -> Value {
    json!({
        "aliases": [{ "aliasType": "EXTERNAL_ID", "aliasId": alias }],
        "lineItems": [prime_line(product, 1)],
        "totalPrice": { "value": { "amount": 10, "currencyCode": "USD" } },
    })
}

pub(crate) fn prime_line(product: &str, quantity: u32) -> Value {
    json!({
        "product": {
            "identifier": { "productId": product },
            "title": "Mug",
            "price": { "amount": 10, "currencyCode": "USD" },
        },
        "amount": { "value": quantity },
        "selectedDeliveryOffer": { "details": {
            "id": "1",
            "deliveryPreviewId": "SIP-1",
            "deliveryProvider": "AMAZON",
            "deliveryTerms": { "isPrimeEligible": true },
        } },
    })
}

/// The classification of a request that the server did not run.
pub(crate) fn classification(answer: &Value) -> &str {
    answer["errors"][0]["extensions"]["classification"].as_str().unwrap()
}

/// Code of the only error in an answer, or its type if it has no code.
pub(crate) fn refusal(answer: &Value) -> &str {
    let errors = answer["errors"].as_array().unwrap_or_else(|| panic!("expected an error in {answer}"));
    assert_eq!(errors.len(), 1, "{answer}");
    let classification = &errors[0]["extensions"]["classification"];
    classification.get("code").unwrap_or(&classification["errorType"]).as_str().unwrap()
}

/// Waits until a call for this order reaches a phase.
pub(crate) async fn wait_for(events: &mut Receiver<CallEvent>, alias: &str, phase: CallPhase) {
    loop {
        let event = events.recv().await.unwrap();
        if event.alias.as_deref() == Some(alias) && event.phase == phase {
            return;
        }
    }
}
