//! Looking at letters: one pass over both queues, after which every letter is where it was.
//!
//! Not here: taking letters out; see `hold`.

use super::filter::Filter;
use crate::broker::{LetterBox, LetterBoxError, StoredLetter};

/// What a look found.
#[derive(Debug)]
pub struct Seen<T> {
    /// What was made of each letter that was meant, in the order of the queues.
    pub letters: Vec<T>,
    /// How many letters there were, meant or not.
    pub all: usize,
    /// Who has letters that could not be seen, if anybody.
    pub elsewhere: Option<Elsewhere>,
}

/// Somebody who has letters that others do not see meanwhile.
#[derive(Debug)]
pub struct Elsewhere {
    /// Who that is.
    pub holder: String,
    /// How many letters, where they have said so.
    pub letters: Option<usize>,
}

/// Shows every letter that is meant to `make`, which says what is kept of it. All letters are given back before this
/// returns, so that nothing is held while somebody reads.
///
/// # Errors
/// A queue that is not there, or that went away.
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
