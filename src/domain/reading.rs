//! Reading a message's JSON into our types, and the error texts if that fails.
//!
//! Not here: the fields of a message; the envelope around it.

use std::fmt;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer as _};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use super::rejection::Rejection;

/// Reads the payload of a message. An error names the path of the field. It repeats the value only of an amount, a
/// quantity, a code or a word of a closed list.
pub(super) fn read<'d, T: Deserialize<'d>>(data: &'d RawValue) -> Result<T, Rejection> {
    // keeping the path takes longer than reading, and only an error has one
    serde_json::from_str(data.get()).or_else(|_| read_by_path(data))
}

fn read_by_path<'d, T: Deserialize<'d>>(data: &'d RawValue) -> Result<T, Rejection> {
    let mut json = serde_json::Deserializer::from_str(data.get());
    serde_path_to_error::deserialize(&mut json).map_err(|error| {
        let path = error.path().to_string();
        Complaint::of(error.inner()).at(&path)
    })
}

/// Reason why a value cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Unreadable(String);

impl Unreadable {
    /// A value differs from the expectation.
    pub(super) fn expected(what: impl fmt::Display) -> Self {
        Self(format!("expected {what}"))
    }

    /// A value is `null`, which means missing. The text is serde's own: an operator reads one wording everywhere.
    fn null() -> Self {
        Self("invalid type: null, expected a value".to_owned())
    }

    /// A required field of the value is absent, in serde's own wording.
    pub(super) fn missing(field: &str) -> Self {
        Self(format!("missing field `{field}`"))
    }
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An error of serde without its value: serde quotes values, and a value can be a name or a token.
struct Complaint {
    /// Field below the path, if serde names one.
    field: Option<String>,
    /// Reason, without the value.
    reason: String,
}

impl Complaint {
    fn of(error: &serde_json::Error) -> Self {
        let message = error.to_string();
        let place = format!(" at line {} column {}", error.line(), error.column());
        let message = message.strip_suffix(&place).unwrap_or(&message);
        if !error.is_data() {
            // the envelope skips `data`; an escape for an invalid character is only found here
            return Self::at_path("not valid JSON");
        }
        if message.starts_with("expected ") {
            // our own words: see `Unreadable`
            return Self::at_path(message);
        }
        Self::of_field(message)
            .or_else(|| Self::of_word(message))
            .or_else(|| Self::of_kind(message))
            .unwrap_or_else(|| Self::at_path("cannot be read"))
    }

    fn at_path(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    /// An error about a field that is missing, unknown or given twice.
    fn of_field(message: &str) -> Option<Self> {
        let below = |field: &str, reason: &str| Self { field: Some(field.to_owned()), reason: reason.to_owned() };
        between_ticks(message, "missing field ")
            .map(|field| below(field, "missing"))
            .or_else(|| between_ticks(message, "duplicate field ").map(|field| below(field, "given twice")))
    }

    /// An error about a word outside its closed list.
    fn of_word(message: &str) -> Option<Self> {
        let (word, list) = message.strip_prefix("unknown variant `")?.rsplit_once("`, expected ")?;
        let list = list.replace('`', "").replacen("one of ", "", 1).replace(" or ", ", ");
        Some(Self::at_path(format!("expected one of {list}, got {}", shown(word))))
    }

    /// An error about a value of the wrong JSON type.
    fn of_kind(message: &str) -> Option<Self> {
        if message.starts_with("invalid length ") {
            // only objects have a length for serde: it reads a list as an object, by position
            return Some(Self::at_path("expected an object, got a list"));
        }
        let (found, wanted) = message.strip_prefix("invalid type: ")?.rsplit_once(", expected ")?;
        Some(match kind_found(found) {
            "null" => Self::at_path("missing"),
            kind => Self::at_path(format!("expected {}, got {kind}", kind_wanted(wanted))),
        })
    }

    fn at(self, path: &str) -> Rejection {
        let parent = (path != ".").then(|| path.to_owned());
        let full: Vec<String> = parent.into_iter().chain(self.field).collect();
        let full = if full.is_empty() { "data".to_owned() } else { full.join(".") };
        Rejection::invalid(&full, self.reason)
    }
}

/// The name between backticks, as in `missing field `name``.
fn between_ticks<'m>(message: &'m str, prefix: &str) -> Option<&'m str> {
    message.strip_prefix(prefix)?.strip_prefix('`')?.strip_suffix('`')
}

/// JSON type of the value that serde found, without the value.
fn kind_found(found: &str) -> &'static str {
    match found.split([' ', '(']).next().unwrap_or_default() {
        "null" => "null",
        "string" => "a text",
        "number" | "integer" | "floating" => "a number",
        "boolean" => "true or false",
        "sequence" => "a list",
        "map" => "an object",
        _ => "something else",
    }
}

/// The expectation of serde, in the terms of JSON.
fn kind_wanted(wanted: &str) -> &str {
    match wanted {
        "a boolean" => "true or false",
        "a sequence" => "a list",
        "string" | "a string" => "a text",
        _ if wanted.starts_with("struct ") => "an object",
        _ => wanted,
    }
}

/// A value for an error message, if it is a short single word: such a word cannot be a shopper's name or token.
pub(super) fn shown(value: &str) -> String {
    let plain = value.len() <= 40 && value.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-$".contains(&b));
    if plain { format!("\"{value}\"") } else { "another text".to_owned() }
}

/// An exact decimal from a JSON number or a JSON string, never through a float. `what` is the expectation in the error.
pub(super) fn decimal(raw: &str, what: &str) -> Result<Decimal, Unreadable> {
    let got = match raw.as_bytes().first() {
        Some(b'"') => {
            let text = serde_json::from_str::<String>(raw).ok();
            if let Some(decimal) = text.as_deref().and_then(exact) {
                return Ok(decimal);
            }
            shown_decimal(raw).unwrap_or("a text")
        }
        Some(b'{') => "an object",
        Some(b'[') => "a list",
        Some(b't' | b'f') => "true or false",
        Some(b'n') => return Err(Unreadable::null()),
        _ => match exact(raw) {
            Some(decimal) => return Ok(decimal),
            None => shown_decimal(raw).unwrap_or("a number that is too long"),
        },
    };
    Err(Unreadable::expected(format!("{what}, got {got}")))
}

/// A text in the place of a number, if it looks like an attempt at a number.
fn shown_decimal(raw: &str) -> Option<&str> {
    let plain = raw.len() <= 40 && raw.bytes().all(|b| b.is_ascii_digit() || b"\"+-.,'eE ".contains(&b));
    plain.then_some(raw)
}

/// The number of a text, if a `Decimal` (28 decimals, 96 bits) holds it without rounding.
fn exact(text: &str) -> Option<Decimal> {
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        Some((digits, exponent)) => (digits, exponent.parse::<i32>().ok()?),
        None => (text, 0),
    };
    let plain = digits.starts_with(|c: char| c.is_ascii_digit() || c == '-')
        && digits.ends_with(|c: char| c.is_ascii_digit())
        && digits.bytes().all(|b| b.is_ascii_digit() || b == b'-' || b == b'.');
    if !plain {
        return None;
    }
    let decimal = Decimal::from_str_exact(digits).ok()?;
    shifted(decimal, exponent)
}

/// A decimal with its point moved, if no digit is lost.
fn shifted(mut decimal: Decimal, exponent: i32) -> Option<Decimal> {
    let scale = i32::try_from(decimal.scale()).ok()?.checked_sub(exponent)?;
    if scale >= 0 {
        decimal.set_scale(scale.unsigned_abs()).ok()?;
        return Some(decimal);
    }
    decimal.set_scale(0).ok()?;
    let power = 10_i128.checked_pow(scale.unsigned_abs())?;
    decimal.checked_mul(Decimal::try_from_i128_with_scale(power, 0).ok()?)
}

/// A text that is not blank.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Text(pub(super) String);

impl<'de> Deserialize<'de> for Text {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom(Unreadable::expected("a text, got a blank one")));
        }
        Ok(Self(text))
    }
}

/// A text that may be absent. A blank text counts as absent: many shops send every field.
pub(super) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    Ok(text.filter(|text| !text.trim().is_empty()))
}

/// A time that may be absent, as in [`text`].
pub(super) fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let unreadable = || D::Error::custom(Unreadable::expected("a time as 2026-11-22T15:04:05Z"));
    text(deserializer)?.map(|text| text.parse().map_err(|_| unreadable())).transpose()
}

/// A list that may be `null`, which means empty.
pub(super) fn list<'de, D: Deserializer<'de>, T: Deserialize<'de>>(deserializer: D) -> Result<Vec<T>, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// A word of a closed list, read as a text first: serde's error for an enum would blame the JSON.
pub(super) fn word<'de, D: Deserializer<'de>, T: DeserializeOwned>(deserializer: D) -> Result<T, D::Error> {
    T::deserialize(String::deserialize(deserializer)?.into_deserializer())
}

/// A word of a closed list that may be absent, as in [`text`].
pub(super) fn optional_word<'de, D: Deserializer<'de>, T: DeserializeOwned>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    text(deserializer)?.map(|word| T::deserialize(word.into_deserializer())).transpose()
}
