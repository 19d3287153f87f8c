//! Letters at a glance: by code, and over time. PURE.
//!
//! Not here: reading them; how any of it is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::broker::Summary;

/// Letters with the same code.
#[derive(Clone, Debug, PartialEq)]
pub struct OfCode {
    /// The code.
    pub code: Arc<str>,
    /// How many.
    pub letters: usize,
    /// Letters among them that were replayed before.
    pub replayed: usize,
    /// Their class.
    pub class: Arc<str>,
    /// The action that an operator can take.
    pub action: Arc<str>,
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
    /// When the newest was written.
    pub newest: Option<Timestamp>,
}

/// Letters by code, the commonest first.
pub fn by_code<'l>(letters: impl IntoIterator<Item = &'l Summary>) -> Vec<OfCode> {
    let mut codes: BTreeMap<&str, OfCode> = BTreeMap::new();
    for letter in letters {
        let of_code = codes.entry(&letter.code).or_insert_with(|| OfCode {
            code: Arc::clone(&letter.code),
            letters: 0,
            replayed: 0,
            class: Arc::clone(&letter.class),
            action: Arc::clone(&letter.action),
            oldest: letter.dead_lettered_at,
            newest: letter.dead_lettered_at,
        });
        of_code.letters += 1;
        of_code.replayed += usize::from(letter.replays > 0);
        if let Some(at) = letter.dead_lettered_at {
            of_code.oldest = Some(of_code.oldest.map_or(at, |oldest| oldest.min(at)));
            of_code.newest = Some(of_code.newest.map_or(at, |newest| newest.max(at)));
        }
    }
    let mut codes: Vec<_> = codes.into_values().collect();
    codes.sort_by_key(|of_code| std::cmp::Reverse(of_code.letters));
    codes
}

/// Letters over time: equal spans from the first to the last.
#[derive(Clone, Debug, PartialEq)]
pub struct Timeline {
    /// Begin of the first span.
    pub from: Timestamp,
    /// Length of a span.
    pub span: SignedDuration,
    /// For each code its letters in each span; codes beyond the commonest stand under `None`.
    pub codes: Vec<(Option<Arc<str>>, Vec<usize>)>,
}

/// Counts letters over time, in so many spans. Letters without a time are left out; `None` where none has one.
pub fn over_time(letters: &[Summary], spans: usize, most_codes: usize) -> Option<Timeline> {
    let times = || letters.iter().filter_map(|letter| letter.dead_lettered_at);
    let (from, to) = (times().min()?, times().max()?);
    let whole = to.duration_since(from).as_secs().max(0);
    let spans = spans.max(1);
    let span = SignedDuration::from_secs((whole / spans as i64 + 1).max(60));
    let commonest: Vec<_> = by_code(letters).into_iter().map(|of_code| of_code.code).take(most_codes).collect();
    let mut codes: Vec<_> =
        commonest.iter().cloned().map(Some).chain([None]).map(|code| (code, vec![0; spans])).collect();
    for letter in letters {
        let Some(at) = letter.dead_lettered_at else { continue };
        let which = commonest.iter().position(|code| *code == letter.code).unwrap_or(commonest.len());
        let place = at.duration_since(from).as_secs() / span.as_secs();
        if let Some(count) = usize::try_from(place).ok().and_then(|place| codes[which].1.get_mut(place)) {
            *count += 1;
        }
    }
    codes.retain(|(_, counts)| counts.iter().any(|count| *count > 0));
    Some(Timeline { from, span, codes })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::filter::tests::letter;
    use super::*;

    fn of(code: &str, second: i64, replays: u32) -> Summary {
        let at = Some(Timestamp::from_second(second).unwrap());
        Summary { code: code.into(), dead_lettered_at: at, replays, ..letter(1) }
    }

    #[test]
    fn codes_come_with_their_counts_and_their_ages() {
        let codes = by_code(&[of("Odd", 9, 0), of("Common", 5, 1), of("Common", 2, 0)]);
        let seconds = |at: Option<Timestamp>| at.map(|at| at.as_second());
        let told: Vec<_> = codes
            .iter()
            .map(|it| (&*it.code, it.letters, it.replayed, seconds(it.oldest), seconds(it.newest)))
            .collect();
        assert_eq!(told, [("Common", 2, 1, Some(2), Some(5)), ("Odd", 1, 0, Some(9), Some(9))]);
    }

    #[test]
    fn what_is_not_among_the_commonest_stands_together() {
        let letters = [of("A", 0, 0), of("A", 600, 0), of("B", 0, 0), of("C", 0, 0)];
        let timeline = over_time(&letters, 10, 1).unwrap();
        assert_eq!(timeline.span, SignedDuration::from_secs(61));
        let told: Vec<_> =
            timeline.codes.iter().map(|(code, counts)| (code.as_deref(), counts[0], counts[9])).collect();
        assert_eq!(told, [(Some("A"), 1, 1), (None, 2, 0)]);
        assert_eq!(over_time(&[], 10, 5), None);
    }

    proptest! {
        #[test]
        fn every_letter_with_a_time_is_counted_once(times in prop::collection::vec((0_i64..5_000_000, 0_u8..9), 1..60), spans in 1_usize..50) {
            let letters: Vec<_> = times.iter().map(|(at, code)| of(&code.to_string(), *at, 0)).collect();
            let timeline = over_time(&letters, spans, 4).unwrap();
            let counted: usize = timeline.codes.iter().flat_map(|(_, counts)| counts).sum();
            prop_assert_eq!(counted, letters.len());
            prop_assert!(timeline.codes.len() <= 5);
        }
    }
}
