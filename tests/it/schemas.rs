//! The JSON Schemas: committed, current, and saying the same as the reader.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{Kind, RawMessage, open};
use bwp_sync::domain::outcome::{ResultEvent, ResultKind};
use bwp_sync::domain::schema::{of_message, of_result};
use bwp_sync::domain::transform::{check_rules, command_for};
use jiff::Timestamp;
use jsonschema::Validator;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::cli::bwp_sync;
use crate::generated::assert_current;
use crate::output::output;

/// Broken in a way that is a rule of the API, not a matter of form.
const WELL_FORMED: &str = "broken-six-aliases";

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn validator(schema: &Value) -> Validator {
    jsonschema::options().should_validate_formats(true).build(schema).unwrap()
}

/// Fails when a result is not what its schema says.
pub(crate) fn assert_fits(result: &ResultEvent) {
    let (schema, written) = (of_result(result.kind), serde_json::to_value(result).unwrap());
    let wrong: Vec<_> = validator(&schema).iter_errors(&written).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{written}\n{}", wrong.join("\n"));
}

#[test]
fn the_committed_schemas_are_those_of_the_types() {
    let folder = root().join("config/schemas");
    let messages = Kind::iter().map(|kind| (kind.name(), of_message(kind)));
    let results = ResultKind::iter().map(|kind| (kind.name(), of_result(kind)));
    let mut expected = BTreeSet::new();
    for (name, schema) in messages.chain(results) {
        let file = folder.join(format!("{name}.json"));
        assert_current(&file, &format!("{}\n", serde_json::to_string_pretty(&schema).unwrap()));
        expected.insert(file);
    }
    let found: BTreeSet<PathBuf> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(found, expected);
}

#[test]
fn the_command_prints_each_schema_that_it_lists() {
    let names = String::from_utf8(output(&mut bwp_sync(&["schema"])).stdout).unwrap();
    assert_eq!(names.lines().count(), Kind::iter().len() + ResultKind::iter().len());
    for name in names.lines() {
        let output = output(&mut bwp_sync(&["schema", name]));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let printed: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(printed["title"], name, "{printed}");
    }
}

#[test]
fn every_sample_fits_its_schema_unless_it_is_broken() {
    let mut samples = 0;
    for entry in std::fs::read_dir(root().join("tests/fixtures/messages")).unwrap() {
        let path = entry.unwrap().path();
        let message: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let fits = validator(&of_message(kind_of(&message))).is_valid(&message);
        assert_eq!(fits, !name.starts_with("broken-") || name == WELL_FORMED, "{name}");
        samples += 1;
    }
    assert!(samples >= 25, "only {samples} samples were found");
}

/// Samples that say all that their kind can say.
const WHOLE: [&str; 6] = [
    "full-checkout",
    "create-bundle-prime-and-non-prime",
    "trigger-lwa",
    "trigger-by-buy-with-prime-id",
    "amend-everything",
    "refund-external",
];

/// Each value of a whole message is left out, or is another one; the schema and the reader must agree each time.
#[test]
fn a_schema_refuses_what_the_reader_refuses_and_nothing_else() {
    let others = [None, Some(json!(null)), Some(json!(true)), Some(json!(7)), Some(json!("12,50")), Some(json!([]))];
    let (mut refused, mut disagreements) = (0, Vec::new());
    for name in WHOLE {
        let path = root().join(format!("tests/fixtures/messages/{name}.json"));
        let message: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        let schema = validator(&of_message(kind_of(&message)));
        for (pointer, other) in pointers("", &message).iter().flat_map(|at| others.iter().map(move |other| (at, other)))
        {
            let changed = changed(&message, pointer, other.clone());
            let (fits, read) = (schema.is_valid(&changed), is_read(&changed));
            refused += usize::from(!read);
            if fits != read {
                disagreements.push(format!("{name}{pointer} = {other:?}: fits {fits}, is read {read}"));
            }
        }
    }
    assert!(disagreements.is_empty(), "{}", disagreements.join("\n"));
    assert!(refused > 100, "only {refused} changes broke a message");
}

#[test]
fn a_sequence_is_a_text_or_a_whole_number_and_anything_else_is_read_as_none() {
    let path = root().join("tests/fixtures/messages/amend-order-level.json");
    let message: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    for (sequence, fits) in [
        (Some(json!("7")), true),
        (Some(json!(7)), true),
        (Some(json!(null)), true),
        (None, true),
        (Some(json!(-7)), false),
        (Some(json!(7.5)), false),
        (Some(json!(true)), false),
        (Some(json!({})), false),
    ] {
        let changed = changed(&message, "/sequence", sequence.clone());
        assert_eq!(validator(&of_message(kind_of(&message))).is_valid(&changed), fits, "{sequence:?}");
        assert!(is_read(&changed), "{sequence:?}");
    }
}

fn kind_of(message: &Value) -> Kind {
    Kind::of(message["type"].as_str().unwrap()).unwrap()
}

/// JSON pointers of everything inside.
pub(crate) fn pointers(at: &str, value: &Value) -> Vec<String> {
    let inside: Vec<_> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (format!("{at}/{name}"), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(n, value)| (format!("{at}/{n}"), value)).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    inside.iter().flat_map(|(at, value)| std::iter::once(at.clone()).chain(pointers(at, value))).collect()
}

pub(crate) fn changed(message: &Value, pointer: &str, other: Option<Value>) -> Value {
    let mut message = message.clone();
    let (parent, last) = pointer.rsplit_once('/').unwrap();
    match (message.pointer_mut(parent).unwrap(), other) {
        (Value::Object(fields), None) => drop(fields.remove(last)),
        (Value::Array(items), None) => drop(items.remove(last.parse().unwrap())),
        (_, Some(other)) => *message.pointer_mut(pointer).unwrap() = other,
        (parent, None) => panic!("{parent} has nothing inside"),
    }
    message
}

fn is_read(message: &Value) -> bool {
    let body = serde_json::to_vec(message).unwrap();
    let (conventions, now) = (Conventions::default(), Timestamp::UNIX_EPOCH);
    let command = open(&RawMessage::structured(&body)).map(|envelope| command_for(&envelope, &conventions));
    matches!(command, Ok(Ok(command)) if check_rules(&command, &conventions.rules, now).is_ok())
}
