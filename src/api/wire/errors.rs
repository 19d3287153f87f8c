//! Errors of an answer, in every shape that they are known to come in.
//!
//! Not here: what an error means; the names of the API's errors.

use serde_json::Value;

use super::complaint::{Complaint, SchemaField, is_about_value, unknown_field};
use super::text::text;
use crate::ports::ErrorFact;

/// Characters of an error's text, which travels in headers of a letter. Longer texts are cut.
const MAX_MESSAGE: usize = 500;

/// Names that GraphQL servers in Java give, as a plain string, to errors of a document that they do not run. They are
/// about the query, not about the order: the API's own errors come as objects.
const DOCUMENT_COMPLAINTS: [&str; 4] = ["ValidationError", "InvalidSyntax", "OperationNotSupported", DATA_FETCHING];

/// The one complaint about a document that comes from running it.
pub(in crate::api) const DATA_FETCHING: &str = "DataFetchingException";

/// The errors of a whole answer: those in `errors`, else the answer itself where it is a flat error.
pub(super) fn facts(body: &Value) -> Vec<ErrorFact> {
    match &body["errors"] {
        Value::Array(errors) => errors.iter().map(|error| fact(error, &body["data"])).collect(),
        Value::Object(_) => vec![fact(&body["errors"], &body["data"])],
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => flat(body).into_iter().collect(),
    }
}

/// The complaints about a document that was not run. There are none where there is data, or an error of another kind.
pub(super) fn complaints(body: &Value) -> Vec<Complaint> {
    let was_run = body["data"].as_object().is_some_and(|data| data.values().any(|value| !value.is_null()));
    let errors = body["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let about_document = |error: &Value| {
        let fact = fact(error, &body["data"]);
        // a path means that the document was run, perhaps by another service behind this one
        let has_place = error["path"].as_array().is_some_and(|path| !path.is_empty());
        !has_place && fact.document && fact.error_type.as_deref() != Some(DATA_FETCHING)
    };
    if was_run || !errors.iter().all(about_document) {
        return Vec::new();
    }
    errors.iter().map(Complaint::read).collect()
}

/// The names that one shape of an error gives.
#[derive(Default)]
struct Named {
    error_type: Option<String>,
    code: Option<String>,
    error_code: Option<u16>,
}

fn fact(error: &Value, data: &Value) -> ErrorFact {
    let Named { error_type, code, error_code } = named(error);
    let unknown_field = unknown_field(error["message"].as_str().unwrap_or_default()).filter(|_| data.is_null());
    let document = match &error_type {
        _ if unknown_field.is_some() => true,
        Some(named) => {
            DOCUMENT_COMPLAINTS.contains(&named.as_str()) && error["extensions"]["classification"] == named.as_str()
        }
        None => data.is_null() && is_before_execution(error),
    };
    let unknown_field = unknown_field.map(|SchemaField { owner, name }| format!("{owner}.{name}"));
    let value = document && is_about_value(error["message"].as_str().unwrap_or_default());
    ErrorFact { error_type, code, error_code, message: message(error), document, value, unknown_field }
}

/// Reads an error by its known shapes, in the order of trust: the first that names a type, else the first that gives a
/// code. `DataFetchingException` tells least, and gives way to any other name.
fn named(error: &Value) -> Named {
    let extensions = &error["extensions"];
    let classification = &extensions["classification"];
    let mut shapes = [
        object(classification),
        if classification == DATA_FETCHING { Named::default() } else { plain(classification) },
        object(extensions),
        app_sync(error),
        Named { error_type: text(&error["type"]), code: text(&error["code"]), error_code: None },
        plain(classification),
    ];
    let best = shapes
        .iter()
        .position(|shape| shape.error_type.is_some())
        .or_else(|| shapes.iter().position(|shape| shape.code.is_some() || shape.error_code.is_some()));
    best.map(|index| std::mem::take(&mut shapes[index])).unwrap_or_default()
}

/// `classification: "ValidationError"`
fn plain(classification: &Value) -> Named {
    Named { error_type: classification.as_str().map(str::to_owned), ..Named::default() }
}

/// `{ errorType, errorCode, code }`, as classification or as extensions
fn object(shape: &Value) -> Named {
    Named {
        error_type: text(&shape["errorType"]),
        code: text(&shape["code"]),
        error_code: http_like(&shape["errorCode"]),
    }
}

/// `{ errorType, errorInfo }` at the top of an error, where `errorInfo` is the code or an object with it
fn app_sync(error: &Value) -> Named {
    let info = &error["errorInfo"];
    Named {
        error_type: text(&error["errorType"]),
        code: text(info).or_else(|| text(&info["code"])),
        error_code: http_like(&error["errorCode"]).or_else(|| http_like(&info["errorCode"])),
    }
}

/// `{ type, code, message }` as the whole answer. A message alone can be any gateway's.
fn flat(body: &Value) -> Option<ErrorFact> {
    let (error_type, code) = (text(&body["type"]), text(&body["code"]));
    (error_type.is_some() || code.is_some()).then(|| ErrorFact {
        error_type,
        code,
        message: message(body),
        ..ErrorFact::default()
    })
}

/// An error that points into the document and not into the data: the document was not run.
fn is_before_execution(error: &Value) -> bool {
    let points = |at: &Value| at.as_array().is_some_and(|places| !places.is_empty());
    points(&error["locations"]) && !points(&error["path"])
}

fn http_like(value: &Value) -> Option<u16> {
    text(value)?.parse().ok()
}

/// The text of an error. A word that does not fit is left out whole: half of a private word would not be recognised.
fn message(error: &Value) -> String {
    let whole = error["message"].as_str().unwrap_or_default();
    let cut: String = whole.chars().take(MAX_MESSAGE).collect();
    if cut.len() == whole.len() {
        return cut;
    }
    cut.rsplit_once(char::is_whitespace).map_or_else(String::new, |(fits, _)| fits.to_owned())
}
