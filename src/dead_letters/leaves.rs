//! The values of a message that an operator can set one by one. PURE.
//!
//! Not here: setting them; see `edit`.

use serde_json::Value;

use crate::domain::privacy::is_private;

/// A value of a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Leaf {
    /// Its path below `data`, as `lines[0].quantity`.
    pub path: String,
    /// The value: a text without quotation marks, all else as JSON.
    pub value: String,
    /// Whether it is private: name, address, token.
    pub private: bool,
}

/// The values of a message, given in whole or as its payload alone. A body that is no JSON has none.
pub fn leaves(body: &[u8]) -> Vec<Leaf> {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let data = if message.get("specversion").is_some() { message.get("data") } else { Some(&message) };
    let mut found = Vec::new();
    collect(data.unwrap_or(&Value::Null), "", false, &mut found);
    found
}

fn collect(value: &Value, path: &str, private: bool, found: &mut Vec<Leaf>) {
    match value {
        Value::Object(fields) => {
            // a name with a sign of the notation could not be told from a path
            for (name, value) in fields.iter().filter(|(name, _)| !name.contains(['.', '[', ']', '='])) {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                collect(value, &path, private || is_private(name), found);
            }
        }
        Value::Array(values) => {
            let items = values.iter().enumerate();
            items.for_each(|(at, value)| collect(value, &format!("{path}[{at}]"), private, found));
        }
        Value::String(text) => found.push(Leaf { path: path.to_owned(), value: text.clone(), private }),
        Value::Null | Value::Bool(_) | Value::Number(_) if path.is_empty() => {}
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            found.push(Leaf { path: path.to_owned(), value: value.to_string(), private });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::edit::{Edit, Set};
    use super::*;

    const BODY: &[u8] =
        br#"{"specversion":"1.0","data":{"total":10.10,"gift":true,"a.b":1,"lines":[{"quantity":3,"tax":"0.50"}],
        "shipTo":{"name":"Ada"}}}"#;

    #[test]
    fn every_value_has_its_path_and_keeps_its_digits() {
        let told: Vec<_> = leaves(BODY).into_iter().map(|leaf| (leaf.path, leaf.value, leaf.private)).collect();
        let told: Vec<_> =
            told.iter().map(|(path, value, private)| (path.as_str(), value.as_str(), *private)).collect();
        let all = [
            ("total", "10.10", false),
            ("gift", "true", false),
            ("lines[0].quantity", "3", false),
            ("lines[0].tax", "0.50", false),
            ("shipTo.name", "Ada", true),
        ];
        assert!(told.len() == all.len() && all.iter().all(|leaf| told.contains(leaf)), "{told:?}");
        assert_eq!(leaves(b"no JSON"), []);
    }

    #[test]
    fn every_path_can_be_set() {
        for Leaf { path, value, .. } in leaves(BODY) {
            let set: Set = format!("{path}={value}").parse().unwrap();
            let edited = Edit { sets: vec![set], patch: None }.apply(BODY).unwrap();
            assert_eq!(edited.changes, [], "{path}");
        }
    }
}
