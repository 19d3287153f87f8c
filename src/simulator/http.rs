//! The HTTP side: tokens, GraphQL, and the pages about the simulator itself.
//! Not here: accepting connections (`server`), what a call does (`service`).

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use axum::{Form, Router};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;

use super::Operation;
use super::engine::{Refused, Request, RootCall, prepare};
use super::events::OpenCall;
use super::fault::{CallFacts, Fault, FaultRule};
use super::order::OrderView;
use super::refusal::Refusal;
use super::service::{Call, Ending, HttpBody, flat, http_ending, perform};
use super::state::State;

/// The names under which the target header is known.
const TARGET_HEADERS: [&str; 2] = ["x-api-target-id", "x-omni-targetid"];

/// Ends the connection of a request without an answer.
#[derive(Debug, Clone)]
pub(super) struct Cut(pub(super) CancellationToken);

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/graphql", post(graphql))
        .route("/token", post(token))
        .route("/_simulator/ledger", get(ledger))
        .route("/_simulator/orders", get(orders))
        .route("/_simulator/faults", post(add_faults).delete(clear_faults))
        .with_state(state)
}

async fn graphql(
    Shared(state): Shared<Arc<State>>,
    Extension(cut): Extension<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let bearer = header_text(&headers, "authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| state.tokens().is_alive(token)) {
        return response_of(flat(&Refusal::codeless("AccessDeniedError"), 401), &cut).await;
    }
    let schema = header_text(&headers, "x-api-version").and_then(|version| state.dialects.get(version));
    let target = TARGET_HEADERS.iter().find_map(|name| header_text(&headers, name)).filter(|target| !target.is_empty());
    let (Some(schema), Some(_)) = (schema, target) else { return bad_request(&cut).await };
    let Ok(request) = serde_json::from_slice::<Request>(&body) else { return bad_request(&cut).await };

    let (prepared, calls) = match prepare(schema, request) {
        Ok(accepted) => accepted,
        Err(Refused(errors)) => return Json(json!({ "errors": errors })).into_response(),
    };
    let outcome = match run(&state, calls).await {
        Ok(outcome) => outcome,
        Err(interrupted) => return interrupted.response(&cut).await,
    };
    let Outcome { results, mut errors, open } = outcome;
    let data = prepared.data(results).unwrap_or_else(|Refused(found)| {
        errors.extend(found);
        Value::Null
    });
    let answer = if errors.is_empty() { json!({ "data": data }) } else { json!({ "data": data, "errors": errors }) };
    open.iter().for_each(OpenCall::answered);
    Json(answer).into_response()
}

/// What the root calls of one request came to.
#[derive(Default)]
struct Outcome {
    results: Map<String, Value>,
    errors: Vec<Value>,
    open: Vec<OpenCall>,
}

/// Carries the root calls out, one after the other, up to the first whose answer is no GraphQL.
async fn run(state: &Arc<State>, calls: Vec<RootCall>) -> Result<Outcome, Interrupted> {
    let mut outcome = Outcome::default();
    for root in calls {
        let response_key = root.response_key.clone();
        let Ok(call) = Call::read(state, root) else { return Err(Interrupted::broken()) };
        let open = open(state, &call.facts);
        // on its own task, so that an effect takes place also when the caller has gone away
        let performed = tokio::spawn(perform(Arc::clone(state), call, open.teller()));
        outcome.open.push(open);
        let Ok(ending) = performed.await else {
            return Err(Interrupted::broken());
        };
        match ending {
            Ending::Answer { value, refusal } => {
                outcome.errors.extend(refusal.map(|(refusal, shape)| refusal.graphql_error(shape, &response_key)));
                outcome.results.insert(response_key, value);
            }
            other => return Err(Interrupted { ending: other, open: outcome.open }),
        }
    }
    Ok(outcome)
}

/// A request that ends otherwise than with a GraphQL answer; its calls stay open until then.
struct Interrupted {
    ending: Ending,
    open: Vec<OpenCall>,
}

impl Interrupted {
    fn broken() -> Self {
        Self { ending: flat(&Refusal::codeless("InternalServerError"), 500), open: Vec::new() }
    }

    async fn response(self, cut: &Cut) -> Response {
        let response = response_of(self.ending, cut).await;
        self.open.iter().for_each(OpenCall::answered);
        response
    }
}

#[derive(Debug, Default, Deserialize)]
struct Credentials {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

async fn token(
    Shared(state): Shared<Arc<State>>,
    Extension(cut): Extension<Cut>,
    form: Result<Form<Credentials>, axum::extract::rejection::FormRejection>,
) -> Response {
    let facts = CallFacts { operation: Operation::Token, aliases: Vec::new(), products: Vec::new() };
    let open = open(&state, &facts);
    let fault = state.faults().take(&facts);
    if let Some(fault) = &fault {
        state.store().ledger.count_fault(fault.kind());
        if let Some(ending) = token_fault(&state, fault).await {
            let response = response_of(ending, &cut).await;
            open.answered();
            return response;
        }
    }
    let refused = match form {
        Ok(Form(credentials)) => check_credentials(&state, &credentials),
        Err(_) => Err((400, Refusal::validation("InvalidContentType"))),
    };
    let response = match refused {
        Ok(()) => {
            let lifetime = state.config.token_lifetime;
            let token = state.tokens().issue(lifetime);
            Json(json!({ "access_token": token, "expires_in": lifetime.as_secs() })).into_response()
        }
        Err((status, refusal)) => response_of(flat(&refusal, status), &cut).await,
    };
    open.answered();
    response
}

/// A refusal is always flat here. After a delay, and where a fault only makes sense for an order, a token is issued.
async fn token_fault(state: &State, fault: &Fault) -> Option<Ending> {
    match fault {
        Fault::Delay { millis } => {
            tokio::time::sleep(std::time::Duration::from_millis(*millis)).await;
            None
        }
        Fault::Refuse { error_type, code, .. } => {
            let refusal = Refusal { error_type: error_type.clone(), code: code.clone() };
            // the token endpoint answers a denial with 401, where the Order interface says 403
            let status = if refusal.number() == 403 { 401 } else { refusal.number() };
            Some(flat(&refusal, status))
        }
        other => http_ending(state, other),
    }
}

/// Something missing is a validation error; something wrong is a denial.
fn check_credentials(state: &State, given: &Credentials) -> Result<(), (u16, Refusal)> {
    let invalid = |code| Err((400, Refusal::validation(code)));
    if given.grant_type != "client_credentials" {
        return invalid("InvalidGrantType");
    }
    if given.client_id.is_empty() {
        return invalid("InvalidClientId");
    }
    if given.client_secret.is_empty() {
        return invalid("InvalidClientSecret");
    }
    let known = given.client_id == state.config.client_id && given.client_secret == state.config.client_secret;
    if known { Ok(()) } else { Err((401, Refusal::codeless("AccessDeniedError"))) }
}

async fn ledger(Shared(state): Shared<Arc<State>>) -> Response {
    let ledger = state.store().ledger.clone();
    Json(ledger).into_response()
}

async fn orders(Shared(state): Shared<Arc<State>>) -> Response {
    let orders: Vec<OrderView> = state.store().orders().iter().map(super::order::Order::view).collect();
    Json(orders).into_response()
}

/// Takes one rule or a list of rules.
async fn add_faults(Shared(state): Shared<Arc<State>>, Json(body): Json<Value>) -> Response {
    let rules = match body {
        Value::Array(rules) => rules,
        one => vec![one],
    };
    match rules.into_iter().map(serde_json::from_value::<FaultRule>).collect::<Result<Vec<_>, _>>() {
        Ok(rules) => {
            rules.into_iter().for_each(|rule| state.faults().add(rule));
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

async fn clear_faults(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.faults().clear();
    StatusCode::NO_CONTENT
}

fn open(state: &State, facts: &CallFacts) -> OpenCall {
    state.store().ledger.count_call(facts.operation);
    OpenCall::new(state.events.clone(), state.next_call(), facts.operation, facts.aliases.first().cloned())
}

async fn bad_request(cut: &Cut) -> Response {
    response_of(flat(&Refusal::codeless("ValidationError"), 400), cut).await
}

/// Writes an ending; a hang and a cut never return.
async fn response_of(ending: Ending, cut: &Cut) -> Response {
    match ending {
        Ending::Answer { value, .. } => Json(value).into_response(),
        Ending::Http { status, retry_after, body } => http_response(status, retry_after, body),
        Ending::Hang => std::future::pending().await,
        Ending::Drop => {
            cut.0.cancel();
            std::future::pending().await
        }
    }
}

fn http_response(status: u16, retry_after: Option<u64>, body: HttpBody) -> Response {
    let (content_type, body) = match body {
        HttpBody::Json(value) => ("application/json", value.to_string()),
        HttpBody::Text(text) => ("text/html", text),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}
