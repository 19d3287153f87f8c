//! Declares exchanges, queues and bindings, so that at no moment a message has nowhere to go.
//!
//! Not here: reading arguments of what others declared.

use lapin::options::{ExchangeDeclareOptions, QueueBindOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind, ExchangeKind};

use super::config::{BrokerConfig, Names};
use super::connection::close_channel;
use super::short;

/// Deliveries of one message after which the broker itself would dead-letter it: never reached.
///
/// Always the same, and always given: left out it means 20 on RabbitMQ 4, `-1` means gone at the
/// second delivery on 3.10, and a queue declared with another value cannot be declared again.
pub const DELIVERY_LIMIT: i64 = 1_000_000;

/// A declaration was refused.
#[derive(Debug, thiserror::Error)]
#[error("cannot declare `{name}`: {error}{}", hint(.error))]
pub struct TopologyError {
    name: String,
    error: lapin::Error,
}

impl TopologyError {
    pub(super) fn new(name: &str, error: lapin::Error) -> Self {
        Self { name: name.into(), error }
    }
}

/// What to do about a refusal.
fn hint(error: &lapin::Error) -> &'static str {
    match error.kind() {
        ErrorKind::ProtocolError(amqp) if amqp.get_id() == 406 => {
            "; hint: it exists with another argument, named above. Drain it, delete it and let this worker declare it, \
             or set `broker.declare = false` and keep it"
        }
        ErrorKind::ProtocolError(amqp) if amqp.get_id() == 403 => {
            "; hint: the user needs configure, write and read permission on it, or `broker.declare = false`"
        }
        _ => "",
    }
}

/// Declares everything, targets before the queues that dead-letter to them.
pub async fn declare(connection: &Connection, config: &BrokerConfig) -> Result<(), TopologyError> {
    let names = &config.names;
    declare_events(connection, &names.events).await?;
    let channel = named(&names.queue, connection.create_channel().await)?;
    for exchange in exchanges(names) {
        named(exchange, declare_exchange(&channel, exchange, durable()).await)?;
    }
    for (queue, arguments) in queues(config) {
        let declared = channel.queue_declare(short(&queue), QueueDeclareOptions::durable(), arguments).await;
        named(&queue, declared)?;
    }
    bind(&channel, &names.dead_letters, &names.dead, "#").await?;
    for key in &names.bindings {
        bind(&channel, &names.queue, &names.events, key).await?;
    }
    close_channel(&channel).await;
    Ok(())
}

/// The shop's exchange is the shop's: looked for first, on a channel of its own since a failed look closes it.
async fn declare_events(connection: &Connection, events: &str) -> Result<(), TopologyError> {
    let channel = named(events, connection.create_channel().await)?;
    let look = ExchangeDeclareOptions { passive: true, ..durable() };
    match declare_exchange(&channel, events, look).await {
        Ok(()) => close_channel(&channel).await,
        Err(error) if matches!(error.kind(), ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404) => {
            let channel = named(events, connection.create_channel().await)?;
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
    channel.exchange_declare(short(name), ExchangeKind::Topic, options, FieldTable::default()).await
}

async fn bind(channel: &Channel, queue: &str, exchange: &str, key: &str) -> Result<(), TopologyError> {
    let options = QueueBindOptions::default();
    let bound = channel.queue_bind(short(queue), short(exchange), short(key), options, FieldTable::default()).await;
    named(queue, bound)
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

fn quorum() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert(short("x-queue-type"), text("quorum"));
    arguments.insert(short("x-delivery-limit"), AMQPValue::LongLongInt(DELIVERY_LIMIT));
    arguments
}

/// At least once: by the default strategy a message whose target is missing at that moment is gone.
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

/// The broker feeds one of its consumers; the others stand by.
fn work(names: &Names) -> FieldTable {
    let mut arguments = dead_lettering(&names.dead, None);
    arguments.insert(short("x-single-active-consumer"), AMQPValue::Boolean(true));
    arguments
}

/// A record that nobody needs any more goes after a day: a message that it is about comes again within seconds.
fn tries() -> FieldTable {
    const DAY: i64 = 24 * 3600 * 1000;
    let mut arguments = quorum();
    arguments.insert(short("x-message-ttl"), AMQPValue::LongLongInt(DAY));
    arguments
}

/// Waiting is dead-lettering back to the work queue when the queue's one and only delay is over.
fn retry(names: &Names, delay: std::time::Duration) -> FieldTable {
    let mut arguments = dead_lettering("", Some(&names.queue));
    let millis = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    arguments.insert(short("x-message-ttl"), AMQPValue::LongLongInt(millis));
    arguments
}

pub(super) fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}
