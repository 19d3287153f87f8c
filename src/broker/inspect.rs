//! Looks whether a broker is ready for the worker, and changes nothing.
//!
//! Not here: declaring; how findings are shown.

use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, ErrorKind, ExchangeKind};
use tokio::sync::watch;

use super::config::BrokerConfig;
use super::connection::{close, close_channel, open};
use super::publish::Publisher;
use super::short;
use super::topology::{exchanges, queues};
use crate::ports::{Finding, Verdict};

/// What hangs on a connection and on what it carries.
const CONFIRMED: &str = "results and letters are confirmed before a message is acknowledged";
const NOTHING_LOST: &str = "every message ends as a result, a letter, or still in a queue";
const RETRIES: &str = "what fails for a while is tried again later";
const LETTERS: &str = "what cannot be done is kept with its code";
const RESULTS: &str = "what became of a message is told";

/// Looks at everything that the worker needs of the broker.
pub async fn inspect(config: &BrokerConfig) -> Vec<Finding> {
    let connection = match open(config, "bwp-sync check").await {
        Ok(connection) => connection,
        Err(error) => return vec![Finding::fails("broker", error.to_string(), NOTHING_LOST)],
    };
    let mut findings = vec![Finding::holds("broker", "connected", NOTHING_LOST)];
    findings.push(publishes(&connection, config).await);
    let names = &config.names;
    findings.push(exchange(&connection, config, &names.events, NOTHING_LOST).await);
    for name in exchanges(names) {
        let promise = if name == names.results { RESULTS } else { LETTERS };
        findings.push(exchange(&connection, config, name, promise).await);
    }
    for (name, _) in queues(config) {
        let promise = if name.starts_with(&names.dead_letters) {
            LETTERS
        } else if name == names.queue {
            NOTHING_LOST
        } else {
            RETRIES
        };
        findings.push(queue(&connection, config, &name, promise).await);
    }
    findings.push(Finding {
        subject: "queue arguments".into(),
        verdict: Verdict::Unknown,
        detail: "AMQP does not show them; a queue that differs is refused when the worker declares it".into(),
        promise: NOTHING_LOST,
    });
    close(&connection).await;
    findings
}

/// Publishes to a queue of this connection's own, as results and letters are published, and takes it out again.
async fn publishes(connection: &Connection, config: &BrokerConfig) -> Finding {
    let subject = "publishing";
    let attempt = async {
        let (_, never_blocked) = watch::channel(false);
        let publisher = Publisher::open(connection, config.confirm_timeout, never_blocked).await.map_err(said)?;
        let options = QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let channel = publisher.channel();
        let own = channel.queue_declare(short(""), options, FieldTable::default()).await.map_err(said)?;
        let name = own.name().as_str().to_owned();
        publisher.publish("", &name, BasicProperties::default(), b"check").await.map_err(said)?;
        let taken = channel.basic_get(short(&name), BasicGetOptions { no_ack: true }).await.map_err(said)?;
        close_channel(channel).await;
        taken.map(|_| ()).ok_or_else(|| "a confirmed message was not there".to_owned())
    };
    match attempt.await {
        Ok(()) => Finding::holds(subject, "confirmed and routed", CONFIRMED),
        Err(error) => Finding::fails(subject, error, CONFIRMED),
    }
}

async fn exchange(connection: &Connection, config: &BrokerConfig, name: &str, promise: &'static str) -> Finding {
    let options = ExchangeDeclareOptions { passive: true, ..ExchangeDeclareOptions::default() };
    let look = async |channel: &Channel| {
        let arguments = FieldTable::default();
        channel.exchange_declare(short(name), ExchangeKind::Topic, options, arguments).await
    };
    found(connection, config, format!("exchange {name}"), promise, look).await
}

async fn queue(connection: &Connection, config: &BrokerConfig, name: &str, promise: &'static str) -> Finding {
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let look =
        async |channel: &Channel| channel.queue_declare(short(name), options, FieldTable::default()).await.map(|_| ());
    found(connection, config, format!("queue {name}"), promise, look).await
}

/// Each look has a channel of its own, since one that fails closes it.
async fn found(
    connection: &Connection,
    config: &BrokerConfig,
    subject: String,
    promise: &'static str,
    look: impl AsyncFnOnce(&Channel) -> lapin::Result<()>,
) -> Finding {
    let channel = match connection.create_channel().await {
        Ok(channel) => channel,
        Err(error) => return Finding::fails(subject, error.to_string(), promise),
    };
    match look(&channel).await {
        Ok(()) => {
            close_channel(&channel).await;
            Finding::holds(subject, "there", promise)
        }
        Err(error) if is_absent(&error) && config.declare => {
            Finding::holds(subject, "absent; the worker declares it when it starts", promise)
        }
        Err(error) if is_absent(&error) => {
            Finding::fails(subject, "absent, and `broker.declare` is off".to_owned(), promise)
        }
        Err(error) => Finding::fails(subject, error.to_string(), promise),
    }
}

fn is_absent(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404)
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
