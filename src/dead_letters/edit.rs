//! Changes to a message before it is replayed. PURE.
//!
//! Not here: whether the worker takes the changed message; see `message`.

use json_patch::{Patch, PatchOperation};
use serde_json::Value;

use super::fields::{Unknown, look_up};
use crate::domain::envelope::Kind;
use crate::domain::privacy::is_private;

/// An edit of each message.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Edit {
    /// New values of fields, set in this order.
    pub sets: Vec<Set>,
    /// A JSON Patch (RFC 6902) of the whole body, after `sets`.
    pub patch: Option<Patch>,
}

/// A field of the message's data, and its new value.
#[derive(Clone, Debug, PartialEq)]
pub struct Set {
    path: Vec<String>,
    value: String,
}

/// A message that was changed.
#[derive(Clone, Debug, PartialEq)]
pub struct Edited {
    /// The new body.
    pub body: Vec<u8>,
    /// The changes.
    pub changes: Vec<Change>,
}

/// A change of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// Path of the field, as `data.lines[0].quantity`.
    pub path: String,
    /// The old value.
    pub from: Option<Value>,
    /// The new value.
    pub to: Option<Value>,
    /// Whether the value is private: name, address, token.
    pub private: bool,
}

/// An edit that cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum EditError {
    /// Not `path=value`.
    #[error("expected `path=value`, for example `lines[0].quantity=1`, got `{0}`")]
    Set(String),
    /// The body is no JSON.
    #[error("the body is no JSON object, so nothing in it can be changed")]
    Body,
    /// No such field.
    #[error("{0}: there is no such field, and nothing that it could be put into")]
    NoField(String),
    /// The kind of message has no such field.
    #[error("{path}: {kind} has no such field{}", meant_are(.meant))]
    Unknown {
        /// The path as far as the part that is unknown.
        path: String,
        /// The kind of message.
        kind: &'static str,
        /// Names that may be meant.
        meant: Vec<String>,
    },
    /// The patch does not fit.
    #[error("the patch does not fit: {0}")]
    Patch(#[from] json_patch::PatchError),
}

fn meant_are(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    if names.is_empty() { String::new() } else { format!(", hint: {}", names.join(", ")) }
}

impl std::str::FromStr for Set {
    type Err = EditError;

    /// `lines[0].quantity=1`, in the notation of the messages that say what is wrong with a field.
    fn from_str(text: &str) -> Result<Self, EditError> {
        let wrong = || EditError::Set(text.split('=').next().unwrap_or_default().to_owned());
        let (path, value) = text.split_once('=').ok_or_else(wrong)?;
        let path: Vec<String> =
            path.replace('[', ".").replace(']', "").split('.').map(|segment| segment.trim().to_owned()).collect();
        if path.iter().any(String::is_empty) {
            return Err(wrong());
        }
        Ok(Self { path, value: value.to_owned() })
    }
}

impl Edit {
    /// Whether nothing is to be changed.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty() && self.patch.is_none()
    }

    /// Checks that messages of this kind have the fields that are to be set: an unknown one would change nothing.
    ///
    /// # Errors
    /// A field is unknown to this kind of message.
    pub fn check(&self, kind: Kind) -> Result<(), EditError> {
        for Set { path, .. } in &self.sets {
            look_up(kind, path).map_err(|Unknown { at, meant }| EditError::Unknown {
                path: shown(&format!("/{}", path[..=at].join("/"))),
                kind: kind.name(),
                meant,
            })?;
        }
        Ok(())
    }

    /// Makes the changes. Amounts that are not changed keep all their digits; the order of fields may change.
    ///
    /// # Errors
    /// A change that cannot be made.
    pub fn apply(&self, body: &[u8]) -> Result<Edited, EditError> {
        let before: Value = serde_json::from_slice(body).map_err(|_| EditError::Body)?;
        let mut after = before.clone();
        for set in &self.sets {
            // the message stands in `data` of a whole event, else it is the body
            let whole_event = after.get("specversion").is_some();
            let data = if whole_event { after.get_mut("data") } else { Some(&mut after) };
            set.apply(data.ok_or(EditError::Body)?)?;
        }
        if let Some(patch) = &self.patch {
            json_patch::patch(&mut after, patch)?;
        }
        let body = serde_json::to_vec(&after).map_err(|_| EditError::Body)?;
        Ok(Edited { body, changes: changes(&before, &after) })
    }
}

impl Set {
    fn apply(&self, data: &mut Value) -> Result<(), EditError> {
        let missing = || EditError::NoField(self.path.join("."));
        let (last, parents) = self.path.split_last().ok_or_else(missing)?;
        let parent = parents.iter().try_fold(data, |value, segment| inner(value, segment)).ok_or_else(missing)?;
        if let Some(field) = inner(parent, last) {
            *field = value_like(field, &self.value);
            return Ok(());
        }
        let fields = parent.as_object_mut().ok_or_else(missing)?;
        fields.insert(last.clone(), value_like(&Value::Null, &self.value));
        Ok(())
    }
}

fn inner<'v>(value: &'v mut Value, segment: &str) -> Option<&'v mut Value> {
    match value {
        Value::Array(items) => items.get_mut(segment.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get_mut(segment),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}

/// A new value: JSON where it reads as such, else text. A text stays a text, since a token may be all digits.
fn value_like(old: &Value, new: &str) -> Value {
    match (old, serde_json::from_str(new)) {
        (Value::String(_), Ok(Value::String(text))) => Value::String(text),
        (Value::String(_), _) | (_, Err(_)) => Value::String(new.to_owned()),
        (_, Ok(value)) => value,
    }
}

fn changes(before: &Value, after: &Value) -> Vec<Change> {
    let Patch(operations) = json_patch::diff(before, after);
    let changes = operations.iter().filter_map(|operation| {
        let at = match operation {
            PatchOperation::Add(add) => add.path.as_str(),
            PatchOperation::Remove(remove) => remove.path.as_str(),
            PatchOperation::Replace(replace) => replace.path.as_str(),
            // changes are told without these
            PatchOperation::Move(_) | PatchOperation::Copy(_) | PatchOperation::Test(_) => return None,
        };
        let private = at.split('/').any(is_private);
        let (from, to) = (before.pointer(at).cloned(), after.pointer(at).cloned());
        let (from, to) = match operation {
            PatchOperation::Add(add) => (None, Some(add.value.clone())),
            PatchOperation::Remove(_) => (from, None),
            _ => (from, to),
        };
        Some(Change { path: shown(at), from, to, private })
    });
    changes.collect()
}

/// A JSON pointer as a person writes it.
fn shown(pointer: &str) -> String {
    let mut path = String::new();
    for segment in pointer.split('/').skip(1) {
        let segment = segment.replace("~1", "/").replace("~0", "~");
        match segment.parse::<usize>() {
            Ok(index) => path.push_str(&format!("[{index}]")),
            Err(_) if path.is_empty() => path = segment,
            Err(_) => path.push_str(&format!(".{segment}")),
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BODY: &[u8] = br#"{"specversion":"1.0","data":{"total":10.10,"lines":[{"quantity":3,"tax":"0.50"}],
        "shopper":{"identity":{"kind":"idp-token","value":"007"}}}}"#;

    fn set(text: &str) -> Result<Edited, EditError> {
        Edit { sets: vec![text.parse()?], patch: None }.apply(BODY)
    }

    #[test]
    fn a_field_is_set_and_every_other_amount_keeps_its_digits() {
        let edited = set("lines[0].quantity=1").unwrap();
        let text = String::from_utf8(edited.body).unwrap();
        assert!(text.contains(r#""quantity":1"#) && text.contains("10.10"), "{text}");
        let change =
            Change { path: "data.lines[0].quantity".into(), from: Some(json!(3)), to: Some(json!(1)), private: false };
        assert_eq!(edited.changes, [change]);
    }

    #[test]
    fn what_was_text_stays_text_and_a_token_is_private() {
        let edited = set("shopper.identity.value=123456").unwrap();
        assert_eq!(edited.changes[0].to, Some(json!("123456")));
        assert!(edited.changes[0].private);
        assert_eq!(set("lines[0].tax=\"1\"").unwrap().changes[0].to, Some(json!("1")));
    }

    #[test]
    fn a_field_can_be_added_but_nothing_to_put_it_into() {
        assert_eq!(set("tax=0.5").unwrap().changes[0].path, "data.tax");
        for nowhere in ["lines[1].quantity=1", "total.amount=1", "payments[0].label=x"] {
            assert!(matches!(set(nowhere), Err(EditError::NoField(_))), "{nowhere}");
        }
    }

    #[test]
    fn a_field_that_a_kind_of_message_does_not_have_is_refused_with_what_may_be_meant() {
        let check = |text: &str, kind| {
            let edit = Edit { sets: vec![text.parse().unwrap()], patch: None };
            edit.check(kind).map_err(|error| error.to_string())
        };
        assert_eq!(check("lines[0].quantity=1", Kind::CheckoutCompleted), Ok(()));
        let said = "lines[0].quantitiy: checkout-completed has no such field, hint: `quantity`";
        assert_eq!(check("lines[0].quantitiy=1", Kind::CheckoutCompleted), Err(said.to_owned()));
        let said = "lines: order-amended has no such field, hint: ";
        assert!(check("lines[0].quantity=1", Kind::OrderAmended).unwrap_err().starts_with(said));
    }

    #[test]
    fn what_is_no_path_and_value_is_refused_without_its_value() {
        for wrong in ["quantity", "=1", "lines[].x=1", "a..b=secret"] {
            let error = wrong.parse::<Set>().unwrap_err().to_string();
            assert!(!error.contains("secret"), "{error}");
        }
    }

    #[test]
    fn a_patch_works_on_the_whole_body() {
        let patch =
            json!([{ "op": "remove", "path": "/data/lines/0/tax" }, { "op": "add", "path": "/subject", "value": "x" }]);
        let edit = Edit { sets: Vec::new(), patch: Some(serde_json::from_value(patch).unwrap()) };
        let edited = edit.apply(BODY).unwrap();
        let mut paths: Vec<_> = edited.changes.iter().map(|change| change.path.as_str()).collect();
        paths.sort_unstable();
        assert_eq!(paths, ["data.lines[0].tax", "subject"]);
        assert!(matches!(edit.apply(b"[1]"), Err(EditError::Patch(_))));
        assert!(matches!(edit.apply(b"no JSON"), Err(EditError::Body)));
    }
}
