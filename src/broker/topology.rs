//! Declares exchanges, queues and bindings, so that at no moment a message has nowhere to go.
//!
//! Not here: reading arguments of what others declared.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};
use serde_json::Value;

use super::config::{BrokerConfig, Names};
use super::connection::{answered, close_channel};
use super::headers::{short, text};

/// Deliveries of one message after which the broker itself would dead-letter it. It is never reached.
///
/// The limit is always given, and always with this value. RabbitMQ 4 takes a missing one for 20, and 3.10 takes `-1`
/// for one delivery. A queue declared with another value cannot be declared again.
pub const DELIVERY_LIMIT: i64 = 1_000_000;

/// Why an exchange or queue is not declared.
#[derive(Debug, thiserror::Error)]
pub enum TopologyError {
    /// The broker refused.
    #[error("cannot declare `{name}`: {error}{}", hint(.error))]
    Refused {
        /// The exchange or queue.
        name: String,
        /// lapin's own error.
        error: lapin::Error,
    },
    /// The work queue exists with other arguments, as another version declared it.
    #[error(
        "cannot declare `{name}`: {error}; hint: it exists with another argument, named above, as version 0.1.0 declared \
         it. Stop every worker, then run `bwp-sync migrate`"
    )]
    Outdated {
        /// The work queue.
        name: String,
        /// lapin's own error.
        error: lapin::Error,
    },
    /// A migration was begun and has not ended.
    #[error(
        "`{0}` exists: a migration of the work queue is not finished; hint: stop every worker, then run \
         `bwp-sync migrate` again"
    )]
    Unfinished(String),
}

impl TopologyError {
    pub(super) fn new(name: &str, error: lapin::Error) -> Self {
        Self::Refused { name: name.into(), error }
    }
}

/// Whether the broker refused with this code of AMQP.
pub(super) fn has_code(error: &lapin::Error, code: u16) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == code)
}

/// Why a queue is refused. A full virtual host is refused with the code of other arguments.
fn refused(names: &Names, queue: &str, error: lapin::Error) -> TopologyError {
    if queue == names.queue && has_code(&error, 406) && error.to_string().contains("inequivalent arg") {
        TopologyError::Outdated { name: queue.into(), error }
    } else {
        TopologyError::new(queue, error)
    }
}

/// A hint how to mend a refusal.
fn hint(error: &lapin::Error) -> &'static str {
    if has_code(error, 406) {
        "; hint: it exists with another argument, named above. Drain it, delete it and let this worker declare it, or \
         set `broker.declare = false` and keep it"
    } else if has_code(error, 403) {
        "; hint: the user needs configure, write and read permission on it, or `broker.declare = false`"
    } else {
        ""
    }
}

/// Declares everything, targets before the queues that dead-letter to them.
///
/// # Errors
/// The broker refuses, or a migration of the work queue is not finished: its messages would be overtaken.
pub async fn declare(connection: &Connection, config: &BrokerConfig) -> Result<(), TopologyError> {
    let names = &config.names;
    if look(connection, &names.migration_new()).await?.is_some() {
        return Err(TopologyError::Unfinished(names.migration_new()));
    }
    declare_events(connection, &names.events).await?;
    let channel = named(&names.queue, answered(connection.create_channel()).await)?;
    for exchange in exchanges(names) {
        named(exchange, declare_exchange(&channel, exchange, durable()).await)?;
    }
    for (queue, arguments) in queues(config) {
        let declared = declare_queue(&channel, &queue, arguments).await;
        declared.map_err(|error| refused(names, &queue, error))?;
    }
    for (exchange, key, queue) in bindings(names) {
        bind(&channel, queue, exchange, key).await?;
    }
    close_channel(&channel).await;
    Ok(())
}

pub(super) async fn declare_queue(channel: &Channel, name: &str, arguments: FieldTable) -> lapin::Result<()> {
    answered(channel.queue_declare(short(name), QueueDeclareOptions::durable(), arguments)).await.map(drop)
}

/// A queue's figures.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Look {
    /// Messages that are ready. The number may be an old one.
    pub(super) messages: u32,
    /// Consumers, and others that hold messages.
    pub(super) consumers: u32,
}

/// Looks at a queue. Returns nothing where there is no such queue.
pub(super) async fn look(connection: &Connection, queue: &str) -> Result<Option<Look>, TopologyError> {
    // of its own, since a look that finds nothing closes it
    let channel = named(queue, answered(connection.create_channel()).await)?;
    let options = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    match answered(channel.queue_declare(short(queue), options, FieldTable::default())).await {
        Ok(found) => {
            close_channel(&channel).await;
            Ok(Some(Look { messages: found.message_count(), consumers: found.consumer_count() }))
        }
        Err(error) if has_code(&error, 404) => Ok(None),
        Err(error) => named(queue, Err(error)),
    }
}

/// The work queue as it exists.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum WorkQueue {
    Absent,
    /// With other arguments than this version's.
    Outdated,
    /// As this version declares it.
    Current,
}

/// Looks at the work queue and changes nothing.
pub(super) async fn look_at_work_queue(connection: &Connection, names: &Names) -> Result<WorkQueue, TopologyError> {
    if look(connection, &names.queue).await?.is_none() {
        return Ok(WorkQueue::Absent);
    }
    match declare_work_queue(connection, names).await {
        Ok(()) => Ok(WorkQueue::Current),
        Err(TopologyError::Outdated { .. }) => Ok(WorkQueue::Outdated),
        Err(error) => Err(error),
    }
}

/// Declares the work queue alone, without its bindings.
pub(super) async fn declare_work_queue(connection: &Connection, names: &Names) -> Result<(), TopologyError> {
    let name = &names.queue;
    // of its own, since a refusal closes it
    let channel = named(name, answered(connection.create_channel()).await)?;
    declare_queue(&channel, name, work(names)).await.map_err(|error| refused(names, name, error))?;
    close_channel(&channel).await;
    Ok(())
}

/// Declares the shop's exchange, unless it exists. It is looked for first, on a channel of its own, since a failed look
/// closes the channel.
pub(super) async fn declare_events(connection: &Connection, events: &str) -> Result<(), TopologyError> {
    let channel = named(events, answered(connection.create_channel()).await)?;
    let look = ExchangeDeclareOptions { passive: true, ..durable() };
    match declare_exchange(&channel, events, look).await {
        Ok(()) => close_channel(&channel).await,
        Err(error) if has_code(&error, 404) => {
            let channel = named(events, answered(connection.create_channel()).await)?;
            named(events, declare_exchange(&channel, events, durable()).await)?;
            close_channel(&channel).await;
        }
        Err(error) => return named(events, Err(error)),
    }
    Ok(())
}

fn durable() -> ExchangeDeclareOptions {
    ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() }
}

async fn declare_exchange(channel: &Channel, name: &str, options: ExchangeDeclareOptions) -> lapin::Result<()> {
    answered(channel.exchange_declare(short(name), ExchangeKind::Topic, options, FieldTable::default())).await
}

pub(super) async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), TopologyError> {
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(short(queue), short(exchange), short(key), options, FieldTable::default());
    named(queue, answered(bound).await)
}

fn named<T>(name: &str, result: lapin::Result<T>) -> Result<T, TopologyError> {
    result.map_err(|error| TopologyError::new(name, error))
}

/// All exchanges but the shop's.
pub(super) fn exchanges(names: &Names) -> [&str; 2] {
    [&names.dead, &names.results]
}

/// All queues, in an order in which each one's target comes before it.
pub(super) fn queues(config: &BrokerConfig) -> Vec<(String, FieldTable)> {
    let names = &config.names;
    let mut queues = vec![
        (names.parked(), quorum()),
        (names.dead_letters.clone(), dead_lettering("", Some(&names.parked()))),
        (names.queue.clone(), work(names)),
        (names.tries(), tries()),
    ];
    queues.extend(config.delays.iter().map(|delay| (names.retry(*delay), retry(names, *delay))));
    queues
}

/// All bindings: exchange, routing key, queue.
pub(super) fn bindings(names: &Names) -> impl Iterator<Item = (&str, &str, &str)> {
    let work = names.bindings.iter().map(|key| (names.events.as_str(), key.as_str(), names.queue.as_str()));
    [(names.dead.as_str(), "#", names.dead_letters.as_str())].into_iter().chain(work)
}

/// Names that the worker's user needs, by the verb of the permission: configure, write, read.
pub(super) fn needs(config: &BrokerConfig) -> [(&'static str, Vec<String>); 3] {
    let names = &config.names;
    let exchanges = exchanges(names).map(ToOwned::to_owned);
    let queues = queues(config).into_iter().map(|(name, _)| name);
    let declared: Vec<String> = if config.declare { queues.chain(exchanges.clone()).collect() } else { Vec::new() };
    // the default exchange, which hops go through, is written to under its own name
    let published = exchanges.into_iter().chain(["amq.default".to_owned()]);
    let consumed = [names.queue.clone(), names.tries()].into_iter();
    // a binding writes to the queue and reads from the exchange; so does a declared dead-letter exchange
    let bound = config.declare.then(|| names.events.clone());
    [
        ("configure", declared.clone()),
        ("write", published.chain(declared.clone()).collect()),
        ("read", consumed.chain(declared).chain(bound).collect()),
    ]
}

/// A value of a queue's arguments as JSON, in which the management API shows it.
pub(super) fn argument(value: &AMQPValue) -> Value {
    match value {
        AMQPValue::LongString(text) => Value::String(text.to_string()),
        AMQPValue::LongLongInt(number) => Value::from(*number),
        AMQPValue::Boolean(value) => Value::Bool(*value),
        other => Value::String(format!("{other:?}")),
    }
}

pub(super) fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(short("x-queue-type"), text("quorum"));
    arguments.insert(short("x-delivery-limit"), AMQPValue::LongLongInt(DELIVERY_LIMIT));
    arguments
}

/// Arguments of a queue that dead-letters at least once. By the default strategy a message whose target is missing is
/// gone.
fn dead_lettering(exchange: &str, routing_key: Option<&str>) -> FieldTable {
    let mut arguments = quorum();
    arguments.insert(short("x-dead-letter-exchange"), text(exchange));
    if let Some(key) = routing_key {
        arguments.insert(short("x-dead-letter-routing-key"), text(key));
    }
    arguments.insert(short("x-dead-letter-strategy"), text("at-least-once"));
    // without this the strategy silently falls back
    arguments.insert(short("x-overflow"), text("reject-publish"));
    arguments
}

/// Arguments of the work queue. The broker feeds one of its consumers; the others stand by.
fn work(names: &Names) -> FieldTable {
    let mut arguments = dead_lettering(&names.dead, None);
    arguments.insert(short("x-single-active-consumer"), AMQPValue::Boolean(true));
    arguments
}

/// Arguments of the queue of records. A record expires after a day: a message that it is about is redelivered within
/// seconds.
fn tries() -> FieldTable {
    const DAY: i64 = 24 * 3600 * 1000;
    let mut arguments = quorum();
    arguments.insert(short("x-message-ttl"), AMQPValue::LongLongInt(DAY));
    arguments
}

/// Arguments of a retry queue, which dead-letters to the work queue after its one delay.
fn retry(names: &Names, delay: std::time::Duration) -> FieldTable {
    let mut arguments = dead_lettering("", Some(&names.queue));
    let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    arguments.insert(short("x-message-ttl"), AMQPValue::LongLongInt(millis));
    arguments
}
