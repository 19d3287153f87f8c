//! Sends letters back to the worker: publish, wait for the confirm, and only then remove the letter from its queue.
//!
//! Not here: which letters; asking; showing progress.

use std::collections::HashSet;
use std::io;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::edit::{Edit, EditError, Edited};
use super::hold::{BATCH, Held, hold};
use super::journal::Journal;
use super::ledger::Ledger;
use super::mapped::{Mappings, Message, NotMapped};
use super::outcomes::{Outcome, Outcomes};
use super::plan::{Plan, Planned};
pub use super::progress::{End, Options, Progress};
use crate::broker::letters::letter::RemoveError;
use crate::broker::outbox::OutboxError;
use crate::broker::publish::PublishError;
use crate::broker::{BrokerConfig, LetterBoxError, LockedLetterBox, Outbox, ReplayResults, StoredLetter};

/// The most letters that are published and not yet removed from their queue. A process that is killed can publish no
/// more than these twice.
pub const WINDOW: usize = 50;
/// How long to wait for the outcome of the first letter, before the rest.
const FIRST_WITHIN: Duration = Duration::from_secs(60);
/// How long to wait for further outcomes when all letters are published, from the last outcome on. A later one has gone
/// through a retry queue.
const OUTCOMES_WITHIN: Duration = Duration::from_secs(10);
/// Seconds that are planned for a batch. RabbitMQ requeues letters that are held for 30 minutes.
const BATCH_SECONDS: f64 = 600.0;
/// Time between two letters at a rate that no duration can tell.
const SLOWEST: Duration = Duration::from_secs(24 * 3600);
/// Letters in a batch where each window waits for its outcomes.
const CAREFUL_BATCH: usize = 1000;

/// Why a run ended early. Letters that were not replayed are in their queue.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The letters cannot be read.
    #[error(transparent)]
    Letters(#[from] LetterBoxError),
    /// There is no connection to publish by.
    #[error("cannot publish: {0}")]
    Outbox(#[from] OutboxError),
    /// A message was not taken.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// A letter was published, and is still in its queue.
    #[error(transparent)]
    Remove(#[from] RemoveError),
    /// The ledger or the journal cannot be written.
    #[error("cannot write on: {0}")]
    Note(#[from] io::Error),
    /// A message cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// A foreign body of which no message can be made to be changed.
    #[error("letter {letter}: {why}")]
    NotMapped {
        /// The letter.
        letter: Uuid,
        /// Why.
        why: NotMapped,
    },
    /// The letter does not tell its exchange.
    #[error("letter {0} does not say which exchange its message was published to")]
    NoExchange(Uuid),
}

/// A run over a plan.
pub struct Replay<'a> {
    /// Settings of the broker.
    pub config: &'a BrokerConfig,
    /// The queues of letters, locked.
    pub letters: &'a LockedLetterBox,
    /// The plan.
    pub plan: &'a Plan,
    /// The edit of each message.
    pub edit: &'a Edit,
    /// Mappings that make the messages of foreign bodies, where these are edited.
    pub mappings: &'a mut Mappings,
    /// Options of the run.
    pub options: Options,
    /// Letters that earlier runs of the same plan have published.
    pub journal: Journal,
    /// The ledger.
    pub ledger: &'a mut Ledger,
    /// Stops it between two letters.
    pub stop: &'a CancellationToken,
    /// Called after each step.
    pub watch: &'a mut (dyn FnMut(&Progress) + Send),
}

impl Replay<'_> {
    /// Replays the letters.
    ///
    /// # Errors
    /// Why it ended early; the progress says how far it came.
    pub async fn run(self, progress: &mut Progress) -> Result<End, ReplayError> {
        let outbox = Outbox::open(self.config).await?;
        let listens = self.options.await_outcomes && !self.options.via_exchange;
        let outcomes = match listens {
            true => Some(Outcomes::of(ReplayResults::listen(self.config).await?)),
            false => None,
        };
        let mut run = Run { replay: self, outbox, outcomes, progress, next_at: Instant::now() };
        let ended = run.work().await;
        run.finish(&ended).await?;
        ended
    }
}

/// A run that is under way.
struct Run<'a, 'p> {
    replay: Replay<'a>,
    outbox: Outbox,
    outcomes: Option<Outcomes>,
    progress: &'p mut Progress,
    /// When the rate allows the next letter.
    next_at: Instant,
}

impl Run<'_, '_> {
    async fn work(&mut self) -> Result<End, ReplayError> {
        let plan = self.replay.plan;
        let mut left = &plan.letters[..];
        while !left.is_empty() {
            let batch = &left[..left.len().min(self.batch_size())];
            let held = hold(self.replay.letters, batch, &mut self.progress.missing).await?;
            let ended = self.batch(&held).await;
            left = &left[held.planned..];
            held.give_back().await;
            self.earlier(batch);
            if let Some(end) = ended? {
                return Ok(end);
            }
        }
        Ok(End::Done)
    }

    /// Letters that are gone because an earlier run has replayed them are not missing.
    fn earlier(&mut self, batch: &[Planned]) {
        let gone = &mut self.progress.missing.gone;
        if gone.is_empty() {
            return;
        }
        let published: HashSet<Uuid> =
            batch.iter().filter(|letter| self.replay.journal.has(letter)).map(|letter| letter.letter).collect();
        let before = gone.len();
        gone.retain(|letter| !published.contains(letter));
        self.progress.earlier += before - gone.len();
    }

    /// Replays the letters that are held, a window at a time. Returns why it ended early, if it did.
    async fn batch(&mut self, held: &Held<'_>) -> Result<Option<End>, ReplayError> {
        let mut letters = &held.letters[..];
        let removed = |progress: &Progress| progress.replayed + progress.repeated;
        let before = removed(self.progress);
        while !letters.is_empty() {
            let first = self.outcomes.is_some() && self.progress.replayed == 0;
            let window = &letters[..letters.len().min(if first { 1 } else { self.window_size() })];
            let published = self.window(window).await;
            held.heard().await?;
            published?;
            self.replay.letters.note_held(held.all.saturating_sub(removed(self.progress) - before)).await;
            if self.replay.stop.is_cancelled() {
                return Ok(Some(End::Stopped));
            }
            if let Some(end) = self.look_at_outcomes(first).await? {
                return Ok(Some(end));
            }
            letters = &letters[window.len()..];
        }
        Ok(None)
    }

    /// Publishes letters one after the other, waits for all confirms, and removes the confirmed ones.
    async fn window(&mut self, window: &[(&Planned, StoredLetter)]) -> Result<(), ReplayError> {
        let outbox = &self.outbox;
        let mut under_way = Vec::new();
        let mut failure = None;
        for (planned, letter) in window {
            if came_back(&mut self.replay, self.progress, planned, letter)? {
                continue;
            }
            if self.replay.journal.has(planned) {
                letter.remove().await?;
                self.progress.repeated += 1;
                continue;
            }
            if !pace(&mut self.next_at, self.replay.options.rate, self.replay.stop).await {
                break;
            }
            let replay_to = self.outcomes.as_ref().map(Outcomes::queue);
            let edited = match edited(&mut self.replay, letter).await {
                Ok(edited) => edited,
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            };
            match publish(&self.replay, outbox, letter, edited, replay_to) {
                Ok((edited, confirm)) => under_way.push((*planned, letter, edited, confirm)),
                Err(error) => {
                    failure = Some(error);
                    break;
                }
            }
        }
        for (planned, letter, edited, confirm) in under_way {
            if let Err(error) = confirm.await {
                failure.get_or_insert(error.into());
                continue;
            }
            self.replay.journal.note(planned)?;
            self.replay.ledger.note(planned, Some(self.replay.plan.head.replay_id), &edited, "published")?;
            letter.remove().await?;
            if let Some(outcomes) = &mut self.outcomes {
                outcomes.expect(planned.clone());
            }
            self.progress.replayed += 1;
            (self.replay.watch)(self.progress);
        }
        failure.map_or(Ok(()), Err)
    }

    /// Waits for outcomes where that decides whether the run goes on.
    async fn look_at_outcomes(&mut self, first: bool) -> Result<Option<End>, ReplayError> {
        let waited = match (first, self.replay.options.max_failures) {
            (true, _) => FIRST_WITHIN,
            (false, Some(_)) => OUTCOMES_WITHIN,
            (false, None) => Duration::ZERO,
        };
        self.read_outcomes(waited).await?;
        let failures = self.progress.failed.len();
        let allowed = self.replay.options.max_failures;
        let known = failures + self.progress.succeeded;
        let end = match (first, allowed) {
            (true, _) if self.progress.replayed == 0 => None,
            (true, _) if known == 0 => Some(End::FirstUnknown),
            (true, _) if failures > 0 && self.replay.options.first_decides => Some(End::FirstFailed),
            (_, Some(allowed)) if failures > allowed => Some(End::TooManyFailures),
            _ => None,
        };
        Ok(end)
    }

    /// Takes outcomes until none is pending, none came within the time, or the run is stopped.
    async fn read_outcomes(&mut self, within: Duration) -> Result<(), ReplayError> {
        let Some(outcomes) = &mut self.outcomes else { return Ok(()) };
        while outcomes.waiting() > 0 {
            let next = tokio::select! {
                biased;
                next = outcomes.next(within) => next?,
                () = self.replay.stop.cancelled() => None,
            };
            let Some(outcome) = next else { break };
            self.replay.ledger.outcome(self.replay.plan.head.replay_id, &outcome)?;
            if outcome.failed {
                self.progress.failed.push((outcome.letter.order, outcome.name));
            } else {
                self.progress.succeeded += 1;
            }
            (self.replay.watch)(self.progress);
        }
        Ok(())
    }

    /// Waits for the last outcomes and closes all connections.
    async fn finish(mut self, ended: &Result<End, ReplayError>) -> Result<(), ReplayError> {
        if matches!(ended, Ok(End::Done | End::TooManyFailures)) {
            self.read_outcomes(OUTCOMES_WITHIN).await?;
        }
        if let Some(outcomes) = self.outcomes {
            outcomes.close().await;
        }
        self.outbox.close().await;
        Ok(())
    }

    /// Letters of a batch: no more than can be replayed within its time.
    fn batch_size(&self) -> usize {
        let Options { rate, max_failures, .. } = self.replay.options;
        let bound = if max_failures.is_some() { CAREFUL_BATCH } else { BATCH };
        ((rate * BATCH_SECONDS) as usize).clamp(1, bound)
    }

    /// Letters of a window: at a slow rate, no more than a quarter of a second's.
    fn window_size(&self) -> usize {
        ((self.replay.options.rate / 4.0) as usize).clamp(1, WINDOW)
    }
}

/// Whether a letter was replayed by this run already, and is a letter again. One that the broker itself writes has the same id
/// as before, for example that of a message which expires. It counts as failed, and stays.
fn came_back(
    replay: &mut Replay<'_>,
    progress: &mut Progress,
    planned: &Planned,
    letter: &StoredLetter,
) -> Result<bool, ReplayError> {
    let run = replay.plan.head.replay_id;
    if letter.summary.replay_id.as_deref().and_then(|id| id.parse().ok()) != Some(run) {
        return Ok(false);
    }
    let outcome = Outcome { letter: planned.clone(), name: planned.code.clone(), failed: true };
    replay.ledger.outcome(run, &outcome)?;
    progress.came_back += 1;
    progress.failed.push((outcome.letter.order, outcome.name));
    (replay.watch)(progress);
    Ok(true)
}

/// The message of a letter as it is edited, and the mapping that made it; none where nothing is to be edited.
async fn edited(
    replay: &mut Replay<'_>,
    letter: &StoredLetter,
) -> Result<Option<(Edited, Option<String>)>, ReplayError> {
    if replay.edit.is_empty() {
        return Ok(None);
    }
    let not_mapped = |why| ReplayError::NotMapped { letter: letter.summary.id, why };
    let Message { body, mapping } = replay.mappings.message(letter).await.map_err(not_mapped)?;
    Ok(Some((replay.edit.apply(&body)?, mapping)))
}

/// Begins to publish the letter's message; the future waits for the confirm.
fn publish<'o>(
    replay: &Replay<'_>,
    outbox: &'o Outbox,
    letter: &StoredLetter,
    edited: Option<(Edited, Option<String>)>,
    replay_to: Option<&str>,
) -> Result<(Vec<String>, impl Future<Output = Result<(), PublishError>> + use<'o>), ReplayError> {
    let (exchange, key) = match (replay.options.via_exchange, letter.source()) {
        (false, _) => (String::new(), replay.config.names.queue.clone()),
        (true, (Some(exchange), key)) => (exchange, key),
        (true, (None, _)) => return Err(ReplayError::NoExchange(letter.summary.id)),
    };
    let (publisher, replay_id) = (outbox.publisher(), replay.plan.head.replay_id);
    let (edited, properties) = match edited {
        None => {
            let properties = letter.for_replay(replay_id, replay_to);
            return Ok((Vec::new(), publisher.begin(&exchange, &key, properties, letter.body())));
        }
        Some((edited, None)) => (edited, letter.for_edited_replay(replay_id, replay_to)),
        Some((edited, Some(mapping))) => (edited, letter.for_edited_mapped_replay(&mapping, replay_id, replay_to)),
    };
    let confirm = publisher.begin(&exchange, &key, properties, &edited.body);
    Ok((edited.changes.into_iter().map(|change| change.path).collect(), confirm))
}

/// Waits until the rate allows the next letter; `false` when told to stop.
async fn pace(next_at: &mut Instant, rate: f64, stop: &CancellationToken) -> bool {
    tokio::select! {
        biased;
        () = stop.cancelled() => return false,
        () = sleep_until(*next_at) => {}
    }
    let now = Instant::now();
    let interval = Duration::try_from_secs_f64(1.0 / rate).unwrap_or(SLOWEST);
    // a late letter is made up for, so that the rate holds on average
    *next_at = (*next_at + interval).max(now.checked_sub(Duration::from_millis(100)).unwrap_or(now));
    true
}
