//! A GraphQL document that can be sent without some of its fields.
//!
//! Not here: which fields are left out; what the documents ask for.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::value::{RawValue, to_raw_value};

use super::wire::Complaint;

/// An operation with its fragments written out: fragments name types, and a server may call its types otherwise.
#[derive(Clone, Debug)]
pub(super) struct Document {
    /// `query order($orderIdentifier: OrderIdentifierInput!)`
    head: String,
    fields: Vec<Field>,
    /// The document with all of its fields: nearly every call sends that.
    whole: Arc<Written>,
}

#[derive(Clone, Debug)]
struct Field {
    /// The field's name in the answer.
    key: String,
    /// The field's name in the schema.
    name: String,
    /// Alias, name and arguments, or a spread, as written.
    written: String,
    fields: Vec<Field>,
}

/// A document as it is sent, one field in a line.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The document.
    pub(super) text: String,
    /// The document as a text in JSON.
    pub(super) quoted: Box<RawValue>,
    /// The fields in their order; the first stands in line 2.
    places: Vec<Place>,
}

/// The place of a field in a document that is sent.
#[derive(Debug)]
struct Place {
    /// Names in the answer, from the root, with slashes between.
    keys: String,
    name: String,
}

impl Document {
    /// Reads an operation and its fragments, in any order.
    pub(super) fn compose(parts: &[&str]) -> Self {
        let lines = parts.iter().flat_map(|part| part.lines());
        let text: Vec<&str> = lines.filter_map(|line| line.split('#').next()).collect();
        let text = text.join("\n");
        let (mut operation, mut fragments) = (None, BTreeMap::new());
        let mut rest = text.as_str();
        while let Some((head, after)) = rest.split_once('{') {
            let (fields, after) = selection(after);
            match head.trim().strip_prefix("fragment ").and_then(|named| named.split_whitespace().next()) {
                Some(name) => drop(fragments.insert(name.to_owned(), fields)),
                None => operation = Some((head.trim().to_owned(), fields)),
            }
            rest = after;
        }
        let (head, fields) = operation.unwrap_or_default();
        let composed = Self { head, fields: written_out(fields, &fragments), whole: Arc::default() };
        Self { whole: composed.write(&[], ""), ..composed }
    }

    /// The document without the fields at these paths, which begin below the order.
    pub(super) fn without(&self, left_out: &[&str]) -> Arc<Written> {
        if left_out.is_empty() {
            return Arc::clone(&self.whole);
        }
        self.write(left_out, "")
    }

    /// The document as a server validates it and does not carry it out.
    pub(super) fn skipped(&self, left_out: &[&str]) -> Arc<Written> {
        self.write(left_out, " @skip(if: true)")
    }

    /// The paths, of those given, at which the document has a field.
    pub(super) fn with_fields<'p>(&self, paths: &[&'p str]) -> Vec<&'p str> {
        let places = &self.whole.places;
        paths.iter().copied().filter(|path| places.iter().any(|place| place.below_order() == Some(path))).collect()
    }

    fn write(&self, left_out: &[&str], directive: &str) -> Arc<Written> {
        let mut written = Written { text: format!("{} {{\n", self.head), ..Written::default() };
        for field in &self.fields {
            written.add(field, "", left_out, directive);
        }
        written.text.push('}');
        // a text can always be written
        written.quoted = to_raw_value(&written.text).unwrap_or_default();
        Arc::new(written)
    }
}

impl Written {
    fn add(&mut self, field: &Field, above: &str, left_out: &[&str], directive: &str) {
        let keys = if above.is_empty() { field.key.clone() } else { format!("{above}/{}", field.key) };
        let place = Place { keys, name: field.name.clone() };
        if !place.stays(field, left_out) {
            return;
        }
        let (keys, indent) = (place.keys.clone(), "  ".repeat(place.keys.split('/').count()));
        self.places.push(place);
        self.text += &format!("{indent}{}{directive}", field.written);
        if field.fields.is_empty() {
            self.text.push('\n');
            return;
        }
        self.text += " {\n";
        for below in &field.fields {
            self.add(below, &keys, left_out, "");
        }
        self.text += &format!("{indent}}}\n");
    }

    /// Path, below the order, of the field that a server complains of. `None` where the field cannot be told, or where
    /// an answer without it would be of no use.
    pub(super) fn path<'w>(&'w self, complaint: &'w Complaint) -> Option<&'w str> {
        let place = match &complaint.named {
            Some(named) => {
                let called = |place: &&Place| place.name == named.name;
                let mut all = self.places.iter().filter(called);
                let only = all.next().filter(|_| all.next().is_none());
                self.pointed_at(complaint).find(called).or_else(|| self.at(complaint.path.as_deref()?)).or(only)
            }
            // the wording is unknown, and yet it names the field that it points at
            None => self.pointed_at(complaint).find(|place| complaint.says(&place.name)),
        };
        place?.below_order().filter(|path| *path != "id")
    }

    fn pointed_at<'w>(&'w self, complaint: &'w Complaint) -> impl Iterator<Item = &'w Place> {
        complaint.lines.iter().filter_map(|line| self.places_by_line().nth(line.checked_sub(1)?).flatten())
    }

    fn at(&self, path: &str) -> Option<&Place> {
        self.places.iter().find(|place| place.keys == path)
    }

    /// The field in each line, from the first line on.
    fn places_by_line(&self) -> impl Iterator<Item = Option<&Place>> {
        let mut places = self.places.iter();
        self.text.lines().enumerate().map(move |(line, text)| {
            let is_field = line > 0 && !text.trim_start().starts_with('}');
            is_field.then(|| places.next()).flatten()
        })
    }
}

impl Place {
    fn below_order(&self) -> Option<&str> {
        let (_, below) = self.keys.split_once("order/")?;
        Some(below)
    }

    /// Whether the field is sent: neither it nor all of its own fields are left out.
    fn stays(&self, field: &Field, left_out: &[&str]) -> bool {
        let is_left_out = self.below_order().is_some_and(|path| left_out.contains(&path));
        let below = |below: &Field| Self { keys: format!("{}/{}", self.keys, below.key), name: String::new() };
        !is_left_out
            && (field.fields.is_empty() || field.fields.iter().any(|field| below(field).stays(field, left_out)))
    }
}

/// The fields up to the closing brace, and what comes after it.
fn selection(text: &str) -> (Vec<Field>, &str) {
    let (mut fields, mut rest): (Vec<Field>, _) = (Vec::new(), text.trim_start());
    while let Some(first) = rest.chars().next() {
        match first {
            '}' => return (fields, &rest[1..]),
            '{' => {
                let (below, after) = selection(&rest[1..]);
                if let Some(field) = fields.last_mut() {
                    field.fields = below;
                }
                rest = after;
            }
            _ => {
                let (field, after) = field(rest);
                fields.push(field);
                rest = after;
            }
        }
        rest = rest.trim_start();
    }
    (fields, rest)
}

/// A name with its alias and arguments, or a spread.
fn field(text: &str) -> (Field, &str) {
    let word = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.')).unwrap_or(text.len());
    let mut end = word(text).max(1).min(text.len());
    let key = text[..end].to_owned();
    let mut name = key.clone();
    if let Some(aliased) = text[end..].strip_prefix(':') {
        let begin = text.len() - aliased.trim_start().len();
        end = begin + word(&text[begin..]);
        name = text[begin..end].to_owned();
    }
    if text[end..].starts_with('(') {
        end = text[end..].find(')').map_or(text.len(), |close| end + close + 1);
    }
    (Field { key, name, written: text[..end].to_owned(), fields: Vec::new() }, &text[end..])
}

/// Replaces each spread by the fields of its fragment. Fields that are asked for twice become one.
fn written_out(fields: Vec<Field>, fragments: &BTreeMap<String, Vec<Field>>) -> Vec<Field> {
    let mut all: Vec<Field> = Vec::new();
    for field in fields {
        let fragment = field.written.strip_prefix("...").and_then(|name| fragments.get(name));
        let asked = match fragment {
            Some(fragment) => written_out(fragment.clone(), fragments),
            None => vec![Field { fields: written_out(field.fields, fragments), ..field }],
        };
        merge(&mut all, asked);
    }
    all
}

fn merge(all: &mut Vec<Field>, more: Vec<Field>) {
    for field in more {
        match all.iter_mut().find(|there| there.key == field.key) {
            Some(there) => merge(&mut there.fields, field.fields),
            None => all.push(field),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::wire::SchemaField;

    const PARTS: [&str; 2] = [
        "query q($id: ID!) { order(id: $id) { ...Names state: delivery { summary { state } } ...More } }",
        "fragment Names on Order { id aliases { aliasType aliasId } } # said once
         fragment More on Order { refunds { id aliases { aliasType } } aliases { more } }",
    ];

    fn complaint(name: Option<&str>, line: Option<usize>, path: Option<&str>, message: &str) -> Complaint {
        Complaint {
            named: name.map(|name| SchemaField { owner: "T".into(), name: name.into() }),
            lines: line.into_iter().collect(),
            path: path.map(Into::into),
            message: message.into(),
        }
    }

    #[test]
    fn fragments_are_written_out_and_merged_one_field_in_a_line() {
        let expected = "query q($id: ID!) {
  order(id: $id) {
    id
    aliases {
      aliasType
      aliasId
      more
    }
    state: delivery {
      summary {
        state
      }
    }
    refunds {
      id
      aliases {
        aliasType
      }
    }
  }
}";
        let written = Document::compose(&PARTS).without(&[]);
        assert_eq!(written.text, expected);
        assert_eq!(serde_json::from_str::<String>(written.quoted.get()).unwrap(), expected);
    }

    #[test]
    fn a_field_of_which_nothing_is_left_goes_with_what_was_asked_of_it() {
        let document = Document::compose(&PARTS);
        let written = document.without(&["state/summary/state", "refunds/aliases", "aliases/aliasId"]);
        let text = &written.text;
        assert!(!text.contains("delivery") && !text.contains("aliasId") && text.contains("refunds"), "{text}");
        assert_eq!(text.matches("aliases").count(), 1, "{text}");
        assert!(!document.without(&["refunds/id", "refunds/aliases"]).text.contains("refunds"));
        assert_eq!(document.with_fields(&["refunds/id", "refunds/sku", "state"]), ["refunds/id", "state"]);
    }

    #[test]
    fn a_complaint_is_found_by_its_line_else_by_its_path_else_by_a_name_that_stands_once() {
        let written = Document::compose(&PARTS).without(&[]);
        for (name, line, path, found) in [
            (Some("aliases"), Some(4), None, Some("aliases")),
            (Some("aliases"), Some(16), None, Some("refunds/aliases")),
            (Some("delivery"), Some(9), None, Some("state")),
            // a line that is another field's
            (Some("aliases"), Some(6), Some("order/refunds/aliases"), Some("refunds/aliases")),
            (Some("aliases"), None, None, None),
            (Some("more"), None, None, Some("aliases/more")),
            (Some("more"), Some(99), None, Some("aliases/more")),
            // nothing can be made of an answer without these
            (Some("id"), Some(3), None, None),
            (Some("order"), Some(2), None, None),
            (Some("colour"), Some(4), None, None),
        ] {
            let complaint = complaint(name, line, path, "");
            assert_eq!(written.path(&complaint), found, "{complaint:?}");
        }
        for (message, found) in [("there is no `delivery` here", Some("state")), ("no deliveryboy", None)] {
            assert_eq!(written.path(&complaint(None, Some(9), None, message)), found, "{message}");
        }
    }
}
