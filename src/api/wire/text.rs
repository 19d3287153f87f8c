//! Text out of an answer.
//!
//! Not here: text that must have a form.

use serde_json::Value;

/// Text, or a number where text is usual: ids are opaque.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}
