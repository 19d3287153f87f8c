//! The letters that a run has published, so that one that is still in its queue is not published again.
//!
//! Not here: publishing.

use std::collections::HashSet;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use uuid::Uuid;

use super::plan::Planned;
use crate::broker::BodyHash;

/// Letters that were published and confirmed.
#[derive(Debug, Default)]
pub struct Journal {
    published: HashSet<(Uuid, BodyHash)>,
    file: Option<File>,
    /// Whether a line is on the disk before the letter is removed.
    durable: bool,
}

impl Journal {
    /// Reads the journal of an earlier run of the same plan. A line that was cut off does not count: its letter is
    /// published again.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn resume(path: &Path) -> io::Result<Self> {
        let mut file = OpenOptions::new().append(true).create(true).read(true).mode(0o600).open(path)?;
        let text = io::read_to_string(&mut file)?;
        let published = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        if !text.is_empty() && !text.ends_with('\n') {
            file.write_all(b"\n")?;
        }
        Ok(Self { published, file: Some(file), durable: false })
    }

    /// Has each line on the disk before the work goes on.
    pub fn durable(self) -> Self {
        Self { durable: true, ..self }
    }

    /// How many letters were published.
    pub fn published(&self) -> usize {
        self.published.len()
    }

    /// Whether this letter, with this body, was published.
    pub fn has(&self, letter: &Planned) -> bool {
        self.published.contains(&(letter.letter, letter.body))
    }

    /// Notes that a letter is published and confirmed.
    ///
    /// # Errors
    /// The operating system's refusal.
    pub fn note(&mut self, letter: &Planned) -> io::Result<()> {
        let entry = (letter.letter, letter.body);
        if let Some(file) = &mut self.file {
            let mut line = serde_json::to_vec(&entry)?;
            line.push(b'\n');
            file.write_all(&line)?;
            if self.durable {
                file.sync_data()?;
            }
        }
        self.published.insert(entry);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::filter::tests::letter;
    use super::super::plan::Plan;
    use super::*;

    #[test]
    fn a_journal_goes_on_where_it_was_cut_off() {
        let plan = Plan::of([1, 2, 3].map(letter).to_vec(), Uuid::nil(), "q", jiff::Timestamp::UNIX_EPOCH);
        let [first, second, third] = &plan.letters[..] else { panic!("three letters") };
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("plan.done");
        let mut journal = Journal::resume(&path).unwrap();
        journal.note(first).unwrap();
        journal.note(second).unwrap();
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, &text[..text.len() - 9]).unwrap();
        let mut journal = Journal::resume(&path).unwrap();
        assert_eq!((journal.has(first), journal.has(second)), (true, false));
        journal.note(third).unwrap();
        let journal = Journal::resume(&path).unwrap();
        assert!(journal.has(third) && journal.published() == 2);
    }

    #[test]
    fn another_body_under_the_same_id_is_another_letter() {
        let plan = Plan::of(vec![letter(1)], Uuid::nil(), "q", jiff::Timestamp::UNIX_EPOCH);
        let mut journal = Journal::default();
        journal.note(&plan.letters[0]).unwrap();
        let other = Planned { body: BodyHash::of(b"other"), ..plan.letters[0].clone() };
        assert!(journal.has(&plan.letters[0]) && !journal.has(&other));
    }
}
