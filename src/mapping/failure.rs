//! Reasons why a program cannot be compiled or run: mapping and place, and never a value of the body.
//!
//! Not here: running.

use std::fmt;

use jaq_core::load;
use jaq_json::{Error, Val};
use serde::{Deserialize, Serialize};

use super::library::REASONS;

/// A place in a program, counted from 1.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Character in the line.
    pub column: usize,
}

impl Place {
    /// The place of the byte `at` in a source.
    pub(super) fn of(source: &str, at: usize) -> Self {
        let before = source.get(..at).unwrap_or(source);
        let line = before.rsplit('\n').next().unwrap_or_default();
        Self { line: before.matches('\n').count() + 1, column: line.chars().count() + 1 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} column {}", self.line, self.column)
    }
}

/// A fault of a program, found before it runs.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// Where.
    pub place: Place,
    /// Expectation.
    pub message: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.message)
    }
}

/// A body that a program has no answer for: why, without a value of the body.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure(String);

impl Failure {
    pub(super) fn of(why: impl Into<String>) -> Self {
        Self(why.into())
    }

    /// An error of the running program. jq's own errors quote values, so types and names of the program are told instead.
    pub(super) fn raised(error: &Error, source: &str) -> Self {
        let text = error.to_string();
        // a text that the program has as a literal comes from its author, not from a body
        let is_known = |text: &String| REASONS.contains(&text.as_str()) || has_literal(source, text);
        if let Some(text) = text_of(error).filter(is_known) {
            return Self(text);
        }
        if let Some(rest) = text.strip_prefix("cannot index ") {
            return indexed(rest, source);
        }
        if let Some(rest) = text.strip_prefix("cannot use ") {
            let wanted = rest.rsplit(" as ").next().unwrap_or_default();
            let wanted = TYPES.iter().find(|(name, _)| wanted == *name).map_or("something else", |(_, name)| *name);
            return Self(format!("expected {wanted}, got {}", kind(rest)));
        }
        if let Some(rest) = text.strip_prefix("cannot calculate ") {
            return Self(format!("cannot calculate with {} and what follows it", kind(rest)));
        }
        Self::of("the program raised an error that quotes a value, which is not repeated")
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Types in errors of jq, and their names in ours.
const TYPES: [(&str, &str); 6] = [
    ("integer", "a whole number"),
    ("number", "a number"),
    ("string", "a text"),
    ("array", "a list"),
    ("iterable (array or object)", "a list or an object"),
    ("rangeable (array or string)", "a list or a text"),
];

/// The type of a value that an error quotes at its start.
fn kind(quoted: &str) -> &'static str {
    match quoted.as_bytes().first() {
        Some(b'"') => "a text",
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b'n') => "null",
        Some(b't' | b'f') => "true or false",
        _ => "a number",
    }
}

/// The type of a value.
pub(super) fn kind_of(value: &Val) -> &'static str {
    match value {
        Val::Null => "null",
        Val::Bool(_) => "true or false",
        Val::Num(_) => "a number",
        Val::BStr(_) | Val::TStr(_) => "a text",
        Val::Arr(_) => "a list",
        Val::Obj(_) => "an object",
    }
}

/// A field that was looked for where there are none. Its name is told if the program names it, too.
fn indexed(quoted: &str, source: &str) -> Failure {
    let found = kind(quoted);
    let key = quoted.rsplit(" with ").next().unwrap_or_default();
    let name = key.strip_prefix('"').and_then(|key| key.strip_suffix('"')).unwrap_or_default();
    let is_word = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word && names(source, name) {
        return Failure(format!("`{name}`: expected an object around it, got {found}"));
    }
    Failure(format!("expected an object or a list, got {found}"))
}

/// Whether a program names a field.
fn names(source: &str, name: &str) -> bool {
    let is_part = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
    source
        .match_indices(name)
        .any(|(at, _)| !is_part(source[..at].chars().next_back()) && !is_part(source[at + name.len()..].chars().next()))
}

/// The text of an error that is a text.
fn text_of(error: &Error) -> Option<String> {
    match error.clone().into_val() {
        Val::TStr(text) => String::from_utf8(text.to_vec()).ok(),
        _ => None,
    }
}

fn has_literal(source: &str, text: &str) -> bool {
    serde_json::to_string(text).is_ok_and(|written| source.contains(&written))
}

/// Faults of a program that cannot be read.
pub(super) fn unreadable(source: &str, errors: load::Errors<&str, ()>) -> Vec<Fault> {
    let fault = |part: &str, message: String| Fault { place: place_of(source, part), message };
    let mut faults = Vec::new();
    for (_, error) in errors {
        match error {
            load::Error::Io(errors) => {
                let message = || "modules are not supported".to_owned();
                faults.extend(errors.into_iter().map(|(part, _)| fault(part, message())));
            }
            load::Error::Lex(errors) => {
                let message = |expected: &str| format!("expected {expected}");
                faults.extend(errors.into_iter().map(|(expected, part)| fault(part, message(expected.as_str()))));
            }
            load::Error::Parse(errors) => {
                let message = |expected: &str| format!("expected {expected}");
                faults.extend(errors.into_iter().map(|(expected, part)| fault(part, message(expected.as_str()))));
            }
        }
    }
    faults
}

/// Faults of a program that names what is not there.
pub(super) fn undefined(source: &str, errors: jaq_core::compile::Errors<&str, ()>) -> Vec<Fault> {
    let errors = errors.into_iter().flat_map(|(_, errors)| errors);
    errors
        .map(|(name, what)| Fault {
            place: place_of(source, name),
            message: format!("there is no {} `{name}`", what.as_str()),
        })
        .collect()
}

/// The place of a part of a source; its start for a part that lies elsewhere.
fn place_of(source: &str, part: &str) -> Place {
    Place::of(source, offset(source, part).unwrap_or(0))
}

/// Where a part of a source begins, in bytes; none for a text that is not a part of it.
pub(super) fn offset(source: &str, part: &str) -> Option<usize> {
    (part.as_ptr() as usize).checked_sub(source.as_ptr() as usize).filter(|at| *at <= source.len())
}
