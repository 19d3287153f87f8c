//! A server's complaint about a field that a document asks for, in the wordings of the engines that are in use.
//!
//! Not here: where the field stands in the document.

use serde_json::Value;

/// How engines say that a value of the variables is not of its type.
const VALUES: [&str; 6] = [
    // graphql-js
    r#"Variable "$input" got invalid value"#,
    // graphql-java, and AppSync
    "Variable 'input' has an invalid value",
    "Variable 'input' has coerced Null value",
    "The variables input contains",
    // async-graphql
    "Invalid value for argument \"input",
    // apollo-compiler
    "could not coerce ",
];

/// Characters of a schema's name, which goes into logs. Longer ones are no names.
const LONGEST_NAME: usize = 64;

/// Wordings by which engines say that a type has no such field. Each is the text before, between and behind the two
/// names, and whether the field comes first.
const WORDINGS: [([&str; 3], bool); 4] = [
    // graphql-js, and servers in Python and Go that follow it
    ([r#"Cannot query field ""#, r#"" on type ""#, r#"""#], true),
    // graphql-java, and AppSync
    (["Field '", "' in type '", "' is undefined"], true),
    // async-graphql, Juniper
    ([r#"Unknown field ""#, r#"" on type ""#, r#"""#], true),
    // apollo-compiler
    (["type `", "` does not have a field `", "`"], false),
];

/// The text before and behind the path in graphql-java's words: those of today, those of AppSync.
const PATHS: [[&str; 2]; 2] = [["FieldUndefined@[", "]"], ["is undefined @ '", "'"]];

/// A server's complaint about a document that it did not run.
#[derive(Debug)]
pub(in crate::api) struct Complaint {
    /// The field that it does not know, where it says so in known words.
    pub(in crate::api) named: Option<SchemaField>,
    /// Lines of the document that it points at, from 1.
    pub(in crate::api) lines: Vec<usize>,
    /// Names from the root to the field, with slashes between.
    pub(in crate::api) path: Option<String>,
    /// The complaint in the server's own words.
    pub(in crate::api) message: String,
}

/// A field as a schema names it, with the type that owns it.
#[derive(Debug, Eq, PartialEq)]
pub(in crate::api) struct SchemaField {
    pub(in crate::api) owner: String,
    pub(in crate::api) name: String,
}

impl Complaint {
    /// Reads an entry of `errors`.
    pub(super) fn read(error: &Value) -> Self {
        let message = error["message"].as_str().unwrap_or_default();
        let line = |place: &Value| place["line"].as_u64().and_then(|line| usize::try_from(line).ok());
        Self {
            named: unknown_field(message),
            lines: error["locations"].as_array().into_iter().flatten().filter_map(line).collect(),
            path: PATHS.iter().find_map(|[before, after]| between(message, before, after)).map(str::to_owned),
            message: message.to_owned(),
        }
    }

    /// Whether the message has this name among its words.
    pub(in crate::api) fn says(&self, name: &str) -> bool {
        self.message.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name)
    }
}

/// Whether a message speaks of a value that was sent, and not of the document.
pub(super) fn is_about_value(message: &str) -> bool {
    VALUES.iter().any(|words| message.contains(words))
}

/// The field that a message says is not known.
pub(super) fn unknown_field(message: &str) -> Option<SchemaField> {
    WORDINGS.iter().find_map(|([before, between, after], field_first)| {
        let (_, rest) = message.split_once(before)?;
        let (first, rest) = rest.split_once(between)?;
        let (second, _) = rest.split_once(after)?;
        let (name, owner) = if *field_first { (first, second) } else { (second, first) };
        [name, owner].into_iter().all(is_name).then(|| SchemaField { owner: owner.into(), name: name.into() })
    })
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(before)?;
    rest.split_once(after).map(|(between, _)| between)
}

fn is_name(text: &str) -> bool {
    let letters = text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    letters && !text.is_empty() && text.len() <= LONGEST_NAME
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_complaint_about_a_value_is_told_from_one_about_the_document() {
        for (message, expected) in [
            (r#"Variable "$input" got invalid value 2147483648 at "input.lineItems[0].amount.value""#, true),
            ("Variable 'input' has an invalid value: Expected value to be an Integer", true),
            ("The variables input contains a field name 'gift' that is not defined for input object type", true),
            (r#"Invalid value for argument "input.lineItems.0.amount.value", expected type "Int""#, true),
            ("could not coerce input.lineItems[0].amount.value: 2147483648 to type Int", true),
            (r#"Variable "$input" of required type "CreateOrderInput!" was not provided."#, false),
            (r#"Cannot query field "refundFor" on type "RefundDetails"."#, false),
        ] {
            assert_eq!(is_about_value(message), expected, "{message}");
        }
    }

    #[test]
    fn an_unknown_field_is_read_in_the_words_of_every_engine() {
        for (message, field, path) in [
            (r#"Cannot query field "refundFor" on type "RefundDetails"."#, Some("refundFor"), None),
            (
                r#"Cannot query field "refundFor" on type "RefundDetails". Did you mean "refundTotal"?"#,
                Some("refundFor"),
                None,
            ),
            (
                "Validation error of type FieldUndefined: Field 'refundFor' in type 'RefundDetails' is undefined \
                 @ 'order/refunds/details/refundFor'",
                Some("refundFor"),
                Some("order/refunds/details/refundFor"),
            ),
            (
                "Validation error (FieldUndefined@[order/refunds/details/refundFor]) : Field 'refundFor' in type \
                 'RefundDetails' is undefined",
                Some("refundFor"),
                Some("order/refunds/details/refundFor"),
            ),
            (
                r#"Unknown field "refundFor" on type "RefundDetails". Did you mean "refundTotal"?"#,
                Some("refundFor"),
                None,
            ),
            ("type `RefundDetails` does not have a field `refundFor`", Some("refundFor"), None),
            // about something else
            (r#"Unknown argument "orderIdentifier" on field "Mutation.updateOrder"."#, None, None),
            (r#"Variable "$input" got invalid value 3; Field "gift" is not defined by type "I"."#, None, None),
            (r#"Cannot query field "a person's name" on type "RefundDetails"."#, None, None),
            (r#"Cannot query field "" on type "RefundDetails"."#, None, None),
            ("", None, None),
        ] {
            let complaint = Complaint::read(&json!({ "message": message, "locations": [{ "line": 7, "column": 9 }] }));
            let expected = field.map(|name| SchemaField { owner: "RefundDetails".into(), name: name.into() });
            assert_eq!((complaint.named, complaint.path.as_deref()), (expected, path), "{message}");
            assert_eq!(complaint.lines, [7]);
        }
    }
}
