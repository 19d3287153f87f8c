//! Reads settings by key from the environment, else the files, else the defaults, and collects every problem.
//!
//! Not here: the list of keys.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::PathBuf;

use config::{FileFormat, Format, Map, Value, ValueKind};
use secrecy::{ExposeSecret, SecretString};

use super::shape::SettingsError;
use super::values::Setting;
use crate::secret::{Secret, without_line_end};

/// Least likeness of an unknown key and a known one, from 0 to 1, for a hint at a misspelling.
const ALIKE: f64 = 0.6;

/// Of a variable's name with too few underscores and a key, this much must be alike.
const SURELY_MEANT: f64 = 0.9;

/// Value of a key, and its origin: a file's path or a variable's name.
struct Found {
    value: ValueKind,
    origin: String,
}

/// Tables of a list, and the file that they stand in.
#[derive(Default)]
pub(super) struct Tables {
    pub(super) tables: Vec<Map<String, Value>>,
    pub(super) origin: String,
}

type Layer = BTreeMap<String, Found>;

/// Problems, one for each key.
#[derive(Debug, Default)]
pub(super) struct Problems(BTreeMap<String, String>);

impl Problems {
    /// Notes a problem of the key at the start of the text. The first one of a key is kept: later ones may follow from
    /// it.
    pub(super) fn note(&mut self, text: impl Into<String>) {
        let text = text.into();
        let key = text.split(": ").next().unwrap_or(&text).to_owned();
        self.note_as(&key, text);
    }

    /// Notes a problem of another key under this one.
    fn note_as(&mut self, key: &str, text: String) {
        self.0.entry(key.to_owned()).or_insert(text);
    }

    /// Whether a key has a problem.
    pub(super) fn has(&self, key: &str) -> bool {
        self.0.contains_key(key)
    }
}

/// All sources, and the keys that were read so far.
pub(super) struct Reader {
    defaults: Layer,
    given: Layer,
    asked: BTreeSet<String>,
    /// Keys whose values may be told, among those that were read so far.
    shown: BTreeSet<String>,
    /// Variables whose names begin as ours would with a second underscore.
    with_one_underscore: Vec<String>,
    /// Problems found up to now.
    pub(super) problems: Problems,
}

impl Reader {
    pub(super) fn new(
        defaults: &str,
        files: &[PathBuf],
        environment: impl IntoIterator<Item = (OsString, OsString)>,
    ) -> Result<Self, SettingsError> {
        let built_in = parse("config/default.toml", defaults).map_err(SettingsError::Defaults)?;
        let mut reader = Self {
            defaults: built_in,
            given: Layer::new(),
            asked: BTreeSet::new(),
            shown: BTreeSet::new(),
            with_one_underscore: Vec::new(),
            problems: Problems::default(),
        };
        for file in files {
            let name = file.display().to_string();
            match std::fs::read_to_string(file).map_err(|error| error.to_string()).and_then(|text| parse(&name, &text))
            {
                Ok(layer) => reader.given.extend(layer),
                Err(problem) => reader.problems.note(format!("`{name}`: {problem}")),
            }
        }
        reader.read_environment(environment);
        Ok(reader)
    }

    /// `BWP__API__CLIENT_ID` is `api.client_id`.
    fn read_environment(&mut self, environment: impl IntoIterator<Item = (OsString, OsString)>) {
        for (name, value) in environment {
            let Ok(origin) = name.into_string() else { continue };
            let lower = origin.to_lowercase();
            let Some(key) = lower.strip_prefix("bwp__").map(|key| key.replace("__", ".")) else {
                if lower.starts_with("bwp_") {
                    self.with_one_underscore.push(origin);
                }
                continue;
            };
            match value.into_string() {
                Ok(text) => {
                    let value = ValueKind::String(without_line_end(&text).to_owned());
                    self.given.insert(key, Found { value, origin });
                }
                Err(_) => self.problems.note(format!("{key}: expected UTF-8 ({origin})")),
            }
        }
    }

    /// The value of a key. For a value of the wrong kind, a problem is noted and the default returned: every key gets
    /// checked.
    ///
    /// # Errors
    /// The defaults lack the key, or have a value of the wrong kind.
    pub(super) fn get<T: Setting>(&mut self, key: &str) -> Result<T, SettingsError> {
        self.asked.insert(key.to_owned());
        if T::SHOWN {
            self.shown.insert(key.to_owned());
        }
        let default = self.defaults.get(key).and_then(|found| T::of(&found.value));
        let default = default.ok_or_else(|| SettingsError::Defaults(format!("{key}: expected {}", T::EXPECTED)))?;
        if let Some(Found { value, origin }) = self.given.get(key) {
            if let Some(value) = T::of(value) {
                return Ok(value);
            }
            let got = if T::SHOWN { format!(", got `{value}`") } else { String::new() };
            self.problems.note(format!("{key}: expected {}{got} ({origin})", T::EXPECTED));
        }
        Ok(default)
    }

    /// Tables of a list, `[[key]]`, and the file that they stand in. The defaults have none.
    ///
    /// # Errors
    /// The defaults lack the key.
    pub(super) fn tables(&mut self, key: &str) -> Result<Tables, SettingsError> {
        self.asked.insert(key.to_owned());
        let default = self.defaults.get(key).is_some_and(|found| matches!(found.value, ValueKind::Array(_)));
        if !default {
            return Err(SettingsError::Defaults(format!("{key}: expected a list of tables")));
        }
        let Some(Found { value, origin }) = self.given.get(key) else { return Ok(Tables::default()) };
        let entries = if let ValueKind::Array(entries) = value { Some(entries) } else { None };
        let tables: Option<Vec<_>> = entries.and_then(|entries| {
            let table =
                |entry: &Value| if let ValueKind::Table(table) = &entry.kind { Some(table.clone()) } else { None };
            entries.iter().map(table).collect()
        });
        if tables.is_none() {
            self.problems.note(format!("{key}: expected tables in a file, as `[[{key}]]` ({origin})"));
        }
        Ok(Tables { tables: tables.unwrap_or_default(), origin: origin.clone() })
    }

    /// A secret: the value of `key`, or the content of the file that `<key>_file` names.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub(super) fn secret(&mut self, key: &str) -> Result<Secret, SettingsError> {
        let inline: SecretString = self.get(key)?;
        let inline = SecretString::from(without_line_end(inline.expose_secret()));
        let file_key = format!("{key}_file");
        let Some(file) = self.file_as(&file_key, key)? else { return Ok(inline.into()) };
        if self.given.contains_key(key) && !inline.expose_secret().is_empty() {
            self.problems.note(format!("{key}: expected either `{key}` or `{file_key}`, got both"));
        }
        Ok(file)
    }

    /// Content of the file that a key names, if it names one.
    ///
    /// # Errors
    /// As [`Reader::get`].
    pub(super) fn file(&mut self, key: &str) -> Result<Option<Secret>, SettingsError> {
        self.file_as(key, key)
    }

    /// Notes an unreadable file as a problem of `concerns`, which suppresses that key's problem of a missing value.
    fn file_as(&mut self, key: &str, concerns: &str) -> Result<Option<Secret>, SettingsError> {
        let path: String = self.get(key)?;
        if path.is_empty() {
            return Ok(None);
        }
        match Secret::file(path) {
            Ok(secret) => Ok(Some(secret)),
            Err(error) => {
                let origin = self.given.get(key).map_or("", |found| &found.origin);
                self.problems.note_as(concerns, format!("{key}: {error} ({origin})"));
                Ok(None)
            }
        }
    }

    /// The given values that differ from the defaults, as `key=value`. Values of secrets are left out, and so are paths of
    /// files: a secret may stand in the wrong place.
    pub(super) fn changed(&self) -> Vec<String> {
        // the environment writes lists without brackets
        let plain = |found: &Found| found.value.to_string().replace(['[', ']', ' '], "");
        let differs = |key: &str, found: &Found| self.defaults.get(key).is_none_or(|it| plain(it) != plain(found));
        let changed = self.given.iter().filter(|(key, found)| differs(key, found));
        let told =
            changed.map(|(key, Found { value, .. })| match self.shown.contains(key) && !key.ends_with("_file") {
                true => format!("{key}={value}"),
                false => key.clone(),
            });
        told.collect()
    }

    /// Every problem, sorted by key. Keys that were never read are unknown.
    pub(super) fn finish(mut self) -> Result<(), SettingsError> {
        for (key, found) in self.given.iter().chain(&self.defaults).filter(|(key, _)| !self.asked.contains(*key)) {
            let hint = self.nearest(key).map(|known| format!("\nhint: `{known}`")).unwrap_or_default();
            self.problems.note(format!("{key}: unknown key ({}){hint}", found.origin));
        }
        for name in &self.with_one_underscore {
            if let Some(meant) = self.meant_by(name) {
                self.problems.note(format!("{name}: unknown variable\nhint: `{meant}`"));
            }
        }
        if self.problems.0.is_empty() {
            return Ok(());
        }
        Err(SettingsError::Problems(self.problems.0.into_values().collect()))
    }

    /// The variable of a key that a name with too few underscores stands for. Others have names that begin with `BWP_`,
    /// too: Kubernetes gives a pod `BWP_SYNC_PORT` and the like where there is a service `bwp-sync`.
    fn meant_by(&self, name: &str) -> Option<String> {
        let words =
            |name: &str| name.to_lowercase().replace(['.', '_'], " ").split_whitespace().collect::<Vec<_>>().join("_");
        let wanted = words(name).strip_prefix("bwp_")?.to_owned();
        let alike = |key: &&String| strsim::normalized_damerau_levenshtein(&words(key), &wanted);
        let (key, score) = self.asked.iter().map(|key| (key, alike(&key))).max_by(|(_, a), (_, b)| a.total_cmp(b))?;
        (score >= SURELY_MEANT).then(|| format!("BWP__{}", key.to_uppercase().replace('.', "__")))
    }

    fn nearest(&self, key: &str) -> Option<&str> {
        let scored = self.asked.iter().map(|known| (strsim::normalized_damerau_levenshtein(key, known), known));
        let (score, known) = scored.max_by(|(one, _), (other, _)| one.total_cmp(other))?;
        (score >= ALIKE).then_some(known)
    }
}

/// Keys of a TOML text with their sections, for example `api.tls.ca_file`. An error contains the place alone: the line
/// itself may contain a secret.
fn parse(name: &str, text: &str) -> Result<Layer, String> {
    let table = FileFormat::Toml.parse(None, text).map_err(|error| {
        let said = error.to_string();
        said.lines().next().unwrap_or("not TOML").to_owned()
    })?;
    let mut layer = Layer::new();
    flatten("", table, name, &mut layer);
    Ok(layer)
}

fn flatten(section: &str, table: Map<String, Value>, origin: &str, layer: &mut Layer) {
    for (name, value) in table {
        let key = if section.is_empty() { name } else { format!("{section}.{name}") };
        match value.kind {
            ValueKind::Table(inner) => flatten(&key, inner, origin, layer),
            value => drop(layer.insert(key, Found { value, origin: origin.to_owned() })),
        }
    }
}
