//! `POST /token`: client credentials in, an access token out, errors flat.
//! Not here: the valid tokens (`tokens`).

use std::sync::Arc;
use std::time::Duration;

use axum::Form;
use axum::extract::rejection::FormRejection;
use axum::extract::{Extension, State as Shared};
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::json;

use super::fault::{CallFacts, Fault};
use super::http::{Cut, open, response_of};
use super::names::Operation;
use super::refusal::Refusal;
use super::service::{Ending, flat, http_ending};
use super::state::State;

#[derive(Debug, Deserialize)]
pub(super) struct Credentials {
    #[serde(default)]
    grant_type: String,
    #[serde(default)]
    client_id: String,
    #[serde(default)]
    client_secret: String,
}

pub(super) async fn token(
    Shared(state): Shared<Arc<State>>,
    Extension(cut): Extension<Cut>,
    form: Result<Form<Credentials>, FormRejection>,
) -> Response {
    let facts = CallFacts { operation: Operation::Token, aliases: Vec::new(), products: Vec::new() };
    let mut open = open(&state, &facts);
    let response = match fault_ending(&state, &facts).await {
        Some(ending) => response_of(ending, &cut).await,
        None => match check(&state, form) {
            Ok(()) => issue(&state),
            Err((status, refusal)) => response_of(flat(&refusal, status), &cut).await,
        },
    };
    open.answered(response.status().as_u16().to_string());
    response
}

fn issue(state: &State) -> Response {
    let lifetime = state.config.token_lifetime;
    let token = state.tokens().issue(lifetime);
    Json(json!({ "access_token": token, "expires_in": lifetime.as_secs() })).into_response()
}

/// Checks the credentials: a missing field is a validation error, a wrong value is a denial.
fn check(state: &State, form: Result<Form<Credentials>, FormRejection>) -> Result<(), (u16, Refusal)> {
    let invalid = |code| Err((400, Refusal::validation(code)));
    let Ok(Form(given)) = form else { return invalid("InvalidContentType") };
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

/// The answer of a fault, flat for a refusal. After a delay, or a fault for orders only, a token is issued.
async fn fault_ending(state: &State, facts: &CallFacts) -> Option<Ending> {
    let fault = state.faults().fault_for(facts)?;
    state.store().ledger.count_fault(fault.kind());
    match fault {
        Fault::Delay { millis } => {
            tokio::time::sleep(Duration::from_millis(millis)).await;
            None
        }
        Fault::Refuse { error_type, code, .. } => {
            let refusal = Refusal { error_type, code };
            // the token endpoint answers a denial with 401, the Order interface with 403
            let status = if refusal.number() == 403 { 401 } else { refusal.number() };
            Some(flat(&refusal, status))
        }
        other => http_ending(state, &other),
    }
}
