//! The HTTP answer for the ending of a call, or none.
//! Not here: accepting connections (`server`), paths (`routes`).

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Json, Response};
use tokio_util::sync::CancellationToken;

use super::events::OpenCall;
use super::fault::CallFacts;
use super::service::{Ending, HttpBody};
use super::state::State;

/// Closes the connection of a request without an answer.
#[derive(Debug, Clone)]
pub(super) struct Cut(pub(super) CancellationToken);

/// Counts a call and opens it.
pub(super) fn open(state: &State, facts: &CallFacts) -> OpenCall {
    state.store().ledger.count_call(facts.operation);
    OpenCall::new(state.events.clone(), state.next_call(), facts.operation, facts.aliases.first().cloned())
}

/// Writes the answer for an ending; a hang and a cut never return.
pub(super) async fn response_of(ending: Ending, cut: &Cut) -> Response {
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
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    }
    response
}
