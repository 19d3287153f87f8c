//! The API over HTTP on the loopback interface, as long as the value lives.
//! Not here: orders.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use async_graphql::{Name, Request, Value, Variables};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde_json::json;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use url::Url;
use url::form_urlencoded;

use super::schema::{OrderSchema, order_schema};

/// Id of the only client that gets a token.
pub(crate) const CLIENT_ID: &str = "second-client";
/// Secret of that client.
pub(crate) const CLIENT_SECRET: &str = "second-secret";
/// Id of the store that is served.
pub(crate) const TARGET: &str = "second-store";

const ACCESS_TOKEN: &str = "second-token";

/// A running server without orders.
pub(crate) struct Server {
    address: SocketAddr,
    answers: Answers,
    serving: JoinHandle<()>,
}

type Answers = Arc<Mutex<Vec<serde_json::Value>>>;

#[derive(Clone)]
struct Serving {
    schema: OrderSchema,
    answers: Answers,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let answers = Answers::default();
        let state = Serving { schema: order_schema(), answers: answers.clone() };
        let router = Router::new().route("/token", post(token)).route("/graphql", post(graphql)).with_state(state);
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, answers, serving }
    }

    pub(crate) fn endpoint(&self) -> Url {
        format!("http://{}/graphql", self.address).parse().unwrap()
    }

    pub(crate) fn token_endpoint(&self) -> Url {
        format!("http://{}/token", self.address).parse().unwrap()
    }

    /// Answers to GraphQL requests so far, first to last.
    pub(crate) fn answers(&self) -> Vec<serde_json::Value> {
        self.answers.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn token(headers: HeaderMap, body: Bytes) -> Response {
    let form: Vec<(String, String)> = form_urlencoded::parse(&body).into_owned().collect();
    let says = |name: &str, value: &str| form.iter().any(|(n, v)| n == name && v == value);
    let refused = |code| plain(StatusCode::BAD_REQUEST, "ValidationError", code);
    if !is(&headers, header::CONTENT_TYPE.as_str(), "application/x-www-form-urlencoded") {
        refused("InvalidContentType")
    } else if !says("grant_type", "client_credentials") {
        refused("InvalidGrantType")
    } else if !says("client_id", CLIENT_ID) {
        refused("InvalidClientId")
    } else if !says("client_secret", CLIENT_SECRET) {
        refused("InvalidClientSecret")
    } else {
        json(StatusCode::OK, &json!({ "access_token": ACCESS_TOKEN, "expires_in": 885 }))
    }
}

async fn graphql(State(serving): State<Serving>, headers: HeaderMap, body: Bytes) -> Response {
    if !is(&headers, header::AUTHORIZATION.as_str(), &format!("Bearer {ACCESS_TOKEN}"))
        || !is(&headers, "x-api-target-id", TARGET)
    {
        return plain(StatusCode::UNAUTHORIZED, "AccessDeniedError", "AccessDenied");
    }
    if !is(&headers, "x-api-version", "2024-11-01") {
        return plain(StatusCode::BAD_REQUEST, "ValidationError", "InvalidApiVersion");
    }
    let Ok(request) = serde_json::from_slice(&body) else {
        return plain(StatusCode::BAD_REQUEST, "ValidationError", "InvalidBody");
    };
    let answer = serde_json::to_value(serving.schema.execute(engine_request(request)).await).unwrap();
    serving.answers.lock().unwrap().push(answer.clone());
    json(StatusCode::OK, &answer)
}

/// The engine's request, made by hand: its own reader of JSON does not support exact numbers, and takes `10.00` for an
/// object.
fn engine_request(mut body: serde_json::Value) -> Request {
    let variables = match body["variables"].take() {
        serde_json::Value::Object(fields) => engine_fields(fields),
        _ => Variables::default(),
    };
    Request::new(body["query"].as_str().unwrap_or_default()).variables(variables)
}

fn engine_fields(fields: serde_json::Map<String, serde_json::Value>) -> Variables {
    let mut variables = Variables::default();
    variables.extend(fields.into_iter().map(|(name, value)| (Name::new(name), engine_value(value))));
    variables
}

fn engine_value(value: serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(truth) => Value::Boolean(truth),
        serde_json::Value::Number(number) => Value::Number(number),
        serde_json::Value::String(text) => Value::String(text),
        serde_json::Value::Array(items) => Value::List(items.into_iter().map(engine_value).collect()),
        serde_json::Value::Object(fields) => {
            Value::Object(fields.into_iter().map(|(name, value)| (Name::new(name), engine_value(value))).collect())
        }
    }
}

fn is(headers: &HeaderMap, name: &str, value: &str) -> bool {
    headers.get(name).is_some_and(|found| found == value)
}

/// A refusal outside of GraphQL.
fn plain(status: StatusCode, error_type: &str, code: &str) -> Response {
    json(status, &json!({ "message": "refused", "type": error_type, "code": code }))
}

fn json(status: StatusCode, body: &serde_json::Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}
