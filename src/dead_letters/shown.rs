//! The part of a letter that a person may see, and how it is said. PURE: time is an argument.
//!
//! Not here: where it is shown; who may see all of it.

use jiff::Timestamp;
use serde_json::Value;

use crate::broker::StoredLetter;
use crate::domain::privacy::{all_masked, masked};

/// Whether nobody knows which fields of a letter's body are personal: it is no message of ours, or a mapping was for it.
pub fn is_foreign(letter: &StoredLetter) -> bool {
    letter.mapping().is_some() || letter.opened(&letter.text()).is_err()
}

/// The body of a letter, without personal data unless that is to be shown. Of a foreign body nobody knows which field is
/// personal, so all are masked.
pub fn shown_body(body: &[u8], is_foreign: bool, reveal: bool) -> String {
    if reveal {
        return String::from_utf8_lossy(body).into_owned();
    }
    let readable = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    let mask = if is_foreign { all_masked } else { masked };
    let masked = readable.and_then(|message| serde_json::to_string_pretty(&mask(message)).ok());
    masked.unwrap_or_else(|| format!("({} bytes that are no message)", body.len()))
}

/// How long ago something was, in its largest unit.
pub fn age(at: Option<Timestamp>, now: Timestamp) -> String {
    let Some(at) = at else { return "?".into() };
    let seconds = now.duration_since(at).as_secs().max(0);
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3600 => format!("{}m", seconds / 60),
        3600..86_400 => format!("{}h", seconds / 3600),
        _ => format!("{}d", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_age_is_told_in_its_largest_unit() {
        let at = |seconds| age(Some(Timestamp::UNIX_EPOCH), Timestamp::from_second(seconds).unwrap());
        assert_eq!([at(-5), at(59), at(61), at(7200), at(200_000)], ["0s", "59s", "1m", "2h", "2d"]);
    }
}
