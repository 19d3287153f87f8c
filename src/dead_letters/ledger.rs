//! The record of what operators did: JSON lines in a file that they name.
//!
//! Not here: the actions themselves.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;
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

/// A line.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'a> {
    at: Timestamp,
    user: &'a str,
    host: &'a str,
    command: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<&'a str>,
    letter: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    order: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replay_id: Option<Uuid>,
    /// Paths of the fields that were changed.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    edited: &'a [String],
    outcome: &'a str,
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
        let line = Line {
            at: Timestamp::now(),
            user: &self.who.user,
            host: &self.who.host,
            command: &self.who.command,
            why: self.why.as_deref(),
            letter: letter.letter,
            order: letter.order.as_deref(),
            replay_id,
            edited,
            outcome,
        };
        let mut text = serde_json::to_vec(&line)?;
        text.push(b'\n');
        // in one write, so that two commands that append do not mix their lines
        file.write_all(&text)
    }
}
