//! The lock of the dead letters: one command at a time removes letters from their queues, and others can name it.
//!
//! Not here: reading, which needs no lock.

use jiff::Timestamp;
use lapin::options::{BasicGetOptions, BasicPublishOptions, QueueDeclareOptions, QueueDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection};
use serde::{Deserialize, Serialize};

use super::letter_box::{LetterBox, LetterBoxError, named};
use crate::broker::connection::{answered, close_channel};
use crate::broker::headers::short;
use crate::broker::topology::has_code;

/// How long the note about the holder of the lock stays: longer than any run takes.
const NOTE_EXPIRES_MS: i64 = 7 * 24 * 3_600_000;

/// The holder of the lock.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Holder {
    /// The command: `replay`, `apply`, `discard`.
    pub command: String,
    /// The user.
    pub user: String,
    /// The machine.
    pub host: String,
    /// The process on that machine.
    pub pid: u32,
    /// The time at which it began.
    pub since: Timestamp,
    /// How many letters it holds, which no other reader sees meanwhile; `None` where that is not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub letters: Option<usize>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { command, user, host, pid, since, letters: _ } = self;
        write!(f, "`{command}` by {user} on {host}, process {pid}, since {since:.0}")
    }
}

/// Dead letters under the lock: no other command removes them while this connection lasts.
#[derive(Debug)]
pub struct LockedLetterBox {
    letters: LetterBox,
    holder: Holder,
    /// The channel by which the note is kept current.
    notes: Channel,
}

impl std::ops::Deref for LockedLetterBox {
    type Target = LetterBox;

    fn deref(&self) -> &LetterBox {
        &self.letters
    }
}

impl LockedLetterBox {
    /// Notes how many letters are held, for readers that do not see them meanwhile.
    pub async fn note_held(&self, letters: usize) {
        let name = note_name(&self.letters);
        let holder = Holder { letters: Some(letters), ..self.holder.clone() };
        // the note is for people: a missing one does no harm
        if let Err(error) = publish_note(&self.notes, &name, &holder).await {
            tracing::debug!(%error, "cannot note how many letters are held");
        }
    }

    /// Closes the connection: the lock is free, and all letters that are held are requeued.
    pub async fn close(self) {
        self.letters.close().await;
    }
}

impl LetterBox {
    /// Takes the lock: an exclusive queue of the connection that holds the letters.
    ///
    /// No other connection can read such a queue, so the note about its holder lies in a second one.
    ///
    /// # Errors
    /// Another command has it.
    pub async fn lock(self, holder: &Holder) -> Result<LockedLetterBox, LetterBoxError> {
        let queue = self.names.dead_letters.clone();
        let (lock, note) = (format!("{queue}.lock"), note_name(&self));
        let acquired = answered(acquire(&self.connection, &lock)).await;
        match acquired {
            Ok(channel) => {
                let left = answered(leave_note(&channel, &note, holder)).await;
                left.map_err(|error| named(&note, error.into()))?;
                Ok(LockedLetterBox { letters: self, holder: holder.clone(), notes: channel })
            }
            Err(error) if is_locked(&error) => {
                let holder = read_note(&self.connection, &note).await.map(|holder| holder.to_string());
                Err(LetterBoxError::Locked { queue, holder })
            }
            Err(error) => Err(named(&lock, error.into())),
        }
    }

    /// The holder of the lock, as far as known, and how many letters it holds, which a reader does not see.
    pub async fn at_work(&self) -> Option<(String, Option<usize>)> {
        let queue = &self.names.dead_letters;
        let channel = answered(self.connection.create_channel()).await.ok()?;
        let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        match answered(channel.queue_declare(short(&format!("{queue}.lock")), look, FieldTable::default())).await {
            Err(error) if is_locked(&error) => {
                let holder = read_note(&self.connection, &note_name(self)).await;
                Some(holder.map_or_else(|| ("another tool".to_owned(), None), |it| (it.to_string(), it.letters)))
            }
            Ok(_) | Err(_) => None,
        }
    }
}

fn note_name(letters: &LetterBox) -> String {
    format!("{}.lock-holder", letters.names.dead_letters)
}

async fn acquire(connection: &Connection, lock: &str) -> lapin::Result<Channel> {
    let channel = connection.create_channel().await?;
    let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(short(lock), options, FieldTable::default()).await?;
    Ok(channel)
}

fn is_locked(error: &lapin::Error) -> bool {
    has_code(error, 405)
}

/// Writes the note where all readers find it, in the place of the one before.
async fn leave_note(channel: &Channel, name: &str, holder: &Holder) -> lapin::Result<()> {
    channel.queue_delete(short(name), QueueDeleteOptions::default()).await?;
    let mut arguments = FieldTable::default();
    arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(1));
    arguments.insert("x-expires".into(), AMQPValue::LongLongInt(NOTE_EXPIRES_MS));
    channel.queue_declare(short(name), QueueDeclareOptions::durable(), arguments).await?;
    publish_note(channel, name, holder).await
}

async fn publish_note(channel: &Channel, name: &str, holder: &Holder) -> lapin::Result<()> {
    let Ok(body) = serde_json::to_vec(holder) else { return Ok(()) };
    let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
    channel.basic_publish("".into(), short(name), options, &body, properties).await.map(drop)
}

/// Reads the note, if there is one. It stays where it is.
async fn read_note(connection: &Connection, name: &str) -> Option<Holder> {
    let channel = answered(connection.create_channel()).await.ok()?;
    let note = answered(channel.basic_get(short(name), BasicGetOptions::default())).await.ok()??;
    let holder = serde_json::from_slice(&note.delivery.data).ok();
    // requeues it
    close_channel(&channel).await;
    holder
}
