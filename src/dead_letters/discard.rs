//! Takes letters out of their queues for good.
//!
//! Not here: which; asking.

use std::io;

use tokio_util::sync::CancellationToken;

use super::hold::{BATCH, Missing, hold};
use super::ledger::Ledger;
use super::plan::Planned;
use crate::broker::letters::letter::TakeOutError;
use crate::broker::{LetterBoxError, LockedLetterBox};

/// Why discarding ended early. What was not discarded is in its queue.
#[derive(Debug, thiserror::Error)]
pub enum DiscardError {
    /// The letters cannot be had.
    #[error(transparent)]
    Letters(#[from] LetterBoxError),
    /// A letter did not go.
    #[error(transparent)]
    TakeOut(#[from] TakeOutError),
    /// What is done cannot be noted, so it is not done.
    #[error("cannot write on: {0}")]
    Note(#[from] io::Error),
}

/// What was done.
#[derive(Debug, Default)]
pub struct Discarded {
    /// Letters that are gone for good.
    pub letters: usize,
    /// Letters that could not be discarded.
    pub missing: Missing,
}

/// Discards these letters until it is told to stop. Each is noted first.
///
/// # Errors
/// What went wrong.
pub async fn discard(
    letters: &LockedLetterBox,
    planned: &[Planned],
    ledger: &mut Ledger,
    stop: &CancellationToken,
) -> Result<Discarded, DiscardError> {
    let mut done = Discarded::default();
    let mut left = planned;
    while !left.is_empty() && !stop.is_cancelled() {
        let held = hold(letters, &left[..left.len().min(BATCH)], &mut done.missing).await?;
        for (planned, letter) in &held.letters {
            if stop.is_cancelled() {
                break;
            }
            ledger.note(planned, None, &[], "discarded")?;
            letter.take_out().await?;
            done.letters += 1;
        }
        held.heard().await?;
        letters.note_held(held.all.saturating_sub(held.letters.len())).await;
        left = &left[held.planned..];
        held.give_back().await;
    }
    Ok(done)
}
