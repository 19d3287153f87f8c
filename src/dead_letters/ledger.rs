//! The record of what operators did: JSON lines in a file that they name.
//!
//! Not here: the actions themselves.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::outcomes::Outcome;
use super::plan::Planned;
use crate::broker::Holder;

/// A ledger, with a line for each action on a letter. Without a file it does nothing.
#[derive(Debug)]
pub struct Ledger {
    file: Option<File>,
    /// Whether a line is on the disk before the work goes on.
    durable: bool,
    who: Holder,
    why: Option<String>,
}

/// The operator, the moment and the reason of a line.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct By {
    /// When it was done.
    pub at: Timestamp,
    /// The operator.
    pub user: String,
    /// The operator's machine.
    pub host: String,
    /// The command.
    pub command: String,
    /// The operator's reason.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// An action on a letter, or its outcome: a line of the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
    /// The operator.
    #[serde(flatten)]
    pub by: By,
    /// Id of the letter.
    pub letter: Uuid,
    /// The order that the letter is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
    /// The run of the replay tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<Uuid>,
    /// Paths of the fields that were changed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub edited: Vec<String>,
    /// `published` or `discarded`, or the outcome of the worker's result.
    pub outcome: String,
    /// Whether the outcome is that the message failed again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub failed: bool,
}

/// A step that concerns several letters: a line of the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Step {
    /// The operator.
    #[serde(flatten)]
    pub by: By,
    /// The run of the replay tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay_id: Option<Uuid>,
    /// How many letters it is about.
    pub letters: usize,
    /// `began`, `exported`, or how it ended.
    pub step: String,
}

/// A line of the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(untagged)]
pub enum Entry {
    /// An action on one letter.
    Action(Action),
    /// A step that concerns several.
    Step(Step),
}

/// The last lines of a ledger, latest first, as far as they stand in its last so many bytes.
///
/// # Errors
/// The operating system's refusal.
pub fn latest(path: &Path, bytes: u64) -> io::Result<Vec<Entry>> {
    let mut file = File::open(path)?;
    let begin = file.metadata()?.len().saturating_sub(bytes);
    file.seek(SeekFrom::Start(begin))?;
    let mut text = Vec::new();
    file.take(bytes).read_to_end(&mut text)?;
    // the first line may be cut, and so is no entry
    let lines = text.split(|byte| *byte == b'\n').rev();
    Ok(lines.filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

/// The actions on an order with one of these names, in the sequence of the file. Lines that are cut off are left out.
///
/// # Errors
/// The operating system's refusal.
pub fn actions_of(path: &Path, orders: &BTreeSet<String>) -> io::Result<Vec<Action>> {
    let is_meant = |action: &Action| action.order.as_ref().is_some_and(|order| orders.contains(order));
    let text = std::fs::read_to_string(path)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).filter(is_meant).collect())
}

impl Ledger {
    /// Opens a file to append to. A new file is readable by its owner alone.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn open(path: Option<&Path>, who: Holder, why: Option<String>) -> io::Result<Self> {
        let open = |path: &Path| OpenOptions::new().append(true).create(true).mode(0o600).open(path);
        Ok(Self { file: path.map(open).transpose()?, durable: false, who, why })
    }

    /// Has each line on the disk before the work goes on.
    pub fn durable(self) -> Self {
        Self { durable: true, ..self }
    }

    /// Notes a step that concerns several letters.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn step(&mut self, replay_id: Option<Uuid>, letters: usize, step: &str) -> io::Result<()> {
        self.write(&Step { by: self.by(), replay_id, letters, step: step.to_owned() })
    }

    /// Notes an action on a letter: `published` or `discarded`.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn note(
        &mut self,
        letter: &Planned,
        replay_id: Option<Uuid>,
        edited: &[String],
        outcome: &str,
    ) -> io::Result<()> {
        let action = Action { edited: edited.to_vec(), ..self.action(letter, replay_id, outcome) };
        self.write(&action)
    }

    /// Notes the outcome of the worker's result on a letter's message.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn outcome(&mut self, replay_id: Uuid, outcome: &Outcome) -> io::Result<()> {
        let action = Action { failed: outcome.failed, ..self.action(&outcome.letter, Some(replay_id), &outcome.name) };
        self.write(&action)
    }

    fn action(&self, letter: &Planned, replay_id: Option<Uuid>, outcome: &str) -> Action {
        Action {
            by: self.by(),
            letter: letter.letter,
            order: letter.order.clone(),
            replay_id,
            edited: Vec::new(),
            outcome: outcome.to_owned(),
            failed: false,
        }
    }

    /// The operator, now.
    fn by(&self) -> By {
        let Holder { user, host, command, .. } = self.who.clone();
        By { at: Timestamp::now(), user, host, command, why: self.why.clone() }
    }

    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        let mut text = serde_json::to_vec(line)?;
        text.push(b'\n');
        // in one write, so that two commands that append do not mix their lines
        file.write_all(&text)?;
        if self.durable { file.sync_data() } else { Ok(()) }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::filter::tests::letter;
    use super::super::plan::Plan;
    use super::*;

    /// A ledger of ada's.
    pub(in super::super) fn of_ada(path: &Path, why: Option<&str>) -> Ledger {
        let who = Holder {
            command: "replay".into(),
            user: "ada".into(),
            host: "desk".into(),
            pid: 1,
            since: Timestamp::UNIX_EPOCH,
            letters: None,
        };
        Ledger::open(Some(path), who, why.map(Into::into)).unwrap()
    }

    #[test]
    fn every_line_comes_back_latest_first_and_one_that_is_cut_is_left_out() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ledger");
        let plan = Plan::of(vec![letter(1)], Uuid::nil(), "q", Timestamp::UNIX_EPOCH);
        let mut ledger = of_ada(&path, Some("stock came")).durable();
        ledger.step(Some(Uuid::nil()), 2, "began").unwrap();
        ledger.note(&plan.letters[0], Some(Uuid::nil()), &["data.total".into()], "published").unwrap();
        let outcome = Outcome { letter: plan.letters[0].clone(), name: "ItemOutOfStock".into(), failed: true };
        ledger.outcome(Uuid::nil(), &outcome).unwrap();
        let text = std::fs::read(&path).unwrap();
        let told = |bytes| -> Vec<String> {
            let said = |entry: &Entry| match entry {
                Entry::Action(action) => format!("{} {} {:?}", action.outcome, action.failed, action.edited),
                Entry::Step(step) => format!("{} {}", step.step, step.letters),
            };
            latest(&path, bytes).unwrap().iter().map(said).collect()
        };
        let all = ["ItemOutOfStock true []", "published false [\"data.total\"]", "began 2"];
        assert_eq!(told(u64::MAX), all);
        assert_eq!(told(text.len() as u64 - 1), all[..2]);
    }
}
