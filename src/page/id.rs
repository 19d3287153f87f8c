//! The id in an address.
//!
//! Not here: the thing that it is the id of.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::Response;
use uuid::Uuid;

use super::access::Visitor;
use super::app::App;
use super::layout::problem;

/// The id of a letter, a plan or a run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Id(pub(super) Uuid);

impl FromRequestParts<Arc<App>> for Id {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, Response> {
        let text = Path::<String>::from_request_parts(parts, app).await.ok();
        let id = text.and_then(|Path(text)| text.parse().ok());
        let visitor = parts.extensions.get::<Visitor>();
        id.map(Self).ok_or_else(|| problem(app, visitor, StatusCode::NOT_FOUND, "This is no id."))
    }
}
