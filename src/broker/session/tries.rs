//! Records of the handlings of suspects: the beginning of each, written before it, and its end. A handling that ended
//! with its process has no end.
//!
//! Not here: which message is a suspect, when it is given up.
//!
//! The records are messages of a queue of their own, so they outlive every process. Only the active worker reads them.
//! A process that has lost its session and lives on still records the end.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use lapin::message::BasicGetMessage;
use lapin::options::{BasicAckOptions, BasicGetOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel};
use uuid::Uuid;

use crate::broker::connection::{acknowledge, requeue};
use crate::broker::headers::{own, read_text, short};
use crate::broker::publish::{PublishError, Publisher};
use crate::domain::outcome::body_id;
use crate::ports::Handling;

const BEGAN: &str = "began";
const ENDED: &str = "ended";

/// Why a record cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub(super) enum TriesError {
    #[error("cannot read `{queue}`: {error}")]
    Unread { queue: String, error: lapin::Error },
    #[error(transparent)]
    Unwritten(#[from] PublishError),
}

/// The records, as a session reads and writes them.
#[derive(Clone, Debug)]
pub(super) struct Tries {
    pub(super) publisher: Publisher,
    pub(super) channel: Channel,
    pub(super) queue: String,
    /// Handlings that began in this process, and whose end the broker does not know yet.
    pub(super) unended: Arc<Mutex<Vec<Uuid>>>,
}

impl Tries {
    /// Looks whether the queue is there, so that a missing one shows at the start and not with the first suspect.
    ///
    /// # Errors
    /// The queue does not exist, or the way to the broker is lost.
    pub(super) async fn look(&self) -> Result<(), TriesError> {
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let looked = self.channel.queue_declare(short(&self.queue), passive, FieldTable::default()).await;
        looked.map(drop).map_err(|error| self.unread(error))
    }

    /// Records that a handling of a message begins or has ended, and answers the handler.
    ///
    /// # Errors
    /// The way to the broker is lost; the end of a handling is recorded over the next one.
    pub(super) async fn record(
        &self,
        properties: &BasicProperties,
        body: &[u8],
        handling: Handling,
    ) -> Result<(), TriesError> {
        match handling {
            Handling::Begins(answer) => {
                let message = name_of(properties, body);
                let unended = self.unended_of(&message).await.map_err(|error| self.unread(error))?;
                let handling = Uuid::new_v4();
                self.unended().push(handling);
                self.publish(BEGAN, handling, Some(&message)).await?;
                // the handler may be gone with the session
                answer.send(unended).ok();
            }
            Handling::Ended(answer) => {
                self.end_all().await?;
                answer.send(()).ok();
            }
        }
        Ok(())
    }

    fn unread(&self, error: lapin::Error) -> TriesError {
        TriesError::Unread { queue: self.queue.clone(), error }
    }

    /// Records the end of all handlings that began in this process: it lives on, so none of them has ended it.
    ///
    /// # Errors
    /// The way to the broker is lost.
    pub(super) async fn end_all(&self) -> Result<(), TriesError> {
        let all = self.unended().clone();
        for handling in all {
            self.publish(ENDED, handling, None).await?;
            self.unended().retain(|other| *other != handling);
        }
        Ok(())
    }

    async fn publish(&self, kind: &str, handling: Uuid, message: Option<&str>) -> Result<(), PublishError> {
        let mut properties = BasicProperties::default()
            .with_delivery_mode(2)
            .with_type(kind.into())
            .with_message_id(short(&handling.to_string()));
        if let Some(message) = message {
            properties = properties.with_correlation_id(short(message));
        }
        self.publisher.publish("", &self.queue, properties, b"").await
    }

    /// Counts the handlings of a message that have no end. Records of handlings that have ended are removed.
    async fn unended_of(&self, message: &str) -> lapin::Result<u32> {
        let mut records = Vec::new();
        while let Some(record) = self.channel.basic_get(short(&self.queue), BasicGetOptions::default()).await? {
            records.push(record);
        }
        let of_kind = |kind| records.iter().filter(move |record| text(record.properties.kind()) == Some(kind));
        let ended: HashSet<&str> = of_kind(ENDED).filter_map(handling_of).collect();
        let has_ended = |record: &&BasicGetMessage| handling_of(record).is_none_or(|handling| ended.contains(handling));
        // the beginning first: an end alone counts for nothing, should the rest be cut off
        for record in of_kind(BEGAN).filter(has_ended).chain(of_kind(ENDED)) {
            acknowledge(&record.acker, BasicAckOptions::default()).await?;
        }
        let mut unended = 0;
        for record in of_kind(BEGAN).filter(|record| !has_ended(record)) {
            unended += u32::from(text(record.properties.correlation_id()) == Some(message));
            requeue(&record.acker).await?;
        }
        Ok(unended)
    }

    fn unended(&self) -> MutexGuard<'_, Vec<Uuid>> {
        self.unended.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn handling_of(record: &BasicGetMessage) -> Option<&str> {
    text(record.properties.message_id())
}

fn text(value: &Option<lapin::types::ShortString>) -> Option<&str> {
    value.as_ref().map(lapin::types::ShortString::as_str)
}

/// The name of a message in the records, alike in every process and version. A replay has a name of its own.
fn name_of(properties: &BasicProperties, body: &[u8]) -> String {
    let id = text(properties.message_id()).unwrap_or_default();
    let headers = properties.headers().as_ref();
    let replays = headers.and_then(|table| table.inner().get(own::REPLAYS)).and_then(read_text).unwrap_or_default();
    let body = body_id(body);
    body_id(format!("{id}:{replays}:{body}").as_bytes()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_told_apart_by_id_and_body() {
        let message =
            |id: &str, body: &str| name_of(&BasicProperties::default().with_message_id(id.into()), body.as_bytes());
        assert_eq!(message("1", "{}"), message("1", "{}"));
        let names = HashSet::from([message("1", "{}"), message("2", "{}"), message("1", "[]"), message("", "{}")]);
        assert_eq!(names.len(), 4);
    }
}
