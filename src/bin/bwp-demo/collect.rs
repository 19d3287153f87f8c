//! Collects results and dead letters from queues of its own, which are deleted with the connection.
//!
//! Not here: the expected outcomes.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bwp_sync::broker::BrokerConfig;
use bwp_sync::broker::connection::{Frame, close, open};
use futures_util::StreamExt as _;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, Consumer};
use serde::Deserialize;

/// The payload of a result, as far as the demonstration reads it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ResultData {
    /// Id of the message that caused the result.
    pub(crate) causation_id: String,
    pub(crate) outcome: Option<String>,
    pub(crate) buy_with_prime_id: Option<String>,
    pub(crate) failure: Option<Failure>,
    pub(crate) attempts: u32,
}

/// Cause of a failure, according to the result.
#[derive(Debug, Deserialize)]
pub(crate) struct Failure {
    pub(crate) code: String,
}

/// A result and the time of its arrival.
#[derive(Debug)]
pub(crate) struct Arrival {
    pub(crate) at: Instant,
    pub(crate) data: ResultData,
}

/// Results and dead letters in the sequence of their arrival.
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) results: Vec<Arrival>,
    pub(crate) letters: Vec<Delivery>,
}

/// Consumers of results and dead letters, from the moment of opening.
#[derive(Debug)]
pub(crate) struct Collector {
    connection: Connection,
    results: Consumer,
    letters: Consumer,
}

impl Collector {
    /// Binds a queue to the exchange of results and one to that of dead letters; the worker has declared both.
    pub(crate) async fn open(config: &BrokerConfig) -> anyhow::Result<Self> {
        let connection = open(config, "bwp-demo", Frame::Any).await.context("cannot reach the broker")?;
        let results = listen(&connection, &config.names.results).await?;
        let letters = listen(&connection, &config.names.dead).await?;
        Ok(Self { connection, results, letters })
    }

    /// Waits for this number of results and dead letters, or for the end of the time.
    pub(crate) async fn collect(
        &mut self,
        results: usize,
        letters: usize,
        within: Duration,
    ) -> anyhow::Result<Collected> {
        let mut collected = Collected::default();
        let deadline = tokio::time::Instant::now() + within;
        while collected.results.len() < results || collected.letters.len() < letters {
            show_progress(&collected, results, letters)?;
            tokio::select! {
                result = self.results.next() => collected.results.push(arrival(result)?),
                letter = self.letters.next() => collected.letters.push(delivered(letter)?),
                () = tokio::time::sleep_until(deadline) => break,
            }
        }
        show_progress(&collected, results, letters)?;
        Ok(collected)
    }

    /// Closes the connection, and the queues with it.
    pub(crate) async fn close(self) {
        close(&self.connection).await;
    }
}

async fn listen(connection: &Connection, exchange: &str) -> anyhow::Result<Consumer> {
    let listening = async {
        let channel = connection.create_channel().await?;
        let own = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let queue = channel.queue_declare("".into(), own, FieldTable::default()).await?.name().clone();
        let bind = QueueBindOptions::default();
        channel.queue_bind(queue.clone(), exchange.into(), "#".into(), bind, FieldTable::default()).await?;
        let consume = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        channel.basic_consume(queue, "".into(), consume, FieldTable::default()).await
    };
    let listening: lapin::Result<Consumer> = listening.await;
    listening.with_context(|| format!("cannot listen to `{exchange}`"))
}

fn arrival(delivery: Option<lapin::Result<Delivery>>) -> anyhow::Result<Arrival> {
    #[derive(Deserialize)]
    struct Event {
        data: ResultData,
    }
    let at = Instant::now();
    let event: Event = serde_json::from_slice(&delivered(delivery)?.data).context("a result cannot be read")?;
    Ok(Arrival { at, data: event.data })
}

fn delivered(delivery: Option<lapin::Result<Delivery>>) -> anyhow::Result<Delivery> {
    Ok(delivery.context("the broker cancelled a queue of the demonstration")??)
}

/// Shows the progress in one line of the terminal, which is overwritten.
fn show_progress(collected: &Collected, results: usize, letters: usize) -> anyhow::Result<()> {
    let mut terminal = std::io::stderr().lock();
    if terminal.is_terminal() {
        let (result, letter) = (collected.results.len(), collected.letters.len());
        write!(terminal, "\r{result} of {results} results, {letter} of {letters} dead letters")?;
        terminal.flush()?;
    }
    Ok(())
}
