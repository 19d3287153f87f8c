//! Kinds of values, and their syntax in a file or in the environment.
//!
//! Not here: keys, files, contradictions.

use std::str::FromStr;
use std::time::Duration;

use config::ValueKind;
use secrecy::SecretString;
use strum::IntoEnumIterator;
use url::Url;

use super::shape::{Listen, LogFormat, Rate, StartFulfillment};
use crate::api::ApiVersion;
use crate::broker::Unroutable;
use crate::trace::Relation;

/// A kind of value. The environment contains only text: text is accepted for every kind.
pub(super) trait Setting: Sized {
    /// Expectation in an error message.
    const EXPECTED: &'static str;
    /// Whether an error message may repeat the given value.
    const SHOWN: bool = true;

    /// The value, if it is of this kind.
    fn of(given: &ValueKind) -> Option<Self>;
}

impl Setting for String {
    const EXPECTED: &'static str = "text in quotes";

    fn of(given: &ValueKind) -> Option<Self> {
        text(given).map(ToOwned::to_owned)
    }
}

impl Setting for SecretString {
    const EXPECTED: &'static str = "text in quotes";
    const SHOWN: bool = false;

    fn of(given: &ValueKind) -> Option<Self> {
        text(given).map(Self::from)
    }
}

impl Setting for bool {
    const EXPECTED: &'static str = "`true` or `false`";

    fn of(given: &ValueKind) -> Option<Self> {
        if let ValueKind::Boolean(value) = given { Some(*value) } else { text(given)?.parse().ok() }
    }
}

impl Setting for Listen {
    const EXPECTED: &'static str = "an address, as `127.0.0.1:9464`, or nothing";

    fn of(given: &ValueKind) -> Option<Self> {
        match text(given)? {
            "" => Some(Self(None)),
            address => Some(Self(Some(address.parse().ok()?))),
        }
    }
}

impl Setting for Rate {
    const EXPECTED: &'static str = "a whole number of calls per second, at least 1, or nothing";

    fn of(given: &ValueKind) -> Option<Self> {
        if text(given) == Some("") {
            return Some(Self(None));
        }
        let rate: u32 = number(given)?;
        (rate > 0).then_some(Self(Some(f64::from(rate))))
    }
}

impl Setting for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";

    fn of(given: &ValueKind) -> Option<Self> {
        number(given)
    }
}

impl Setting for u32 {
    const EXPECTED: &'static str = "a whole number from 0 to 4294967295";

    fn of(given: &ValueKind) -> Option<Self> {
        number(given)
    }
}

impl Setting for usize {
    const EXPECTED: &'static str = "a whole number, 0 or more";

    fn of(given: &ValueKind) -> Option<Self> {
        number(given)
    }
}

impl Setting for Duration {
    const EXPECTED: &'static str = "a duration with a unit, as `10s`";

    fn of(given: &ValueKind) -> Option<Self> {
        duration(text(given)?)
    }
}

impl Setting for Vec<Duration> {
    const EXPECTED: &'static str = "durations with units, as `[\"5s\", \"2m\"]`, or with commas in the environment";

    fn of(given: &ValueKind) -> Option<Self> {
        list(given)?.into_iter().map(duration).collect()
    }
}

impl Setting for Vec<String> {
    const EXPECTED: &'static str = "texts, as `[\"a\", \"b\"]`, or with commas in the environment";

    fn of(given: &ValueKind) -> Option<Self> {
        Some(list(given)?.into_iter().map(ToOwned::to_owned).collect())
    }
}

impl Setting for Url {
    const EXPECTED: &'static str = "an `https://` address";
    // the value may contain a password
    const SHOWN: bool = false;

    fn of(given: &ValueKind) -> Option<Self> {
        text(given)?.parse().ok()
    }
}

impl Setting for ApiVersion {
    const EXPECTED: &'static str = "`2024-11-01` or `2024-04-01`";

    fn of(given: &ValueKind) -> Option<Self> {
        let name = text(given)?;
        Self::iter().find(|version| version.name() == name)
    }
}

impl Setting for Unroutable {
    const EXPECTED: &'static str = "`accept` or `pause`";

    fn of(given: &ValueKind) -> Option<Self> {
        match text(given)? {
            "accept" => Some(Self::Accept),
            "pause" => Some(Self::Pause),
            _ => None,
        }
    }
}

impl Setting for Relation {
    const EXPECTED: &'static str = "`link` or `parent`";

    fn of(given: &ValueKind) -> Option<Self> {
        match text(given)? {
            "link" => Some(Self::Link),
            "parent" => Some(Self::Parent),
            _ => None,
        }
    }
}

impl Setting for LogFormat {
    const EXPECTED: &'static str = "`json` or `pretty`";

    fn of(given: &ValueKind) -> Option<Self> {
        match text(given)? {
            "json" => Some(Self::Json),
            "pretty" => Some(Self::Pretty),
            _ => None,
        }
    }
}

impl Setting for StartFulfillment {
    const EXPECTED: &'static str = "`on-trigger` or `with-order`";

    fn of(given: &ValueKind) -> Option<Self> {
        match text(given)? {
            "on-trigger" => Some(Self::OnTrigger),
            "with-order" => Some(Self::WithOrder),
            _ => None,
        }
    }
}

fn text(given: &ValueKind) -> Option<&str> {
    if let ValueKind::String(text) = given { Some(text) } else { None }
}

/// TOML's integers are signed and of 64 bits.
fn number<T: TryFrom<i64> + FromStr>(given: &ValueKind) -> Option<T> {
    if let ValueKind::I64(number) = given { T::try_from(*number).ok() } else { text(given)?.parse().ok() }
}

fn duration(text: &str) -> Option<Duration> {
    let parsed: jiff::SignedDuration = text.parse().ok()?;
    parsed.try_into().ok()
}

/// Entries of a list, or of a text with commas.
fn list(given: &ValueKind) -> Option<Vec<&str>> {
    if let ValueKind::Array(entries) = given {
        entries.iter().map(|entry| text(&entry.kind)).collect()
    } else {
        Some(text(given)?.split(',').map(str::trim).collect())
    }
}
