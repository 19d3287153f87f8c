//! Takes letters out of their queues for good.
//!
//! Not here: which letters; asking.

use std::io;

use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::hold::{BATCH, Missing, hold};
use super::ledger::Ledger;
use super::plan::Planned;
use crate::broker::letters::letter::RemoveError;
use crate::broker::{LetterBoxError, LockedLetterBox};

/// Why discarding ended early. Letters that were not discarded are in their queue.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    /// The letters cannot be read.
    #[error(transparent)]
    Letters(#[from] LetterBoxError),
    /// A letter could not be removed.
    #[error(transparent)]
    Remove(#[from] RemoveError),
    /// The ledger cannot be written, so no more letters are discarded.
    #[error("cannot write on: {0}")]
    Note(#[from] io::Error),
}

/// Counts of a run.
#[derive(Debug, Default)]
pub struct Discarded {
    /// Letters that are gone for good.
    pub letters: usize,
    /// Letters that could not be discarded.
    pub missing: Missing,
}

/// Discards these letters until it is told to stop. Each is noted first, under the id of the run, and told to `watch`
/// when it is gone.
///
/// # Errors
/// The letters cannot be read or removed, or the ledger cannot be written.
pub async fn discard(
    letters: &LockedLetterBox,
    planned: &[Planned],
    run: Option<Uuid>,
    ledger: &mut Ledger,
    stop: &CancellationToken,
    watch: &mut (dyn FnMut(usize) + Send),
) -> Result<Discarded, DiscardError> {
    let mut done = Discarded::default();
    let mut left = planned;
    while !left.is_empty() && !stop.is_cancelled() {
        let held = hold(letters, &left[..left.len().min(BATCH)], &mut done.missing).await?;
        for (planned, letter) in &held.letters {
            if stop.is_cancelled() {
                break;
            }
            ledger.note(planned, run, &[], "discarded")?;
            letter.remove().await?;
            done.letters += 1;
            watch(done.letters);
        }
        held.heard().await?;
        letters.note_held(held.all.saturating_sub(held.letters.len())).await;
        left = &left[held.planned..];
        held.give_back().await;
    }
    Ok(done)
}
