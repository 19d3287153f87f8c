//! Results of replayed messages, in an exclusive queue of the tool.
//!
//! Not here: what a result means.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use uuid::Uuid;

use super::letter_box::LetterBoxError;
use crate::broker::config::BrokerConfig;
use crate::broker::connection::{Frame, close, open};
use crate::broker::headers::{own, read_text};

/// Results of one run of the replay tool.
#[derive(Debug)]
pub struct ReplayResults {
    connection: Connection,
    results: Consumer,
    queue: String,
}

impl ReplayResults {
    /// Listens from now on, over a connection of its own: results come while publishing waits.
    ///
    /// # Errors
    /// No connection, or no queue.
    pub async fn listen(config: &BrokerConfig) -> Result<Self, LetterBoxError> {
        let connection = open(config, "bwp-sync dead-letters, results", Frame::Small).await?;
        let consuming = consume(&connection).await;
        let (queue, results) =
            consuming.map_err(|error| LetterBoxError::Lost { queue: "outcomes of the replay".into(), error })?;
        Ok(Self { connection, results, queue })
    }

    /// The queue, of this run alone. It is bound to no exchange: what a shop does with its results is no business of the
    /// tool.
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The next result: the letter that it is about, and its body. `None` when none came within the time.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn next(&mut self, within: Duration) -> Result<Option<(Uuid, Vec<u8>)>, LetterBoxError> {
        let next = async {
            loop {
                match self.results.next().await {
                    Some(Ok(result)) => {
                        if let Some(letter) = letter_of(&result) {
                            return Ok((letter, result.data));
                        }
                    }
                    Some(Err(error)) => return Err(LetterBoxError::Lost { queue: "results".into(), error }),
                    None => return Err(LetterBoxError::Cancelled("results".into())),
                }
            }
        };
        // a result that has come already is taken even when there is no time at all
        tokio::time::timeout(within, next).await.ok().transpose()
    }

    /// Closes the connection, and the queue with it.
    pub async fn close(self) {
        close(&self.connection).await;
    }
}

/// The letter whose replay a result is about.
fn letter_of(result: &Delivery) -> Option<Uuid> {
    let headers = result.properties.headers().as_ref()?.inner();
    read_text(headers.get(own::REPLAYED_LETTER)?)?.parse().ok()
}

async fn consume(connection: &Connection) -> lapin::Result<(String, Consumer)> {
    let channel = connection.create_channel().await?;
    let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare("".into(), own, FieldTable::default()).await?.name().clone();
    let consume = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(queue.clone(), "".into(), consume, FieldTable::default()).await?;
    Ok((queue.to_string(), consumer))
}
