//! What must not be repeated of a message: names, addresses, e-mails, tokens.
//!
//! Not here: which texts are published.

use serde_json::Value;
use serde_json::value::RawValue;

/// Fields of a message below which every text is somebody's own.
const PRIVATE_FIELDS: [&str; 2] = ["shopper", "shipTo"];
/// Texts shorter than this say too little to be anybody's, and occur in every sentence.
const SHORTEST: usize = 4;
/// What stands in the place of what was taken out.
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
    /// Collects the private texts of a message's data, each whole and by its words.
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

    /// A text of somebody else's, an API's answer for one, without what is private.
    pub fn scrub(&self, text: &str) -> String {
        self.texts.iter().fold(text.to_owned(), |text, private| text.replace(private.as_str(), MASK))
    }
}

fn collect(value: &Value, texts: &mut Vec<String>) {
    match value {
        Value::String(text) => {
            texts.extend(text.split_whitespace().map(ToOwned::to_owned));
            texts.push(text.clone());
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, texts)),
        // the kind of an identity is one of a closed list
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
    fn a_message_that_is_none_has_nothing_private() {
        let private = Private::of(serde_json::from_str("[1]").unwrap());
        assert_eq!(private.scrub("as it is"), "as it is");
    }
}
