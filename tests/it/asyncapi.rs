//! The AsyncAPI document: committed, current, and without a reference that leads nowhere. Its parser reads it in `.ci/run`.

use std::path::Path;

use bwp_sync::domain::envelope::Kind;
use bwp_sync::domain::outcome::ResultKind;
use serde_json::Value;
use strum::IntoEnumIterator;

use crate::cli::bwp_sync;
use crate::generated::assert_current;
use crate::output::output;

#[test]
fn the_committed_document_is_that_of_the_types_and_each_reference_leads_somewhere() {
    let output = output(&mut bwp_sync(&["schema", "--asyncapi"]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    assert_current(&Path::new(env!("CARGO_MANIFEST_DIR")).join("config/asyncapi.json"), &text);
    let document: Value = serde_json::from_str(&text).unwrap();
    let names = Kind::iter().map(Kind::name).chain(ResultKind::iter().map(ResultKind::name));
    for name in names.chain(["dead-letter"]) {
        assert!(document["channels"][name]["messages"][name].is_object(), "{name}");
        assert!(document["components"]["messages"][name]["payload"].is_object(), "{name}");
    }
    let references = references(&document);
    assert!(references.len() > 50, "{}", references.len());
    for reference in references {
        assert!(document.pointer(reference.trim_start_matches('#')).is_some(), "{reference}");
    }
    // its parser refuses these below a payload
    assert!(!text.contains("$defs") && !text.contains("$id"));
}

fn references(value: &Value) -> Vec<&str> {
    match value {
        Value::Object(fields) => {
            let own = fields.get("$ref").and_then(Value::as_str);
            own.into_iter().chain(fields.values().flat_map(references)).collect()
        }
        Value::Array(values) => values.iter().flat_map(references).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}
