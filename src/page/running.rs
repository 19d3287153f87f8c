//! Runs: replays and discards that were begun on the page, now or by an earlier process.
//!
//! Not here: what a replay or a discard does; how runs are shown.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

use super::bodies::Bodies;
use super::look::Look;
use super::settings::Settings;
use crate::broker::{LetterBox, LockedLetterBox};
use crate::dead_letters::discard::discard;
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::plan::Plan;
use crate::dead_letters::replay::{End, Options, Progress, Replay};
use crate::dead_letters::runs::{About, Counts, Ended, Kind, Runs, Stored};

/// The runs.
pub(super) struct Running {
    settings: Arc<Settings>,
    look: Arc<Look>,
    bodies: Arc<Bodies>,
    runs: Option<Runs>,
    live: Mutex<BTreeMap<Uuid, Arc<Live>>>,
    tasks: TaskTracker,
}

/// A run that is under way.
#[derive(Debug)]
struct Live {
    about: About,
    /// The operator who began it, or goes on with it.
    user: String,
    /// How far it had come before; none for one that begins.
    before: Option<Counts>,
    counts: Mutex<Counts>,
    stop: CancellationToken,
}

/// A run, for a page.
#[derive(Debug)]
pub(super) struct Run {
    pub(super) about: About,
    pub(super) counts: Counts,
    pub(super) state: State,
}

/// The state of a run.
#[derive(Debug)]
pub(super) enum State {
    /// It goes on; `true` if it was told to stop.
    UnderWay(bool),
    /// It has ended.
    Ended(Ended),
    /// Its process ended before it.
    Interrupted(Option<Timestamp>),
}

/// Why a run cannot begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum CannotBegin {
    #[error("there is no ledger, so nothing can be changed")]
    ReadOnly,
    #[error("there is no such run")]
    NoSuchRun,
    #[error("the run is under way")]
    UnderWay,
    #[error("the run has no letter left")]
    NothingLeft,
    #[error("cannot write down what is to be done: {0}")]
    Note(#[from] std::io::Error),
}

impl Run {
    /// Letters that are in their queue as before.
    pub(super) fn left(&self) -> usize {
        self.about.left(&self.counts)
    }

    /// Letters that were sent to the worker, and of which nothing was heard yet.
    pub(super) fn unknown(&self) -> usize {
        match self.about.kind {
            Kind::Replay => self.counts.gone.saturating_sub(self.counts.succeeded + self.counts.failed),
            Kind::Discard => 0,
        }
    }
}

impl Running {
    pub(super) fn new(settings: Arc<Settings>, look: Arc<Look>, bodies: Arc<Bodies>, runs: Option<Runs>) -> Self {
        Self { settings, look, bodies, runs, live: Mutex::default(), tasks: TaskTracker::new() }
    }

    /// The folder of runs.
    pub(super) fn folder(&self) -> Option<&Runs> {
        self.runs.as_ref()
    }

    /// A run, if there is such a one.
    pub(super) fn get(&self, id: Uuid) -> std::io::Result<Option<Run>> {
        if let Some(live) = self.live().get(&id) {
            return Ok(Some(live.shown()));
        }
        // not with `live` in hand: a long ledger takes a while
        let Some(runs) = &self.runs else { return Ok(None) };
        Ok(runs.one(id)?.map(past))
    }

    /// Intent and state of all runs, latest first.
    pub(super) fn all(&self) -> std::io::Result<Vec<(About, State)>> {
        let Some(runs) = &self.runs else { return Ok(Vec::new()) };
        let all = runs.all()?;
        let live = self.live();
        let state = |about: &About, ended: Option<Ended>| match live.get(&about.run) {
            Some(live) => State::UnderWay(live.stop.is_cancelled()),
            None => ended.map_or(State::Interrupted(None), State::Ended),
        };
        Ok(all.into_iter().map(|(about, ended)| (about.clone(), state(&about, ended))).collect())
    }

    /// Stops a run between two letters.
    pub(super) fn stop(&self, id: Uuid) {
        if let Some(live) = self.live().get(&id) {
            live.stop.cancel();
        }
    }

    /// Stops all runs, and waits until they have ended.
    pub(super) async fn end(&self, within: Duration) {
        self.live().values().for_each(|live| live.stop.cancel());
        self.tasks.close();
        if tokio::time::timeout(within, self.tasks.wait()).await.is_err() {
            tracing::warn!("a run did not stop in time; it is shown as interrupted after the next start");
        }
    }

    fn live(&self) -> std::sync::MutexGuard<'_, BTreeMap<Uuid, Arc<Live>>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Live {
    fn shown(&self) -> Run {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Run { about: self.about.clone(), counts, state: State::UnderWay(self.stop.is_cancelled()) }
    }

    /// Notes how far it has come, with what was done before.
    fn note(&self, mut counts: Counts) {
        if let Some(before) = &self.before {
            counts.gone = counts.gone.max(before.gone);
            counts.succeeded += before.succeeded;
            counts.failed += before.failed;
            counts.failures.extend(before.failures.iter().cloned());
        }
        *self.counts.lock().unwrap_or_else(PoisonError::into_inner) = counts;
    }
}

fn past(stored: Stored) -> Run {
    let Stored { about, counts, ended, last_sign } = stored;
    let state = ended.map_or(State::Interrupted(last_sign), State::Ended);
    Run { about, counts, state }
}

/// Writes down a run, and begins it.
pub(super) fn begin(running: &Arc<Running>, about: About, plan: Plan, sets: &[String]) -> Result<(), CannotBegin> {
    let runs = running.runs.as_ref().ok_or(CannotBegin::ReadOnly)?;
    runs.begin(&about, &plan, sets)?;
    let user = about.user.clone();
    spawn(running, user, about, None, plan)
}

/// Goes on with what is left of a run.
pub(super) fn resume(running: &Arc<Running>, id: Uuid, user: &str) -> Result<(), CannotBegin> {
    let runs = running.runs.as_ref().ok_or(CannotBegin::ReadOnly)?;
    let stored = runs.one(id)?.ok_or(CannotBegin::NoSuchRun)?;
    // of one that was interrupted the last letters may have been published, and lie there still
    if stored.ended.is_some() && stored.about.left(&stored.counts) == 0 {
        return Err(CannotBegin::NothingLeft);
    }
    let plan = runs.plan(id)?;
    spawn(running, user.to_owned(), stored.about, Some(stored.counts), plan)
}

fn spawn(
    running: &Arc<Running>,
    user: String,
    about: About,
    before: Option<Counts>,
    plan: Plan,
) -> Result<(), CannotBegin> {
    let id = about.run;
    let counts = Mutex::new(before.clone().unwrap_or_default());
    let live = Arc::new(Live { about, user, before, counts, stop: CancellationToken::new() });
    match running.live().entry(id) {
        Entry::Occupied(_) => return Err(CannotBegin::UnderWay),
        Entry::Vacant(place) => drop(place.insert(Arc::clone(&live))),
    }
    running.tasks.spawn(carry_out(Arc::clone(running), live, plan));
    Ok(())
}

/// Takes a run off those that are under way, also when its task panics.
struct Leaves<'r>(&'r Running, Uuid);

impl Drop for Leaves<'_> {
    fn drop(&mut self) {
        self.0.live().remove(&self.1);
        self.0.look.mark_stale();
        self.0.bodies.clear();
    }
}

async fn carry_out(running: Arc<Running>, live: Arc<Live>, plan: Plan) {
    let id = live.about.run;
    let _leaves = Leaves(&running, id);
    let how = match work(&running, &live, &plan).await {
        Ok(how) => how,
        Err(error) => format!("ended by a failure, and can be continued: {error:#}"),
    };
    tracing::info!(run = %id, how, "a run of the page ended");
    let counts = live.counts.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let ended = Ended { at: Timestamp::now(), how, counts };
    if let Some(Err(error)) = running.runs.as_ref().map(|runs| runs.end(&live.about, &ended)) {
        tracing::error!(%error, run = %id, "the end of a run could not be written down");
    }
}

/// Locks the letters, works through the plan, and returns how it ended.
async fn work(running: &Running, live: &Live, plan: &Plan) -> anyhow::Result<String> {
    let About { run, kind, why, letters, .. } = &live.about;
    let settings = &running.settings;
    let who = settings.holder(&live.user, kind.command());
    let runs = running.runs.as_ref().ok_or(CannotBegin::ReadOnly)?;
    // letters that a look of this page holds would count as somebody else's
    drop(running.look.pass().await);
    let letter_box = LetterBox::open(&settings.broker).await?.lock(&who).await?;
    let mut ledger = Ledger::open(settings.ledger.as_deref(), who, Some(why.clone()))?.durable();
    ledger.step(Some(*run), *letters, if live.before.is_some() { "continued" } else { "began" })?;
    runs.resume(*run)?;
    let how = match kind {
        Kind::Replay => replay(settings, live, plan, &letter_box, runs, &mut ledger).await,
        Kind::Discard => discarded(live, plan, &letter_box, &runs.discarded(*run)?, &mut ledger).await,
    };
    letter_box.close().await;
    let told = how.as_ref().map_or_else(|error| format!("failed: {error:#}"), Clone::clone);
    ledger.step(Some(*run), *letters, &told)?;
    how
}

async fn replay(
    settings: &Settings,
    live: &Live,
    plan: &Plan,
    letter_box: &LockedLetterBox,
    runs: &Runs,
    ledger: &mut Ledger,
) -> anyhow::Result<String> {
    let journal = runs.journal(live.about.run)?;
    let published = journal.published();
    let counts = |progress: &Progress| {
        let counts = Counts::of(progress);
        // a letter of an earlier process counts from the start, and not when its turn comes
        Counts { gone: counts.gone.max(published + progress.replayed), ..counts }
    };
    let (edit, mut mappings) = (runs.edit(live.about.run)?, (settings.mappings)());
    let mut progress = Progress::default();
    let mut watch = |progress: &Progress| live.note(counts(progress));
    let replay = Replay {
        config: &settings.broker,
        letters: letter_box,
        plan,
        edit: &edit,
        mappings: &mut mappings,
        options: Options {
            rate: live.about.rate,
            via_exchange: false,
            await_outcomes: true,
            max_failures: live.about.max_failures,
            first_decides: true,
        },
        journal,
        ledger,
        stop: &live.stop,
        watch: &mut watch,
    };
    let ended = replay.run(&mut progress).await;
    live.note(counts(&progress));
    Ok(match ended? {
        End::Done => "done".to_owned(),
        End::Stopped => "stopped".to_owned(),
        End::FirstFailed => "stopped, since the first one failed again".to_owned(),
        End::FirstUnknown => "stopped, since nothing came of the first one in time; does a worker run?".to_owned(),
        End::TooManyFailures => "stopped, since more failed than was allowed".to_owned(),
    })
}

async fn discarded(
    live: &Live,
    plan: &Plan,
    letter_box: &LockedLetterBox,
    earlier: &HashSet<Uuid>,
    ledger: &mut Ledger,
) -> anyhow::Result<String> {
    let mut watch = |gone| live.note(Counts { gone: earlier.len() + gone, ..Counts::default() });
    let done = discard(letter_box, &plan.letters, Some(live.about.run), ledger, &live.stop, &mut watch).await?;
    let mut missing = done.missing;
    let own = missing.gone.extract_if(.., |letter| earlier.contains(letter)).count();
    live.note(Counts { gone: done.letters + own, ..Counts::default() }.missing(&missing));
    Ok(if live.stop.is_cancelled() { "stopped".to_owned() } else { "done".to_owned() })
}
