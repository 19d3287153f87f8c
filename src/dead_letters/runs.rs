//! Runs of the page in a folder beside the ledger, so that one that was interrupted is known after a restart.
//!
//! Not here: replaying; how runs are shown.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use rustix::fs::{FlockOperation, flock};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::edit::Edit;
use super::hold::Missing;
use super::journal::Journal;
use super::ledger::{Action, Entry, latest};
use super::plan::Plan;
use super::replay::Progress;

/// Bytes at the end of the ledger in which the outcomes of an interrupted run are looked for.
const LOOKED_THROUGH: u64 = 64 * 1024 * 1024;
/// Failures that are named.
const NAMED: usize = 100;

/// The work of a run.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Sends them back to the worker.
    Replay,
    /// Takes them out for good.
    Discard,
}

impl Kind {
    /// The command that does the same.
    pub fn command(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Discard => "discard",
        }
    }
}

/// The intent of a run, written before its first letter.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct About {
    /// Id of the run.
    pub run: Uuid,
    /// Its work.
    pub kind: Kind,
    /// The operator.
    pub user: String,
    /// The operator's reason.
    pub why: String,
    /// When it began.
    pub began: Timestamp,
    /// How many letters.
    pub letters: usize,
    /// How many of each code.
    pub codes: BTreeMap<String, usize>,
    /// Letters in a second.
    pub rate: f64,
    /// The most failures that do not end it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_failures: Option<usize>,
    /// Paths of the fields of the message that are changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<String>,
}

impl About {
    /// Letters that are in their queue as before.
    pub fn left(&self, counts: &Counts) -> usize {
        self.letters.saturating_sub(counts.gone + counts.absent)
    }
}

/// How far a run has come.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Counts {
    /// Letters that left their queue in this run, or an earlier one of the same plan.
    pub gone: usize,
    /// Letters whose message the worker has done.
    pub succeeded: usize,
    /// Letters whose message failed again, so that there are new letters.
    pub failed: usize,
    /// Order and code of the first that failed again.
    pub failures: Vec<(Option<String>, String)>,
    /// Letters that somebody else had replayed or discarded.
    pub absent: usize,
    /// Letters that somebody else held.
    pub in_use: usize,
    /// Letters with another body than planned.
    pub changed: usize,
}

impl Counts {
    /// Counts of a replay.
    pub fn of(progress: &Progress) -> Self {
        let Progress { replayed, repeated, earlier, succeeded, came_back: _, failed, missing } = progress;
        let counts = Self {
            gone: replayed + repeated + earlier,
            succeeded: *succeeded,
            failed: failed.len(),
            failures: failed.iter().take(NAMED).cloned().collect(),
            ..Self::default()
        };
        counts.missing(missing)
    }

    /// These counts, with letters that were not worked on.
    pub fn missing(self, missing: &Missing) -> Self {
        let Missing { gone, in_use, changed } = missing;
        Self { absent: gone.len(), in_use: in_use.len(), changed: changed.len(), ..self }
    }
}

/// The end of a run.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How, in words.
    pub how: String,
    /// How far it came.
    pub counts: Counts,
}

/// A run of the folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// Its intent.
    pub about: About,
    /// How far it came, as far as known.
    pub counts: Counts,
    /// Its end; none where it was interrupted.
    pub ended: Option<Ended>,
    /// The last sign of life of a run that was interrupted.
    pub last_sign: Option<Timestamp>,
}

/// The folder, which one process has at a time.
#[derive(Debug)]
pub struct Runs {
    folder: PathBuf,
    ledger: PathBuf,
    /// Locked for as long as this lives.
    _lock: File,
}

impl Runs {
    /// The folder beside a ledger; it is made where it is missing.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn beside(ledger: &Path) -> io::Result<Self> {
        let mut folder = ledger.to_owned().into_os_string();
        folder.push(".runs");
        let folder = PathBuf::from(folder);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let lock = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(folder.join("lock"))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| io::Error::new(io::Error::from(error).kind(), "another page works with this ledger"))?;
        Ok(Self { folder, ledger: ledger.to_owned(), _lock: lock })
    }

    /// Writes intent and plan of a run to the disk, and the changes to the message, as `lines[0].quantity=1`.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn begin(&self, about: &About, plan: &Plan, sets: &[String]) -> io::Result<()> {
        // its entry in the folder is on the disk with those that follow
        self.journal(about.run)?;
        self.write(about.run, "sets", &serde_json::to_vec(sets)?)?;
        self.write(about.run, "plan", plan.written()?.as_bytes())?;
        self.write(about.run, "about", &serde_json::to_vec(about)?)
    }

    /// The edit of each message of a run.
    ///
    /// # Errors
    /// The operating system's refusal, or a file that cannot be read. Without it messages would go out unchanged.
    pub fn edit(&self, run: Uuid) -> io::Result<Edit> {
        let sets: Vec<String> = self.read(run, "sets")?.ok_or(io::ErrorKind::NotFound)?;
        let sets = sets.iter().map(|set| set.parse()).collect::<Result<_, _>>().map_err(io::Error::other)?;
        Ok(Edit { sets, patch: None })
    }

    /// The plan of a run.
    ///
    /// # Errors
    /// It is not there, or no plan.
    pub fn plan(&self, run: Uuid) -> io::Result<Plan> {
        let text = fs::read_to_string(self.path(run, "plan"))?;
        Plan::read(&text).map_err(io::Error::other)
    }

    /// The letters that a run has published.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn journal(&self, run: Uuid) -> io::Result<Journal> {
        Ok(Journal::resume(&self.path(run, "done"))?.durable())
    }

    /// Notes the end of a run. Where no letter is left the changes go: they may be names and addresses.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn end(&self, about: &About, ended: &Ended) -> io::Result<()> {
        self.write(about.run, "end", &serde_json::to_vec(ended)?)?;
        if about.left(&ended.counts) == 0 { self.remove(about.run, "sets") } else { Ok(()) }
    }

    /// Notes that a run goes on that had ended.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn resume(&self, run: Uuid) -> io::Result<()> {
        self.remove(run, "end")
    }

    /// A run.
    ///
    /// # Errors
    /// The operating system's refusal, or a file that cannot be read.
    pub fn one(&self, run: Uuid) -> io::Result<Option<Stored>> {
        let Some(about) = self.read::<About>(run, "about")? else { return Ok(None) };
        let ended: Option<Ended> = self.read(run, "end")?;
        let (counts, last_sign) = match &ended {
            Some(ended) => (ended.counts.clone(), None),
            None => self.interrupted(&about)?,
        };
        Ok(Some(Stored { about, counts, ended, last_sign }))
    }

    /// Intent and end of all runs, latest first; an interrupted one has no end.
    ///
    /// # Errors
    /// The operating system's refusal, or a file that cannot be read.
    pub fn all(&self) -> io::Result<Vec<(About, Option<Ended>)>> {
        let mut all = Vec::new();
        for file in fs::read_dir(&self.folder)? {
            let path = file?.path();
            let id = path.file_stem().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
            if let (Some("about"), Some(id)) = (path.extension().and_then(|it| it.to_str()), id)
                && let Some(about) = self.read::<About>(id, "about")?
            {
                all.push((about, self.read(id, "end")?));
            }
        }
        all.sort_by_key(|(about, _)| std::cmp::Reverse(about.began));
        Ok(all)
    }

    /// Letters that a run has discarded, by the ledger.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn discarded(&self, run: Uuid) -> io::Result<HashSet<Uuid>> {
        let actions = self.actions(run)?.into_iter().filter(|action| action.outcome == "discarded");
        Ok(actions.map(|action| action.letter).collect())
    }

    fn actions(&self, run: Uuid) -> io::Result<Vec<Action>> {
        let entries = if self.ledger.exists() { latest(&self.ledger, LOOKED_THROUGH)? } else { Vec::new() };
        let of_run = |entry| match entry {
            Entry::Action(action) if action.replay_id == Some(run) => Some(action),
            Entry::Action(_) | Entry::Step(_) => None,
        };
        Ok(entries.into_iter().filter_map(of_run).collect())
    }

    /// Where an export is written before it is sent.
    pub fn export(&self) -> PathBuf {
        self.path(Uuid::new_v4(), "export")
    }

    /// How far a run came that was interrupted, by its journal and the ledger.
    fn interrupted(&self, about: &About) -> io::Result<(Counts, Option<Timestamp>)> {
        let actions = self.actions(about.run)?;
        let last = actions.iter().map(|action| action.by.at).max().or(Some(about.began));
        let gone = match about.kind {
            Kind::Replay => self.journal(about.run)?.published(),
            Kind::Discard => self.discarded(about.run)?.len(),
        };
        let mut counts = Counts { gone, ..Counts::default() };
        for action in actions {
            match (action.outcome.as_str(), action.failed) {
                ("published" | "discarded", _) => {}
                (_, true) => {
                    counts.failed += 1;
                    counts.failures.push((action.order, action.outcome));
                }
                (_, false) => counts.succeeded += 1,
            }
        }
        counts.failures.truncate(NAMED);
        Ok((counts, last))
    }

    fn remove(&self, run: Uuid, what: &str) -> io::Result<()> {
        match fs::remove_file(self.path(run, what)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            Ok(()) | Err(_) => Ok(()),
        }
    }

    fn path(&self, run: Uuid, what: &str) -> PathBuf {
        self.folder.join(format!("{run}.{what}"))
    }

    fn read<T: DeserializeOwned>(&self, run: Uuid, what: &str) -> io::Result<Option<T>> {
        match fs::read(self.path(run, what)) {
            Ok(text) => Ok(Some(serde_json::from_slice(&text)?)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a file of which a reader sees all or nothing, also after a crash of the machine.
    fn write(&self, run: Uuid, what: &str, text: &[u8]) -> io::Result<()> {
        let unfinished = self.path(run, "new");
        let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        file.write_all(text)?;
        file.sync_all()?;
        fs::rename(unfinished, self.path(run, what))?;
        File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests;
