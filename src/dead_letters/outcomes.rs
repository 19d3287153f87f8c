//! Outcomes of replayed messages, read from the worker's results.
//!
//! Not here: replaying.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::plan::Planned;
use crate::broker::{LetterBoxError, ReplayResults};

/// Outcomes of one run.
#[derive(Debug)]
pub struct Outcomes {
    results: ReplayResults,
    /// Letters whose outcome is not known, by their ids. A mended mapping may give its message another id.
    pending: HashMap<Uuid, Vec<Planned>>,
    waiting: usize,
}

/// The outcome of one letter.
#[derive(Debug)]
pub struct Outcome {
    /// The letter.
    pub letter: Planned,
    /// `created`, `updated`, …, or the code of a failure.
    pub name: String,
    /// Whether it failed again, and has a new letter.
    pub failed: bool,
}

#[derive(Deserialize)]
struct Event {
    data: Data,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Data {
    outcome: Option<String>,
    failure: Option<Failure>,
}

#[derive(Deserialize)]
struct Failure {
    code: String,
}

impl Outcomes {
    /// Outcomes that are read from these results.
    pub fn of(results: ReplayResults) -> Self {
        Self { results, pending: HashMap::new(), waiting: 0 }
    }

    /// The queue to which a worker sends them.
    pub fn queue(&self) -> &str {
        self.results.queue()
    }

    /// Notes that a letter's message is published, and its outcome pending.
    pub fn expect(&mut self, letter: Planned) {
        self.pending.entry(letter.letter).or_default().push(letter);
        self.waiting += 1;
    }

    /// How many letters have no outcome yet.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// The next outcome; `None` when none came in time. The results of other messages take up none of the time.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Outcome>, LetterBoxError> {
        let deadline = Instant::now() + within;
        loop {
            let Some((letter, body)) = self.results.next(deadline.saturating_duration_since(Instant::now())).await?
            else {
                return Ok(None);
            };
            // a result that cannot be read, or that comes again, does not count
            let Ok(Event { data }) = serde_json::from_slice(&body) else { continue };
            let Some(letter) = self.pending.get_mut(&letter).and_then(Vec::pop) else { continue };
            self.waiting -= 1;
            let failed = data.failure.is_some();
            let name = data.failure.map(|failure| failure.code).or(data.outcome).unwrap_or_default();
            return Ok(Some(Outcome { letter, name, failed }));
        }
    }

    /// Ends listening.
    pub async fn close(self) {
        self.results.close().await;
    }
}
