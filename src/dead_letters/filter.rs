//! A filter that selects letters. PURE.
//!
//! Not here: reading them.

use std::ops::RangeInclusive;

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp};
use serde::Serialize;

use crate::broker::Summary;

/// A filter of letters. A letter has one of the values of each field; an empty field does not matter.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Filter {
    /// Ids of letters, or how they begin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<String>,
    /// Error codes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub codes: Vec<String>,
    /// Error types.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub types: Vec<String>,
    /// Mappings.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mappings: Vec<String>,
    /// Classes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// Operations.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub operations: Vec<String>,
    /// Order ids.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub orders: Vec<String>,
    /// The time that letters were written at or after.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
    /// The time that letters were written before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
    /// A part of the error message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How often letters were replayed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub replays: Option<RangeInclusive<u32>>,
}

impl Filter {
    /// Whether the filter selects every letter.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether the filter selects a letter. Case does not matter, except in orders.
    pub fn matches(&self, letter: &Summary) -> bool {
        let id = letter.id.to_string();
        let begins = |wanted: &String| {
            id.get(..wanted.len()).is_some_and(|start| start.eq_ignore_ascii_case(wanted)) && !wanted.is_empty()
        };
        let one_of = |wanted: &[String], text: &str| {
            wanted.is_empty() || wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(text))
        };
        let order = |order: &Option<Box<str>>| {
            self.orders.is_empty() || order.as_deref().is_some_and(|order| self.orders.iter().any(|it| it == order))
        };
        let text = |text: &str| letter.message.to_lowercase().contains(&text.to_lowercase());
        (self.ids.is_empty() || self.ids.iter().any(begins))
            && one_of(&self.codes, &letter.code)
            && one_of(&self.types, &letter.error_type)
            && one_of(&self.classes, &letter.class)
            && one_of(&self.mappings, letter.mapping.as_deref().unwrap_or_default())
            && one_of(&self.operations, &letter.operation)
            && order(&letter.order)
            && self.since.is_none_or(|since| letter.dead_lettered_at.is_some_and(|at| at >= since))
            && self.until.is_none_or(|until| letter.dead_lettered_at.is_none_or(|at| at < until))
            && self.text.as_deref().is_none_or(text)
            && self.replays.as_ref().is_none_or(|replays| replays.contains(&letter.replays))
    }

    /// The ids that name none of these letters, or more than one.
    pub fn unclear_ids(&self, letters: &[Summary]) -> Vec<String> {
        let problem = |id: &String| {
            let only = Self { ids: vec![id.clone()], ..Self::default() };
            let mut meant: Vec<_> = letters.iter().filter(|letter| only.matches(letter)).map(|it| it.id).collect();
            meant.dedup();
            match meant.len() {
                0 => Some(format!("no letter has the id {id}")),
                1 => None,
                many => Some(format!("{many} letters have an id that begins with {id}")),
            }
        };
        self.ids.iter().filter_map(problem).collect()
    }
}

/// A time that an operator wrote: itself, or an age counted back from now.
///
/// # Errors
/// Neither, in words.
pub fn moment(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(time) = text.parse() {
        return Ok(time);
    }
    let age: Span = text.parse().map_err(|_| "expected an age (2h, 7d) or a time (2026-11-22T15:04:05Z)".to_owned())?;
    let then = now.to_zoned(TimeZone::UTC).checked_sub(age);
    then.map(|then| then.timestamp()).map_err(|_| "expected an age that is not before all time".to_owned())
}

/// Numbers of replays that an operator wrote: `2`, or `1..` for at least one.
///
/// # Errors
/// Neither, in words.
pub fn replays(text: &str) -> Result<RangeInclusive<u32>, String> {
    let number = |text: &str| text.parse().map_err(|_| "expected a number, or one followed by `..`".to_owned());
    match text.strip_suffix("..") {
        Some(least) => Ok(number(least)?..=u32::MAX),
        None => number(text).map(|number| number..=number),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use uuid::Uuid;

    use super::*;
    use crate::broker::{BodyHash, Place};

    /// A letter with this number in its id.
    pub(crate) fn letter(number: u128) -> Summary {
        Summary {
            id: Uuid::from_u128(number << 64),
            place: Place::DeadLetters,
            operation: "createOrder".into(),
            error_type: "ValidationError".into(),
            code: "ItemOutOfStock".into(),
            class: "rejected".into(),
            mapping: Some("shop-orders".into()),
            action: "replay when it is in stock".into(),
            message: "HTTP 200: Item is out of stock".into(),
            order: Some(format!("SO-{number}").into()),
            attempts: 1,
            replays: 0,
            replay_id: None,
            dead_lettered_at: Some(Timestamp::UNIX_EPOCH),
            bytes: 2,
            body_hash: BodyHash::of(b"{}"),
        }
    }

    fn at(seconds: i64) -> Option<Timestamp> {
        Some(Timestamp::from_second(seconds).unwrap())
    }

    #[test]
    fn each_part_of_a_filter_tells_letters_apart() {
        let list = |text: &str| vec![text.to_owned()];
        let none = Filter::default;
        let cases = [
            (Filter { ids: list(&letter(1).id.to_string()[..20]), ..none() }, true),
            (Filter { ids: list("00000000-0000-0002"), ..none() }, false),
            (Filter { ids: list(""), ..none() }, false),
            (Filter { ids: list("ä"), ..none() }, false),
            (Filter { codes: vec!["x".into(), "itemoutofstock".into()], ..none() }, true),
            (Filter { codes: list("ItemOut"), ..none() }, false),
            (Filter { types: list("ValidationError"), ..none() }, true),
            (Filter { types: list("BwpSync"), ..none() }, false),
            (Filter { classes: list("rejected"), ..none() }, true),
            (Filter { classes: list("denied"), ..none() }, false),
            (Filter { operations: list("updateOrder"), ..none() }, false),
            (Filter { mappings: list("shop-orders"), ..none() }, true),
            (Filter { mappings: list("refunds"), ..none() }, false),
            (Filter { orders: list("SO-1"), ..none() }, true),
            (Filter { orders: list("so-1"), ..none() }, false),
            (Filter { since: at(0), ..none() }, true),
            (Filter { since: at(1), ..none() }, false),
            (Filter { until: at(1), ..none() }, true),
            (Filter { until: at(0), ..none() }, false),
            (Filter { text: Some("out OF stock".into()), ..none() }, true),
            (Filter { text: Some("sold".into()), ..none() }, false),
            (Filter { replays: Some(0..=0), ..none() }, true),
            (Filter { replays: Some(1..=u32::MAX), ..none() }, false),
            (none(), true),
        ];
        for (filter, matches) in cases {
            assert_eq!(filter.matches(&letter(1)), matches, "{filter:?}");
        }
    }

    #[test]
    fn an_id_must_mean_one_letter() {
        let letters = [letter(1), letter(2), letter(2)];
        let filter = Filter { ids: ["00000000-0000-0002", "0", "9"].map(Into::into).to_vec(), ..Filter::default() };
        let said = filter.unclear_ids(&letters);
        assert_eq!(said, ["2 letters have an id that begins with 0", "no letter has the id 9"]);
    }

    #[test]
    fn an_age_is_counted_back_from_now_and_a_time_is_itself() {
        let (time, now) = ("2026-11-22T15:04:05Z", Timestamp::from_second(1_800_000_000).unwrap());
        assert_eq!(moment(time, now).unwrap().to_string(), time);
        assert_eq!(moment("7d", now).unwrap(), now - jiff::SignedDuration::from_hours(7 * 24));
        assert!(moment("soon", now).is_err());
    }

    #[test]
    fn replays_are_a_number_or_at_least_one() {
        assert_eq!(replays("2").unwrap(), 2..=2);
        assert_eq!(replays("1..").unwrap(), 1..=u32::MAX);
        assert!(replays("-1").is_err() && replays("1..2").is_err());
    }
}
