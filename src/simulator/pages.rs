//! Pages about the simulator itself, for people and programs.
//! Not here: endpoints of the real API (`graphql`, `token`).

use std::sync::Arc;

use axum::extract::State as Shared;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::behaviour::Behaviour;
use super::fault::FaultRule;
use super::order::{Order, OrderView, PackageState};
use super::state::State;

pub(super) async fn ledger(Shared(state): Shared<Arc<State>>) -> Response {
    let ledger = state.store().ledger.clone();
    Json(ledger).into_response()
}

pub(super) async fn orders(Shared(state): Shared<Arc<State>>) -> Response {
    let orders: Vec<OrderView> = state.store().orders().iter().map(Order::view).collect();
    Json(orders).into_response()
}

/// Accepts one rule or a list of rules.
pub(super) async fn add_faults(Shared(state): Shared<Arc<State>>, Json(body): Json<Value>) -> Response {
    let rules = match body {
        Value::Array(rules) => rules,
        one => vec![one],
    };
    match rules.into_iter().map(serde_json::from_value::<FaultRule>).collect::<Result<Vec<_>, _>>() {
        Ok(rules) => {
            for rule in rules {
                state.faults().add(rule);
            }
            StatusCode::NO_CONTENT.into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}

pub(super) async fn clear_faults(Shared(state): Shared<Arc<State>>) -> StatusCode {
    state.faults().clear();
    StatusCode::NO_CONTENT
}

/// New package state for the order with an alias of this id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Packages {
    alias: String,
    state: PackageState,
}

/// Sets the package state of an order.
pub(super) async fn set_packages(Shared(state): Shared<Arc<State>>, Json(packages): Json<Packages>) -> StatusCode {
    let known = state.store().set_package_state(&packages.alias, packages.state);
    if known { StatusCode::NO_CONTENT } else { StatusCode::NOT_FOUND }
}

/// The order with an alias of this id.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Returned {
    alias: String,
}

/// Opens a refund, as Buy with Prime does after a shopper's return, and answers its id.
pub(super) async fn request_refund(Shared(state): Shared<Arc<State>>, Json(returned): Json<Returned>) -> Response {
    match state.store().request_refund(&returned.alias) {
        Some(id) => Json(json!({ "id": id })).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

pub(super) async fn behaviour(Shared(state): Shared<Arc<State>>) -> Response {
    Json(state.behaviour()).into_response()
}

/// Changes the given choices; the others keep their value.
pub(super) async fn change_behaviour(
    Shared(state): Shared<Arc<State>>,
    Json(change): Json<Map<String, Value>>,
) -> Response {
    let mut behaviour = json!(state.behaviour());
    change.into_iter().for_each(|(name, value)| behaviour[name] = value);
    match serde_json::from_value::<Behaviour>(behaviour) {
        Ok(behaviour) => {
            state.behave(behaviour);
            Json(behaviour).into_response()
        }
        Err(error) => (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    }
}
