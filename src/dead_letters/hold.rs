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
        let Found { held, changed, refused_at, .. } = found;
        // letters without room come in the next batch, with all that are planned after them
        let planned = refused_at.unwrap_or(batch.len());
        let absent: Vec<_> = (0..planned).filter(|at| !held.contains_key(at)).map(|at| batch[at].letter).collect();
        let (changed, absent): (Vec<_>, Vec<_>) = absent.into_iter().partition(|id| changed.contains(id));
        if !absent.is_empty() && pass.elsewhere && look < LOOKS {
            pass.give_back().await;
            tokio::time::sleep(BETWEEN_LOOKS).await;
            look += 1;
            continue;
        }
        missing.changed.extend(changed);
        if pass.elsewhere { &mut missing.in_use } else { &mut missing.gone }.extend(absent);
        let letters = held.into_iter().filter(|(at, _)| *at < planned).map(|(at, letter)| (&batch[at], letter));
        let letters = letters.collect();
        return Ok(Held { letters, planned, all, pass });
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
}
