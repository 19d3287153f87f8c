//! Letters with their bodies: each costs a pass over the queues, so the last few are kept.
//!
//! Not here: what is shown of a body.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout};
use uuid::Uuid;

use super::look::Look;
use super::settings::Settings;
use crate::broker::{BodyHash, LetterBox, LetterBoxError, StoredLetter, Summary};
use crate::dead_letters::browse::browse;
use crate::dead_letters::filter::Filter;

/// Letters that are kept with their bodies.
const KEPT: usize = 20;
/// How long a letter is kept.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// How long a page waits for the end of a pass before it tells of its progress.
const WAITED: Duration = Duration::from_millis(1500);

/// The letters that were asked for.
#[derive(Debug, Default)]
pub(super) struct Bodies(Mutex<VecDeque<Arc<Asked>>>);

/// A letter that was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    id: Uuid,
    hash: BodyHash,
    since: Instant,
    passed: AtomicUsize,
    found: watch::Receiver<Option<Result<Arc<StoredLetter>, String>>>,
}

/// A letter's body, as far as it is known.
#[derive(Debug)]
pub(super) enum Body {
    /// Nobody has asked for it.
    Unasked,
    /// The pass has read so many letters.
    UnderWay(usize),
    /// It is there.
    Here(Arc<StoredLetter>),
    /// It was not found, with the reason.
    Missing(String),
}

impl Bodies {
    /// The body of a letter; waits a little for a pass that is under way.
    pub(super) async fn get(&self, letter: &Summary) -> Body {
        let Some(asked) = self.asked(letter) else { return Body::Unasked };
        let mut found = asked.found.clone();
        let ended = timeout(WAITED, found.wait_for(Option::is_some)).await;
        match ended.ok().and_then(Result::ok).as_deref() {
            Some(Some(Ok(letter))) => Body::Here(Arc::clone(letter)),
            Some(Some(Err(why))) => Body::Missing(why.clone()),
            Some(None) | None => Body::UnderWay(asked.passed.load(Ordering::Relaxed)),
        }
    }

    /// Forgets the letters, which may have left their queues.
    pub(super) fn clear(&self) {
        self.all().clear();
    }

    fn asked(&self, letter: &Summary) -> Option<Arc<Asked>> {
        let mut all = self.all();
        all.retain(|asked| asked.since.elapsed() < KEPT_FOR);
        all.iter().find(|asked| asked.id == letter.id && asked.hash == letter.body_hash).cloned()
    }

    fn all(&self) -> std::sync::MutexGuard<'_, VecDeque<Arc<Asked>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Begins a pass that looks for a letter, unless one has.
pub(super) fn ask(bodies: &Bodies, look: &Arc<Look>, settings: &Arc<Settings>, letter: &Summary) {
    let is_lost = |asked: &Asked| matches!(&*asked.found.borrow(), Some(Err(_)));
    if bodies.asked(letter).is_some_and(|asked| !is_lost(&asked)) {
        return;
    }
    let (tell, found) = watch::channel(None);
    let asked =
        Asked { id: letter.id, hash: letter.body_hash, since: Instant::now(), passed: AtomicUsize::new(0), found };
    let asked = Arc::new(asked);
    {
        let mut all = bodies.all();
        all.retain(|other| other.id != asked.id || other.hash != asked.hash);
        all.truncate(KEPT - 1);
        all.push_front(Arc::clone(&asked));
    }
    let (look, settings) = (Arc::clone(look), Arc::clone(settings));
    tokio::spawn(async move {
        let turn = look.pass().await;
        // others were asked for since, and nobody waits for this one any more
        if Arc::strong_count(&asked) == 1 {
            return;
        }
        let found = look_for(&settings, &asked).await;
        drop(turn);
        let found = found.map_err(|error| error.to_string()).and_then(|found| found.ok_or_else(|| GONE.to_owned()));
        tell.send_replace(Some(found.map(Arc::new)));
    });
}

const GONE: &str = "The letter is not in its queue: it was replayed or discarded, or somebody holds it now.";

async fn look_for(settings: &Settings, asked: &Asked) -> Result<Option<StoredLetter>, LetterBoxError> {
    let letter_box = LetterBox::open(&settings.broker).await?;
    let mut found = None;
    let seen = browse(&letter_box, &Filter::default(), |letter| {
        asked.passed.fetch_add(1, Ordering::Relaxed);
        if letter.summary.id == asked.id && letter.summary.body_hash == asked.hash {
            found = Some(letter);
        }
    })
    .await;
    letter_box.close().await;
    seen?;
    Ok(found)
}
