//! The pages about the simulator itself, for people and programs.
//! Not here: anything that the real API has too (`graphql`, `token`).

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde_json::Value;

use super::fault::FaultRule;
use super::order::{Order, OrderView};
use super::state::State;

pub(super) async fn ledger(Shared(state): Shared<Arc<State>>) -> Response {
    let ledger = state.store().ledger.clone();
    Json(ledger).into_response()
}

pub(super) async fn orders(Shared(state): Shared<Arc<State>>) -> Response {
    let orders: Vec<OrderView> = state.store().orders().iter().map(Order::view).collect();
    Json(orders).into_response()
}

/// Takes one rule or a list of rules.
pub(super) async fn add_faults(Shared(state): Shared<Arc<State>>, Json(body): Json<Value>) -> Response {
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

pub(super) async fn clear_faults(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.faults().clear();
    StatusCode::NO_CONTENT
}
