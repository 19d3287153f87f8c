//! Works through a plan: letters are held a batch at a time, and those that are not removed are requeued.
//!
//! Not here: replaying and discarding.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use serde::Serialize;
use uuid::Uuid;

use super::plan::Planned;
use crate::broker::{LetterBoxError, LockedLetterBox, Pass, StoredLetter};

/// Letters whose bodies are kept in memory at the same time.
pub const BATCH: usize = 10_000;
/// Bytes of bodies that are kept in memory at the same time.
const BATCH_BYTES: usize = 64 * 1024 * 1024;
/// How often missing letters are looked for while another reader may hold them.
const LOOKS: u32 = 5;
const BETWEEN_LOOKS: Duration = Duration::from_secs(1);

/// Planned letters that were not worked on.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Missing {
    /// Letters that are no longer in the queues.
    pub gone: Vec<Uuid>,
    /// Letters that were not found while another reader read the queues.
    pub in_use: Vec<Uuid>,
    /// Letters with another body than planned.
    pub changed: Vec<Uuid>,
}

/// Letters of a plan that are held.
#[derive(Debug)]
pub struct Held<'p> {
    /// Planned letters and stored ones, in the order of the plan.
    pub letters: Vec<(&'p Planned, StoredLetter)>,
    /// How many planned letters this batch covers, missing ones included.
    pub planned: usize,
    /// How many letters are held, planned or not.
    pub all: usize,
    pass: Pass,
}

impl Held<'_> {
    /// Waits until the broker has heard of the letters that were removed.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn heard(&self) -> Result<(), LetterBoxError> {
        self.pass.heard().await
    }

    /// Requeues the letters that were not removed.
    pub async fn give_back(self) {
        self.pass.give_back().await;
    }
}

/// Holds the next letters of a plan; those that cannot be found are noted as missing. RabbitMQ requeues letters that
/// are held for 30 minutes, so a batch should be done long before.
///
/// # Errors
/// The connection is gone, or a queue.
pub async fn hold<'p>(
    letters: &LockedLetterBox,
    batch: &'p [Planned],
    missing: &mut Missing,
) -> Result<Held<'p>, LetterBoxError> {
    let mut look = 1;
    loop {
        let (mut found, mut all) = (Found::new(batch), 0);
        let seen = |letter| {
            all += 1;
            found.add(letter);
        };
        let pass = letters.read(seen).await?;
        pass.stop_receiving().await?;
        letters.note_held(all).await;
        let (changed, absent) = found.missing();
        if !absent.is_empty() && pass.elsewhere && look < LOOKS {
            pass.give_back().await;
            tokio::time::sleep(BETWEEN_LOOKS).await;
            look += 1;
            continue;
        }
        missing.changed.extend(changed);
        if pass.elsewhere { &mut missing.in_use } else { &mut missing.gone }.extend(absent);
        return Ok(Held { planned: found.covered(), letters: found.letters(), all, pass });
    }
}

/// The letters of a batch as they come by.
struct Found<'p> {
    /// Places in the batch that wait for a letter with this id; more than one if it lies in the queue twice.
    wanted: HashMap<Uuid, Vec<usize>>,
    batch: &'p [Planned],
    held: BTreeMap<usize, StoredLetter>,
    bytes: usize,
    changed: Vec<Uuid>,
    /// The first place whose letter there was no room for.
    refused_at: Option<usize>,
}

impl<'p> Found<'p> {
    fn new(batch: &'p [Planned]) -> Self {
        let mut wanted: HashMap<Uuid, Vec<usize>> = HashMap::new();
        for (at, letter) in batch.iter().enumerate().rev() {
            wanted.entry(letter.letter).or_default().push(at);
        }
        Self { wanted, batch, held: BTreeMap::new(), bytes: 0, changed: Vec::new(), refused_at: None }
    }

    fn add(&mut self, letter: StoredLetter) {
        let Some(places) = self.wanted.get_mut(&letter.summary.id) else { return };
        let same = |at: &usize| self.batch[*at].body == letter.summary.body_hash;
        let Some(index) = places.iter().rposition(same) else {
            self.changed.push(letter.summary.id);
            return;
        };
        let at = places.remove(index);
        self.bytes += letter.summary.bytes;
        self.held.insert(at, letter);
        // the last letters of the plan make room for the first
        while self.bytes > BATCH_BYTES && self.held.len() > 1 {
            let Some((at, last)) = self.held.pop_last() else { break };
            self.bytes -= last.summary.bytes;
            self.refused_at = Some(self.refused_at.map_or(at, |first| first.min(at)));
        }
    }

    /// How many of the planned letters the batch covers. Letters without room come in the next one, with all that are
    /// planned after them.
    fn covered(&self) -> usize {
        self.refused_at.unwrap_or(self.batch.len())
    }

    /// Letters of the batch that came by with another body, and those that did not come by.
    fn missing(&self) -> (Vec<Uuid>, Vec<Uuid>) {
        let places = (0..self.covered()).filter(|at| !self.held.contains_key(at));
        places.map(|at| self.batch[at].letter).partition(|id| self.changed.contains(id))
    }

    /// The letters of the batch, in the order of the plan.
    fn letters(self) -> Vec<(&'p Planned, StoredLetter)> {
        let (covered, batch) = (self.covered(), self.batch);
        self.held.into_iter().filter(|(at, _)| *at < covered).map(|(at, letter)| (&batch[at], letter)).collect()
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::filter::tests::letter;
    use super::super::plan::Plan;
    use super::*;
    use crate::broker::letters::letter::tests::stored;
    use crate::broker::{BodyHash, Summary};

    fn planned(numbers: &[u128]) -> Vec<Planned> {
        let letters = numbers.iter().map(|number| letter(*number)).collect();
        Plan::of(letters, Uuid::nil(), "bwp.dead-letters", Timestamp::UNIX_EPOCH).letters
    }

    fn found<'p>(batch: &'p [Planned], queue: &[Summary]) -> Found<'p> {
        let mut found = Found::new(batch);
        queue.iter().for_each(|letter| found.add(stored(letter.clone())));
        found
    }

    fn ids(found: Found<'_>) -> Vec<Uuid> {
        found.letters().iter().map(|(_, letter)| letter.summary.id).collect()
    }

    #[test]
    fn letters_without_room_come_in_the_next_batch_with_all_that_are_planned_after_them() {
        let batch = planned(&[1, 2, 3, 4, 5]);
        let sized = |number, bytes| Summary { bytes, ..letter(number) };
        let large = |number| sized(number, BATCH_BYTES / 2);
        for (queue, covered) in [
            (vec![large(5), large(4), large(3), large(2), large(1)], 2),
            (vec![large(1), large(2), large(3), large(4), large(5)], 2),
            // there would be room for the last one, but its turn comes after that of the third
            (vec![sized(1, 10), large(2), sized(3, BATCH_BYTES), large(4), sized(5, 10)], 2),
            // one is taken however large it is
            (vec![sized(1, 2 * BATCH_BYTES), sized(2, 2 * BATCH_BYTES), large(3), large(4), large(5)], 1),
            (vec![letter(2), letter(4), letter(1), letter(5), letter(3)], 5),
        ] {
            let found = found(&batch, &queue);
            assert_eq!((found.covered(), found.missing()), (covered, (vec![], vec![])), "{queue:?}");
            let expected: Vec<_> = batch[..covered].iter().map(|letter| letter.letter).collect();
            assert_eq!(ids(found), expected, "{queue:?}");
        }
    }

    #[test]
    fn a_letter_is_held_once_for_each_time_that_it_is_planned_and_with_the_planned_body_alone() {
        let batch = planned(&[1, 1, 2, 3]);
        let changed = Summary { body_hash: BodyHash::of(b"other"), ..letter(2) };
        let found = found(&batch, &[letter(1), letter(1), letter(1), changed, letter(4)]);
        assert_eq!(found.missing(), (vec![letter(2).id], vec![letter(3).id]));
        assert_eq!(ids(found), [letter(1).id, letter(1).id]);
    }
}
