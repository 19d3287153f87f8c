//! Finds the fields of a body that a value of its message comes from: each is changed alone, and the message made anew.
//!
//! Not here: running the mapping, which the caller does.

use serde_json::{Number, Value};

use super::path::Path;

/// Most fields of a body that are changed: an order of a hundred lines has about two thousand.
const MOST: usize = 2_000;

/// A field of a body, and the body with another value there.
#[derive(Clone, Debug)]
pub struct Changed {
    /// Where it stands, as `line_items[0].price`.
    pub input: String,
    /// The body.
    pub body: Value,
}

/// The body with each of its fields changed alone.
pub fn changes(body: &Value) -> impl Iterator<Item = Changed> {
    Path::leaves(body).into_iter().take(MOST).filter_map(|path| {
        let mut body = body.clone();
        let value = path.value_mut(&mut body)?;
        *value = another(value)?;
        Some(Changed { input: path.shown(), body })
    })
}

/// Another value of the same kind; a text in the place of nothing.
fn another(value: &Value) -> Option<Value> {
    Some(match value {
        Value::Null => Value::String("x".to_owned()),
        Value::Bool(it) => Value::Bool(!it),
        Value::Number(number) => Value::Number(format!("1{number}").parse::<Number>().ok()?),
        Value::String(text) => Value::String(format!("{text}x")),
        Value::Array(_) | Value::Object(_) => return None,
    })
}

/// Whether a value of two answers differs.
pub fn differs(path: &Path, one: &Value, other: &Value) -> bool {
    path.value(one) != path.value(other)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_field_is_changed_alone_and_every_other_stays() {
        let body = json!({ "a": [{ "price": 7.50, "gift": false }], "name": null, "id": "é" });
        let changed: Vec<_> = changes(&body).map(|it| (it.input, it.body)).collect();
        let one = |path: &str, value: Value| {
            let mut body = body.clone();
            *Path::read(path).value_mut(&mut body).unwrap() = value;
            (path.to_owned(), body)
        };
        let expected = [
            one("a[0].gift", json!(true)),
            one("a[0].price", json!(17.50)),
            one("id", json!("éx")),
            one("name", json!("x")),
        ];
        for expected in &expected {
            assert!(changed.contains(expected), "{expected:?} not in {changed:?}");
        }
        assert_eq!(changed.len(), expected.len());
    }

    #[test]
    fn a_path_is_read_as_it_is_written() {
        for path in ["lines[0].unitPrice", "a", "a.b[12][3].c", ""] {
            assert_eq!(Path::read(path).shown(), path);
        }
        let (one, other) = (json!({ "a": [1] }), json!({ "a": [1], "b": 2 }));
        assert!(!differs(&Path::read("a[0]"), &one, &other) && differs(&Path::read("b"), &one, &other));
    }
}
