//! Paths and their handlers.
//! Not here: the answers (`graphql`, `token`, `pages`).

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

use super::state::State;
use super::{graphql, pages, token};

pub(super) fn router(state: Arc<State>) -> Router {
    Router::new()
        .route("/graphql", post(graphql::graphql))
        .route("/token", post(token::token))
        .route("/_simulator/ledger", get(pages::ledger))
        .route("/_simulator/orders", get(pages::orders))
        .route("/_simulator/packages", post(pages::set_packages))
        .route("/_simulator/refunds", post(pages::request_refund))
        .route("/_simulator/behaviour", get(pages::behaviour).patch(pages::change_behaviour))
        .route("/_simulator/faults", post(pages::add_faults).delete(pages::clear_faults))
        .with_state(state)
}
