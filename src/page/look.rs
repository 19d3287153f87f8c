//! The letters of the last pass over their queues, kept without their bodies.
//!
//! Not here: bodies; see `bodies`.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;

use super::settings::Settings;
use crate::broker::{LetterBox, LetterBoxError, Summary};
use crate::dead_letters::browse::{Elsewhere, browse};
use crate::dead_letters::filter::Filter;

/// Letters as a pass found them.
#[derive(Debug)]
pub(super) struct Seen {
    /// The letters, in the order of their queues.
    pub(super) letters: Vec<Summary>,
    /// When the pass began.
    pub(super) at: Timestamp,
    /// Somebody who held letters meanwhile, which are missing here.
    pub(super) elsewhere: Option<Elsewhere>,
}

/// The last pass, and the one that is under way.
#[derive(Debug, Default)]
pub(super) struct Look {
    state: Mutex<State>,
    /// Letters that the pass under way has read.
    passed: AtomicUsize,
    /// Held during a pass: two at the same time would each see a part of the letters.
    passes: tokio::sync::Mutex<()>,
}

#[derive(Debug, Default)]
struct State {
    seen: Option<Arc<Seen>>,
    under_way: bool,
    failed: Option<String>,
    /// Whether letters have been replayed or discarded from this page since.
    is_stale: bool,
}

/// The state of the look, for a page.
#[derive(Debug)]
pub(super) struct Now {
    pub(super) seen: Option<Arc<Seen>>,
    /// Letters that the pass under way has read.
    pub(super) passed: Option<usize>,
    pub(super) failed: Option<String>,
    pub(super) is_stale: bool,
}

impl Look {
    pub(super) fn now(&self) -> Now {
        let State { seen, under_way, failed, is_stale } = &*self.state();
        Now {
            seen: seen.clone(),
            passed: under_way.then(|| self.passed.load(Ordering::Relaxed)),
            failed: failed.clone(),
            is_stale: *is_stale,
        }
    }

    /// Waits for the turn of a pass over the queues.
    pub(super) async fn pass(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.passes.lock().await
    }

    /// Notes that letters have left their queues.
    pub(super) fn mark_stale(&self) {
        self.state().is_stale = true;
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a pass, unless one is under way.
pub(super) fn begin(look: &Arc<Look>, settings: &Arc<Settings>) {
    {
        let mut state = look.state();
        if state.under_way {
            return;
        }
        state.under_way = true;
    }
    look.passed.store(0, Ordering::Relaxed);
    let (look, settings) = (Arc::clone(look), Arc::clone(settings));
    tokio::spawn(async move {
        let turn = look.pass().await;
        // a letter that leaves its queue from now on may be seen or not
        let was_stale = std::mem::take(&mut look.state().is_stale);
        let seen = pass(&look, &settings).await;
        drop(turn);
        let mut state = look.state();
        state.under_way = false;
        match seen {
            Ok(seen) => {
                tracing::info!(letters = seen.letters.len(), "read the dead letters");
                (state.seen, state.failed) = (Some(Arc::new(seen)), None);
            }
            Err(error) => {
                tracing::warn!(%error, "the dead letters could not be read");
                state.failed = Some(error.to_string());
                state.is_stale |= was_stale;
            }
        }
    });
}

async fn pass(look: &Look, settings: &Settings) -> Result<Seen, LetterBoxError> {
    let at = Timestamp::now();
    let letter_box = LetterBox::open(&settings.broker).await?;
    let seen = browse(&letter_box, &Filter::default(), |letter| {
        look.passed.fetch_add(1, Ordering::Relaxed);
        letter.summary
    })
    .await;
    letter_box.close().await;
    let mut seen = seen?;
    seen.letters.shrink_to_fit();
    Ok(Seen { letters: seen.letters, at, elsewhere: seen.elsewhere })
}
