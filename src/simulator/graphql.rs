//! `POST /graphql`: admission of a request, and one answer from the results of its root calls.
//! Not here: the engine (`engine`), effects of a call (`service`).

use std::sync::Arc;

use apollo_compiler::Schema;
use apollo_compiler::validation::Valid;
use axum::body::Bytes;
use axum::extract::{Extension, State as Shared};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Json, Response};
use serde_json::{Map, Value, json};

use super::engine::{Refused, Request, RootCall, prepare};
use super::events::OpenCall;
use super::http::{Cut, open, response_of};
use super::refusal::Refusal;
use super::service::{Call, Ending, flat, perform};
use super::state::State;

/// Names of the header for the target.
const TARGET_HEADERS: [&str; 2] = ["x-api-target-id", "x-omni-targetid"];

pub(super) async fn graphql(
    Shared(state): Shared<Arc<State>>,
    Extension(cut): Extension<Cut>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (schema, request) = match admit(&state, &headers, &body) {
        Ok(admitted) => admitted,
        Err(ending) => {
            tracing::info!("a request was turned away by its token, headers or body");
            return response_of(ending, &cut).await;
        }
    };
    let (prepared, calls) = match prepare(&schema, request) {
        Ok(accepted) => accepted,
        Err(Refused(errors)) => {
            tracing::info!(errors = errors.len(), "the schema refused a request");
            return Json(json!({ "errors": errors })).into_response();
        }
    };
    let Outcome { results, mut errors, open } = match run(&state, calls).await {
        Ok(outcome) => outcome,
        Err(interrupted) => return interrupted.response(&cut).await,
    };
    let data = prepared.data(results).unwrap_or_else(|Refused(found)| {
        errors.extend(found);
        Value::Null
    });
    let answer = if errors.is_empty() { json!({ "data": data }) } else { json!({ "data": data, "errors": errors }) };
    for (mut call, answered) in open {
        call.answered(answered);
    }
    Json(answer).into_response()
}

/// Looks at everything outside the query; the error is the HTTP answer.
fn admit(state: &State, headers: &HeaderMap, body: &[u8]) -> Result<(Arc<Valid<Schema>>, Request), Ending> {
    let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let bearer = header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if !bearer.is_some_and(|token| state.tokens().is_alive(token)) {
        return Err(flat(&Refusal::codeless("AccessDeniedError"), 401));
    }
    let bad_request = || flat(&Refusal::codeless("ValidationError"), 400);
    let schema = header("x-api-version").and_then(|version| state.dialects.get(version)).ok_or_else(bad_request)?;
    if TARGET_HEADERS.into_iter().find_map(header).is_none_or(str::is_empty) {
        return Err(bad_request());
    }
    serde_json::from_slice(body).map(|request| (schema, request)).map_err(|_| bad_request())
}

/// Results of the root calls of one request.
#[derive(Default)]
struct Outcome {
    results: Map<String, Value>,
    errors: Vec<Value>,
    /// Open calls, each with its answer for the log.
    open: Vec<(OpenCall, String)>,
}

/// Executes the root calls in sequence, up to the first whose answer is not GraphQL.
async fn run(state: &Arc<State>, calls: Vec<RootCall>) -> Result<Outcome, Interrupted> {
    let mut outcome = Outcome::default();
    for root in calls {
        let response_key = root.response_key.clone();
        let Ok(call) = Call::read(state, root) else { return Err(Interrupted::broken(outcome)) };
        let open = open(state, &call.facts);
        // in a task of its own: the effect takes place even if the caller disconnects
        let performed = tokio::spawn(perform(Arc::clone(state), call, open.teller()));
        match performed.await {
            Ok(Ending::Answer { value, refusal }) => {
                let named = refusal.as_ref().map(|(refusal, _)| refusal.name().to_owned());
                outcome.open.push((open, named.unwrap_or_else(|| "200".to_owned())));
                outcome.errors.extend(refusal.map(|(refusal, shape)| refusal.graphql_error(shape, &response_key)));
                outcome.results.insert(response_key, value);
            }
            Ok(ending) => {
                outcome.open.push((open, String::new()));
                return Err(Interrupted { ending, open: outcome.open });
            }
            Err(_) => return Err(Interrupted::broken(outcome)),
        }
    }
    Ok(outcome)
}

/// A request without a GraphQL answer. Its calls stay open until it ends.
struct Interrupted {
    ending: Ending,
    open: Vec<(OpenCall, String)>,
}

impl Interrupted {
    /// An error of the simulator itself.
    fn broken(outcome: Outcome) -> Self {
        Self { ending: flat(&Refusal::codeless("InternalServerError"), 500), open: outcome.open }
    }

    async fn response(self, cut: &Cut) -> Response {
        let response = response_of(self.ending, cut).await;
        for (mut call, _) in self.open {
            call.answered(response.status().as_u16().to_string());
        }
        response
    }
}
