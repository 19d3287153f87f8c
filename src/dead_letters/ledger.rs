//! The record of what operators did: JSON lines in a file that they name.
//!
//! Not here: the actions themselves.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::plan::Planned;
use crate::broker::Holder;

/// A ledger, with a line for each action on a letter. Without a file it does nothing.
#[derive(Debug)]
pub struct Ledger {
    file: Option<File>,
    who: Holder,
    why: Option<String>,
}

/// An action on a letter, or its outcome: a line of the ledger.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Action {
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
        Ok(Self { file: path.map(open).transpose()?, who, why })
    }

    /// Notes an action on a letter: `published` or `discarded`, and later the outcome of the worker's result.
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
        let Some(file) = &mut self.file else { return Ok(()) };
        let line = Action {
            at: Timestamp::now(),
            user: self.who.user.clone(),
            host: self.who.host.clone(),
            command: self.who.command.clone(),
            why: self.why.clone(),
            letter: letter.letter,
            order: letter.order.clone(),
            replay_id,
            edited: edited.to_vec(),
            outcome: outcome.to_owned(),
        };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        // in one write, so that two commands that append do not mix their lines
        file.write_all(&text)
    }
}
