//! The queues of dead letters as a command opens them, locks them and looks through them.
//!
//! Not here: reading a letter; which letters a command is about.

use super::table::letters;
use crate::broker::{Holder, LetterBox, LockedLetterBox, StoredLetter};
use crate::cli::terminal::{note, one_line};
use crate::dead_letters::browse::{Elsewhere, Seen, browse};
use crate::dead_letters::filter::Filter;
use crate::settings::Settings;

/// Opens the queues of letters to look at them.
pub(crate) async fn open(settings: &Settings) -> anyhow::Result<LetterBox> {
    Ok(LetterBox::open(&settings.broker()).await?)
}

/// Opens the queues of letters and locks them, so that no other command takes a letter out before this one has ended.
pub(super) async fn open_and_lock(settings: &Settings, holder: &Holder) -> anyhow::Result<LockedLetterBox> {
    Ok(open(settings).await?.lock(holder).await?)
}

/// Looks at letters, and says if some may be missing.
pub(crate) async fn look<T>(
    letter_box: &LetterBox,
    filter: &Filter,
    make: impl FnMut(StoredLetter) -> T,
) -> anyhow::Result<Seen<T>> {
    let seen = browse(letter_box, filter, make).await?;
    if let Some(Elsewhere { holder, letters: number }) = &seen.elsewhere {
        let holder = one_line(holder);
        match number {
            Some(number) => note(format_args!("{} in use, and not shown: {holder}", letters(*number)))?,
            None => note(format_args!("some letters may be missing: they are with {holder}"))?,
        }
    }
    Ok(seen)
}
