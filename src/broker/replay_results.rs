//! Results of replayed messages, from a queue of our own that goes with its connection.
//!
//! Not here: what they say.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use uuid::Uuid;

use super::config::BrokerConfig;
use super::connection::{Frame, close, open};
use super::inbound::text;
use super::letter_box::LetterBoxError;
use super::outgoing::own;
use super::short;

/// Results of one run of the replay tool.
#[derive(Debug)]
pub struct ReplayResults {
    connection: Connection,
    results: Consumer,
    replay_id: String,
}

impl ReplayResults {
    /// Listens from now on. A connection of its own: results come while publishing waits.
    ///
    /// # Errors
    /// No connection, or no exchange of results.
    pub async fn listen(config: &BrokerConfig, replay_id: Uuid) -> Result<Self, LetterBoxError> {
        let connection = open(config, "bwp-sync dead-letters, results", Frame::Small).await?;
        let exchange = &config.names.results;
        let results = consume(&connection, exchange).await;
        let results =
            results.map_err(|error| LetterBoxError::Lost { queue: format!("results of `{exchange}`"), error })?;
        Ok(Self { connection, results, replay_id: replay_id.to_string() })
    }

    /// The body of the next result of this run; `None` when none came within the time.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn next(&mut self, within: Duration) -> Result<Option<Vec<u8>>, LetterBoxError> {
        let next = async {
            loop {
                match self.results.next().await {
                    Some(Ok(result)) if self.is_ours(&result) => return Ok(result.data),
                    Some(Ok(_others)) => {}
                    Some(Err(error)) => return Err(LetterBoxError::Lost { queue: "results".into(), error }),
                    None => return Err(LetterBoxError::Cancelled("results".into())),
                }
            }
        };
        // what has come already is taken even when there is no time at all
        tokio::time::timeout(within, next).await.ok().transpose()
    }

    fn is_ours(&self, result: &Delivery) -> bool {
        let headers = result.properties.headers().as_ref();
        let id = headers.and_then(|table| table.inner().get(own::REPLAY_ID)).and_then(text);
        id.is_some_and(|id| id == self.replay_id)
    }

    /// Closes the connection, and the queue with it.
    pub async fn close(self) {
        close(&self.connection).await;
    }
}

async fn consume(connection: &Connection, exchange: &str) -> lapin::Result<Consumer> {
    let channel = connection.create_channel().await?;
    let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
    let queue = channel.queue_declare("".into(), own, FieldTable::default()).await?.name().clone();
    let (bind, none) = (QueueBindOptions::default(), FieldTable::default());
    channel.queue_bind(queue.clone(), short(exchange), "#".into(), bind, none).await?;
    let consume = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    channel.basic_consume(queue, "".into(), consume, FieldTable::default()).await
}
