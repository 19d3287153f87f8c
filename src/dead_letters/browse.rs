//! Looking at letters: one pass over both queues, after which every letter is where it was.
//!
//! Not here: taking letters out; see `hold`.

use super::filter::Filter;
use crate::broker::{LetterBox, LetterBoxError, StoredLetter};

/// The letters that a look found.
#[derive(Debug)]
pub struct Seen<T> {
    /// Each selected letter as `make` returned it, in the order of the queues.
    pub letters: Vec<T>,
    /// How many letters were read, selected or not.
    pub all: usize,
    /// Another reader with letters that could not be seen.
    pub elsewhere: Option<Elsewhere>,
}

/// Another reader with letters that this one cannot see.
#[derive(Debug)]
pub struct Elsewhere {
    /// The reader, as its note names it.
    pub holder: String,
    /// How many letters it holds, where that is noted.
    pub letters: Option<usize>,
}

/// Passes each selected letter to `make`, and keeps what it returns. All letters are requeued before this returns, so
/// that none is held while a person reads.
///
/// # Errors
/// A queue does not exist or went away.
pub async fn browse<T>(
    letters: &LetterBox,
    filter: &Filter,
    mut make: impl FnMut(StoredLetter) -> T,
) -> Result<Seen<T>, LetterBoxError> {
    let (mut made, mut all) = (Vec::new(), 0);
    let pass = letters
        .read(|letter| {
            all += 1;
            if filter.matches(&letter.summary) {
                made.push(make(letter));
            }
        })
        .await?;
    let browsed = pass.elsewhere;
    pass.give_back().await;
    let elsewhere = match letters.at_work().await {
        Some((holder, letters)) => Some(Elsewhere { holder, letters }),
        None => browsed.then(|| Elsewhere { holder: "somebody who looks at them".to_owned(), letters: None }),
    };
    Ok(Seen { letters: made, all, elsewhere })
}
