//! Letters in files: one line of JSON for each, from which the same letter is made again.
//!
//! Not here: the form of a line; that is `broker::letters::copy`.

use std::collections::{HashMap, VecDeque};
use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uuid::Uuid;

use crate::broker::publish::PublishError;
use crate::broker::{BodyHash, ExportedLetter, Outbox};

/// Why a file's letters were not all put back.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read on.
    #[error("cannot read on: {0}")]
    File(#[from] io::Error),
    /// A line is no letter.
    #[error("line {line}: {why}")]
    Line {
        /// Number of the line, from 1.
        line: usize,
        /// Why.
        why: String,
    },
    /// The broker did not take a letter.
    #[error("line {line}: {error}")]
    Publish {
        /// Number of the line, from 1.
        line: usize,
        /// Why.
        error: PublishError,
    },
}

/// A new file that only its owner can read: letters hold names and addresses.
///
/// # Errors
/// The file exists, or the operating system refuses.
pub fn create(path: &Path) -> io::Result<BufWriter<File>> {
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    Ok(BufWriter::new(file))
}

/// Writes one letter.
///
/// # Errors
/// The operating system's refusal.
pub fn write(file: &mut impl Write, letter: &ExportedLetter) -> io::Result<()> {
    serde_json::to_writer(&mut *file, letter)?;
    file.write_all(b"\n")
}

/// Letters that are published and not yet confirmed, at most.
const UNDER_WAY: usize = 100;

/// Letters that lie in the queues, by id and body, and how often.
pub type Present = HashMap<(Uuid, BodyHash), usize>;

/// Counts of a file's letters after an import.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Imported {
    /// Letters that were put into the queue.
    pub put: usize,
    /// Letters that were in the queues already.
    pub present: usize,
}

/// Puts the letters of a file into the queue of dead letters, without those that are `present`. Every line is read
/// before the first letter is sent.
///
/// # Errors
/// A line is no letter, or a letter was not taken. Letters that were told as imported are in the queue; a few more may
/// be.
pub async fn import(
    path: &Path,
    outbox: &Outbox,
    queue: &str,
    mut present: Present,
    imported: &mut Imported,
) -> Result<(), ImportError> {
    for line in lines(path)? {
        parsed(line?)?;
    }
    let mut under_way = VecDeque::new();
    for line in lines(path)? {
        let (line, letter) = parsed(line?)?;
        let (properties, body) = letter.letter().map_err(|error| ImportError::Line { line, why: error.to_string() })?;
        if let Some(left) = present.get_mut(&(letter.id(), BodyHash::of(&body))).filter(|left| **left > 0) {
            *left -= 1;
            imported.present += 1;
            continue;
        }
        let failed = move |error| ImportError::Publish { line, error };
        let confirm = outbox.publisher().begin("", queue, properties, &body);
        under_way.push_back(async move { confirm.await.map_err(failed) });
        if under_way.len() > UNDER_WAY
            && let Some(first) = under_way.pop_front()
        {
            first.await?;
            imported.put += 1;
        }
    }
    for rest in under_way {
        rest.await?;
        imported.put += 1;
    }
    Ok(())
}

fn lines(path: &Path) -> io::Result<impl Iterator<Item = io::Result<(usize, String)>>> {
    let lines = BufReader::new(File::open(path)?).lines().enumerate();
    Ok(lines.map(|(at, line)| line.map(|line| (at + 1, line))))
}

fn parsed((line, text): (usize, String)) -> Result<(usize, ExportedLetter), ImportError> {
    // serde's own message may repeat the line
    let why =
        |error: serde_json::Error| format!("expected a letter as `export` writes it, not at column {}", error.column());
    let letter = serde_json::from_str(&text).map_err(|error| ImportError::Line { line, why: why(error) })?;
    Ok((line, letter))
}
