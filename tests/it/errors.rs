//! The catalogue as it is shown: the command, and the table in docs/errors.md.

use std::fmt::Write;

use bwp_sync::policy::catalogue::{Class, Decision, entries};
use strum::IntoEnumIterator;

use crate::cli::bwp_sync;
use crate::generated::assert_current;
use crate::output::output;

const BEGIN: &str = "<!-- errors: written by a test, see CONTRIBUTING -->\n";
const END: &str = "<!-- errors end -->";

#[test]
fn the_command_lists_every_row_without_any_settings() {
    let table = output(&mut bwp_sync(&["errors"]));
    assert_eq!(table.status.code(), Some(0), "{table:?}");
    let table = String::from_utf8(table.stdout).unwrap();
    assert_eq!(table.lines().count(), entries().count() + 1, "one line for each, and the header");
    insta::assert_snapshot!(table);
}

#[test]
fn programs_get_the_same_rows() {
    let output = output(&mut bwp_sync(&["errors", "--json"]));
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let listed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let entries: Vec<_> = entries().collect();
    assert_eq!(listed, serde_json::to_value(&entries).unwrap());
    assert_eq!(listed[5]["code"], "AliasValueAlreadyExists", "{listed}");
    assert_eq!(listed[5]["decision"], "compare");
}

#[test]
fn the_table_of_errors_is_that_of_the_catalogue() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    assert_current(path.as_ref(), &format!("{before}{BEGIN}{}{END}{after}", table()));
}

#[test]
fn the_page_of_errors_explains_every_class_and_every_decision() {
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/errors.md")).unwrap();
    let (before, _) = page.split_once(BEGIN).unwrap();
    for class in Class::iter() {
        assert!(before.contains(&format!("| `{}` | ", class.name())), "{class:?}");
    }
    for decision in Decision::all() {
        assert!(before.contains(&format!("`{}`:", decision.name())), "{decision:?}");
    }
}

fn table() -> String {
    let mut table = "| operation | type | code | class | decision | what can be done |\n".to_owned();
    table.push_str("|---|---|---|---|---|---|\n");
    for entry in entries() {
        let code = entry.code.map(|code| format!("`{code}`")).unwrap_or_default();
        let (operation, error_type, class) = (entry.operation, entry.error_type, entry.class);
        let (decision, action) = (entry.decision, entry.suggested_action);
        writeln!(table, "| {operation} | {error_type} | {code} | `{class}` | `{decision}` | {action} |").unwrap();
    }
    table
}
