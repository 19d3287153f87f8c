//! Private texts of a message, which must not be repeated: names, addresses, e-mails, tokens.
//!
//! Not here: the choice of texts that are published.

use serde_json::Value;
use serde_json::value::RawValue;

/// Fields of a message with nothing but private texts below them.
const PRIVATE_FIELDS: [&str; 2] = ["shopper", "shipTo"];
/// Least length of a private text, in characters: shorter ones identify nobody, and occur in every sentence.
const SHORTEST: usize = 4;
/// Replacement for a private text.
const MASK: &str = "[…]";

/// The private texts of a message, longest first.
#[derive(Clone, Default)]
pub struct Private {
    texts: Vec<String>,
}

impl std::fmt::Debug for Private {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Private").field("texts", &self.texts.len()).finish()
    }
}

impl Private {
    /// Collects the private texts of a payload, each in whole and by its words.
    pub fn of(data: &RawValue) -> Self {
        let mut texts = Vec::new();
        let data: Value = serde_json::from_str(data.get()).unwrap_or_default();
        for field in PRIVATE_FIELDS {
            collect(data.get(field).unwrap_or(&Value::Null), &mut texts);
        }
        texts.retain(|text: &String| text.chars().count() >= SHORTEST);
        texts.sort_unstable_by_key(|text| std::cmp::Reverse(text.len()));
        texts.dedup();
        Self { texts }
    }

    /// Masks the private texts in a text from elsewhere, for example in an API's answer.
    pub fn scrub(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, private| text.replace(private.as_str(), MASK))
    }
}

/// Whether every text below this field is private.
pub fn is_private(field: &str) -> bool {
    PRIVATE_FIELDS.contains(&field)
}

/// Masks the private texts in a message, given in whole or as its payload alone.
pub fn masked(mut message: Value) -> Value {
    let data = if message.get("specversion").is_some() { message.get_mut("data") } else { Some(&mut message) };
    for (_, value) in data.and_then(Value::as_object_mut).into_iter().flatten().filter(|(name, _)| is_private(name)) {
        mask(value);
    }
    message
}

/// A foreign body for an operator: every text and every number is masked, the structure stays.
pub fn all_masked(mut body: Value) -> Value {
    mask_all(&mut body);
    body
}

fn mask_all(value: &mut Value) {
    match value {
        Value::String(_) | Value::Number(_) => *value = Value::String(MASK.to_owned()),
        Value::Array(values) => values.iter_mut().for_each(mask_all),
        Value::Object(fields) => fields.values_mut().for_each(mask_all),
        Value::Null | Value::Bool(_) => {}
    }
}

fn mask(value: &mut Value) {
    match value {
        Value::String(text) => *text = MASK.to_owned(),
        Value::Number(_) => *value = Value::String(MASK.to_owned()),
        Value::Array(values) => values.iter_mut().for_each(mask),
        Value::Object(fields) => {
            fields.iter_mut().filter(|(name, _)| *name != "kind").for_each(|(_, value)| mask(value));
        }
        Value::Null | Value::Bool(_) => {}
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            texts.extend(text.split_whitespace().map(ToOwned::to_owned));
            texts.push(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        // the kind of an identity is a word of a closed list
        Value::Object(fields) => {
            fields.iter().filter(|(name, _)| *name != "kind").for_each(|(_, value)| collect(value, texts));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_addresses_and_tokens_are_taken_out_whole_and_by_their_words() {
        let data = r#"{"shopper":{"name":"John Smith","email":"john@shop.example","identity":{"kind":"idp-token","value":"tok-1"}},
            "shipTo":{"street":"399 Boren Ave N","city":"Seattle","country":"US"},"order":{"id":"SO-1"}}"#;
        let private = Private::of(serde_json::from_str(data).unwrap());
        let text = "Smith of 399 Boren Ave N, Seattle, US <john@shop.example> with idp-token tok-1 has no SO-1";
        assert_eq!(
            private.scrub(text),
            "John of […], […], US <[…]> with idp-token […] has no SO-1".replace("John", MASK)
        );
        assert!(!format!("{private:?}").contains("Smith"));
    }

    #[test]
    fn a_message_is_masked_where_it_is_somebodys_own_and_nowhere_else() {
        let data = serde_json::json!({ "shopper": { "name": "John", "identity": { "kind": "idp-token", "value": "t" } },
            "shipTo": { "lines": ["399 Boren Ave N", 399], "phone": null }, "order": { "id": "SO-1" } });
        let shown = serde_json::json!({ "shopper": { "name": MASK, "identity": { "kind": "idp-token", "value": MASK } },
            "shipTo": { "lines": [MASK, MASK], "phone": null }, "order": { "id": "SO-1" } });
        assert_eq!(masked(data.clone()), shown);
        let event = |data| serde_json::json!({ "specversion": "1.0", "data": data, "subject": "SO-1" });
        assert_eq!(masked(event(data)), event(shown));
    }

    #[test]
    fn a_foreign_body_is_masked_everywhere() {
        let body =
            serde_json::json!({ "kind": "Ada", "total": 5, "lines": [{ "note": "x", "gift": true, "tax": null }] });
        let shown =
            serde_json::json!({ "kind": MASK, "total": MASK, "lines": [{ "note": MASK, "gift": true, "tax": null }] });
        assert_eq!(all_masked(body), shown);
    }

    #[test]
    fn a_message_that_is_none_has_nothing_private() {
        let private = Private::of(serde_json::from_str("[1]").unwrap());
        assert_eq!(private.scrub("as it is"), "as it is");
    }
}
