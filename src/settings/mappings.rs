//! Mappings of foreign messages, one table each: `[[mappings]]`.
//!
//! Not here: the effect of a mapping.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use config::{Map, Value, ValueKind};

use super::reader::{Problems, Reader, Tables};
use super::shape::SettingsError;
use crate::domain::envelope::Kind;
use crate::mapper::Mapping;
use crate::mapping::{PRESETS, Program};

const KEY: &str = "mappings";
const KEYS: [&str; 7] = ["name", "routing_keys", "types", "kind", "file", "preset", "variables"];

/// Reads every mapping, and compiles its program. Faults of one do not hide those of another.
pub(super) fn mappings(reader: &mut Reader) -> Result<Vec<Mapping>, SettingsError> {
    let Tables { tables, origin } = reader.tables(KEY)?;
    let folder = Path::new(&origin).parent().unwrap_or(Path::new("")).to_owned();
    let mut names = BTreeSet::new();
    let mut mappings = Vec::new();
    for (position, table) in tables.into_iter().enumerate() {
        let key = format!("{KEY}[{position}]");
        let entry = Entry { table: &table, key: &key, origin: &origin, problems: &mut reader.problems };
        let mapping = entry.mapping(&folder);
        if !mapping.name.is_empty() && !names.insert(mapping.name.clone()) {
            reader
                .problems
                .note(format!("{key}.name: expected another name, `{}` is given twice ({origin})", mapping.name));
        }
        mappings.push(mapping);
    }
    Ok(mappings)
}

struct Entry<'a> {
    table: &'a Map<String, Value>,
    key: &'a str,
    origin: &'a str,
    problems: &'a mut Problems,
}

impl Entry<'_> {
    fn mapping(mut self, folder: &Path) -> Mapping {
        for name in self.table.keys().filter(|name| !KEYS.contains(&name.as_str())) {
            self.problems.note(format!("{}.{name}: unknown key ({})", self.key, self.origin));
        }
        let name = self.text("name").unwrap_or_default();
        let plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !plain || name.len() > 64 {
            self.note("name", "expected a name of letters, digits, `-`, `_` and `.`, at most 64");
        }
        let (routing_keys, types) = (self.texts("routing_keys"), self.texts("types"));
        if routing_keys.is_empty() && types.is_empty() {
            self.note("routing_keys", "expected at least one routing key, or one of `types`");
        }
        if routing_keys.iter().any(|key| key.contains(['#', '*'])) {
            self.note("routing_keys", "expected whole routing keys, without `#` and `*`");
        }
        let kind = self.text("kind").and_then(|kind| Kind::of(&kind));
        if kind.is_none() {
            self.note("kind", &format!("expected one of {}", Kind::names()));
        }
        let variables = self.variables();
        let source = self.source(folder, &variables);
        let kind = kind.map(Kind::name).unwrap_or_default().to_owned();
        let examples = self.text("file").map(|file| folder.join(file).with_extension(""));
        Mapping { name, routing_keys, types, kind, source, variables, examples }
    }

    fn note(&mut self, name: &str, text: &str) {
        self.problems.note(format!("{}.{name}: {text} ({})", self.key, self.origin));
    }

    fn text(&mut self, name: &str) -> Option<String> {
        match &self.table.get(name)?.kind {
            ValueKind::String(text) => Some(text.clone()),
            _ => {
                self.note(name, "expected text in quotes");
                None
            }
        }
    }

    fn texts(&mut self, name: &str) -> Vec<String> {
        let Some(value) = self.table.get(name) else { return Vec::new() };
        let texts = match &value.kind {
            ValueKind::Array(entries) => entries.iter().map(|entry| match &entry.kind {
                ValueKind::String(text) if !text.is_empty() => Some(text.clone()),
                _ => None,
            }),
            _ => {
                self.note(name, "expected texts, as `[\"a\", \"b\"]`");
                return Vec::new();
            }
        };
        let texts: Option<Vec<String>> = texts.collect();
        if texts.is_none() {
            self.note(name, "expected texts, as `[\"a\", \"b\"]`");
        }
        texts.unwrap_or_default()
    }

    /// Values of `$vars`: texts, whole numbers, `true` or `false`.
    fn variables(&mut self) -> BTreeMap<String, serde_json::Value> {
        let table = match self.table.get("variables").map(|value| &value.kind) {
            None => return BTreeMap::new(),
            Some(ValueKind::Table(table)) => table.clone(),
            Some(_) => {
                self.note("variables", "expected a table, as `{ offer_id = \"_offer\" }`");
                return BTreeMap::new();
            }
        };
        let mut variables = BTreeMap::new();
        for (name, value) in table {
            let value = match value.kind {
                ValueKind::String(text) => serde_json::Value::String(text),
                ValueKind::I64(number) => serde_json::Value::from(number),
                ValueKind::Boolean(value) => serde_json::Value::Bool(value),
                _ => {
                    self.note(&format!("variables.{name}"), "expected text, a whole number, `true` or `false`");
                    continue;
                }
            };
            variables.insert(name, value);
        }
        variables
    }

    /// The program, of a file or built in, compiled once so that its faults are known before anything connects.
    fn source(&mut self, folder: &Path, variables: &BTreeMap<String, serde_json::Value>) -> String {
        let (file, preset) = (self.text("file"), self.text("preset"));
        let (key, named, source) = match (file, preset) {
            (Some(file), None) => {
                let path = folder.join(file);
                let source = std::fs::read_to_string(&path).map_err(|error| error.to_string());
                ("file", path.display().to_string(), source)
            }
            (None, Some(preset)) => {
                let names = PRESETS.map(|(name, _)| name).join(", ");
                let source = PRESETS.into_iter().find(|(name, _)| *name == preset).map(|(_, source)| source.to_owned());
                ("preset", preset, source.ok_or(format!("expected one of {names}")))
            }
            (None, None) => return self.neither("expected `file` or `preset`, got neither"),
            (Some(_), Some(_)) => return self.neither("expected either `file` or `preset`, got both"),
        };
        let source = match source {
            Ok(source) => source,
            Err(error) => {
                self.note(key, &format!("`{named}`: {error}"));
                return String::new();
            }
        };
        if let Err(faults) = Program::compile(&source) {
            let faults: Vec<String> = faults.iter().map(|fault| format!("`{named}`: {fault}")).collect();
            self.note(key, &faults.join("\n  "));
        }
        for name in variables.keys().filter(|name| !source.contains(&format!("$vars.{name}"))) {
            self.note(&format!("variables.{name}"), &format!("`{named}` does not use `$vars.{name}`"));
        }
        source
    }

    fn neither(&mut self, text: &str) -> String {
        self.note("file", text);
        String::new()
    }
}
