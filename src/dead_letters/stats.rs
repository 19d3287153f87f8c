//! Letters counted. PURE: time is an argument.
//!
//! Not here: reading them; how counts are shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::broker::{Place, Summary};

/// Counts of letters by what they have in common.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Stats {
    /// All of them.
    pub letters: usize,
    /// Letters in the queue that takes over what the queue of dead letters loses.
    pub parked: usize,
    /// By error code, the commonest first.
    pub codes: Vec<Group>,
    /// By operation.
    pub operations: Vec<Group>,
    /// By class.
    pub classes: Vec<Group>,
    /// By age, youngest first.
    pub ages: Vec<Group>,
    /// By how often they were replayed.
    pub replays: Vec<Group>,
    /// When the oldest was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Timestamp>,
    /// When the newest was written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub newest: Option<Timestamp>,
}

/// Letters that have something in common.
#[derive(Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Group {
    /// The value that they have in common.
    pub name: String,
    /// How many letters.
    pub letters: usize,
    /// The actions that an operator can take: letters of one code may need different ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suggested_action: Option<String>,
}

/// Ages up to which letters are counted together, in seconds.
const AGES: [(i64, &str); 4] =
    [(3600, "under an hour"), (24 * 3600, "under a day"), (7 * 24 * 3600, "under a week"), (i64::MAX, "older")];

/// Counts letters.
pub fn count<'l>(letters: impl IntoIterator<Item = &'l Summary>, now: Timestamp) -> Stats {
    let mut stats = Stats::default();
    let mut codes: BTreeMap<&Arc<str>, (usize, BTreeSet<&str>)> = BTreeMap::new();
    let (mut operations, mut classes): (BTreeMap<&str, usize>, BTreeMap<&str, usize>) = Default::default();
    let (mut ages, mut replays): (BTreeMap<usize, usize>, BTreeMap<u32, usize>) = Default::default();
    for letter in letters {
        stats.letters += 1;
        stats.parked += usize::from(letter.place == Place::Parked);
        let (number, actions) = codes.entry(&letter.code).or_default();
        *number += 1;
        actions.insert(&letter.action);
        *operations.entry(&letter.operation).or_default() += 1;
        *classes.entry(&letter.class).or_default() += 1;
        *replays.entry(letter.replays).or_default() += 1;
        if let Some(at) = letter.dead_lettered_at {
            *ages.entry(age(now.duration_since(at).as_secs())).or_default() += 1;
            stats.oldest = Some(stats.oldest.map_or(at, |oldest| oldest.min(at)));
            stats.newest = Some(stats.newest.map_or(at, |newest| newest.max(at)));
        }
    }
    let group = |name: String, letters| Group { name, letters, suggested_action: None };
    let codes = codes.into_iter().map(|(code, (letters, actions))| Group {
        suggested_action: Some(Vec::from_iter(actions).join("; or ")),
        ..group(code.to_string(), letters)
    });
    stats.codes = commonest_first(codes);
    stats.operations = commonest_first(operations.into_iter().map(|(name, letters)| group(name.into(), letters)));
    stats.classes = commonest_first(classes.into_iter().map(|(name, letters)| group(name.into(), letters)));
    stats.ages = ages.into_iter().map(|(age, letters)| group(AGES[age].1.into(), letters)).collect();
    stats.replays = replays.into_iter().map(|(replays, letters)| group(times(replays), letters)).collect();
    stats
}

fn commonest_first(groups: impl Iterator<Item = Group>) -> Vec<Group> {
    let mut groups: Vec<_> = groups.collect();
    groups.sort_by_key(|group| std::cmp::Reverse(group.letters));
    groups
}

fn age(seconds: i64) -> usize {
    AGES.iter().position(|(bound, _)| seconds < *bound).unwrap_or(AGES.len() - 1)
}

fn times(replays: u32) -> String {
    match replays {
        0 => "never".into(),
        1 => "once".into(),
        many => format!("{many} times"),
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::tests::letter;
    use super::*;

    #[test]
    fn letters_are_counted_by_what_they_have_in_common() {
        let now = Timestamp::from_second(8 * 24 * 3600).unwrap();
        let young = now - jiff::SignedDuration::from_mins(59);
        let mut other = letter(3);
        (other.code, other.action, other.class) = ("Odd".into(), "look".into(), "unknown".into());
        (other.operation, other.replays, other.place) = ("updateOrder".into(), 2, Place::Parked);
        other.dead_lettered_at = Some(young);
        let mut mapped = letter(1);
        mapped.action = "mend the mapping".into();
        let actions = [mapped.action.to_string(), letter(2).action.to_string()].join("; or ");
        let stats = count(&[other, mapped, letter(2)], now);
        let shown = |groups: &[Group]| {
            groups.iter().map(|group| format!("{} {}", group.letters, group.name)).collect::<Vec<_>>().join(", ")
        };
        assert_eq!((stats.letters, stats.parked), (3, 1));
        assert_eq!(shown(&stats.codes), "2 ItemOutOfStock, 1 Odd");
        assert_eq!(stats.codes[1].suggested_action.as_deref(), Some("look"));
        assert_eq!(
            stats.codes[0].suggested_action.as_deref(),
            Some(actions.as_str()),
            "of letters that need different ones"
        );
        assert_eq!(shown(&stats.operations), "2 createOrder, 1 updateOrder");
        assert_eq!(shown(&stats.classes), "2 rejected, 1 unknown");
        assert_eq!(shown(&stats.ages), "1 under an hour, 2 older");
        assert_eq!(shown(&stats.replays), "2 never, 1 2 times");
        assert_eq!((stats.oldest, stats.newest), (Some(Timestamp::UNIX_EPOCH), Some(young)));
    }

    #[test]
    fn no_letters_have_no_groups() {
        assert_eq!(count(&[], Timestamp::UNIX_EPOCH), Stats::default());
    }
}
