//! The fields of a form that came by POST, with the token of the session that must be among them.
//!
//! Not here: what a form means.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use url::form_urlencoded;

use super::access::{FORM_TOKEN, Visitor, is_same};
use super::app::App;
use super::layout::problem;

/// Bytes of the largest form.
pub(super) const MOST_BYTES: usize = 1024 * 1024;

/// Fields in their order; a name may come more than once.
#[derive(Debug, Default)]
pub(super) struct Fields(Vec<(String, String)>);

impl Fields {
    /// The fields of a query, or of a form's body.
    pub(super) fn read(text: &[u8]) -> Self {
        Self(form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The first value of a name that is not blank.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.all(name).find(|value| !value.trim().is_empty())
    }

    /// All values of a name.
    pub(super) fn all<'f, 'n>(&'f self, name: &'n str) -> impl Iterator<Item = &'f str> + use<'f, 'n> {
        self.0.iter().filter(move |(field, _)| field == name).map(|(_, value)| value.as_str())
    }

    /// All fields.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// A form of a visitor's own session.
pub(super) struct Form {
    pub(super) fields: Fields,
    pub(super) visitor: Visitor,
}

impl FromRequest<Arc<App>> for Form {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let Some(visitor) = request.extensions().get::<Visitor>().cloned() else {
            return Err(StatusCode::FORBIDDEN.into_response());
        };
        let body = Bytes::from_request(request, app).await.map_err(IntoResponse::into_response)?;
        let fields = Fields::read(&body);
        if fields.get(FORM_TOKEN).is_some_and(|token| is_same(token, &visitor.form_token)) {
            return Ok(Self { fields, visitor });
        }
        let why = "The form is not of this session. Load the page again, and send it once more.";
        Err(problem(app, Some(&visitor), StatusCode::FORBIDDEN, why))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_come_more_than_once_and_blanks_are_nothing() {
        let fields = Fields::read(b"letter=1&letter=2&why=+&text=a%26b");
        assert_eq!(fields.all("letter").collect::<Vec<_>>(), ["1", "2"]);
        assert_eq!((fields.get("why"), fields.get("text"), fields.get("other")), (None, Some("a&b"), None));
    }
}
