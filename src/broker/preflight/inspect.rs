//! Looks whether a broker is ready for the worker, and changes nothing.
//!
//! Not here: declaring; how findings are shown.

use lapin::options::{BasicGetOptions, ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use lapin::{BasicProperties, Channel, Connection, ExchangeKind};
use secrecy::ExposeSecret;
use tokio::sync::watch;

use super::management::{Management, ManagementError, Permissions, QueueConsumer};
use crate::broker::config::BrokerConfig;
use crate::broker::connection::{Frame, close, close_channel, open};
use crate::broker::headers::short;
use crate::broker::publish::Publisher;
use crate::broker::topology::{argument, exchanges, has_code, needs, queues};
use crate::ports::Finding;
use crate::secret::Secret;

/// The promise that needs a publishing connection.
const CONFIRMED: &str = "results and letters are confirmed before a message is acknowledged";
const NOTHING_LOST: &str = "every message ends as a result, a letter, or still in a queue";
const IN_ORDER: &str = "one order's messages are handled one at a time, in the order of publication";
const RETRIES: &str = "what fails for a while is tried again later";
const LETTERS: &str = "what cannot be done is kept with its code";
const RESULTS: &str = "what became of a message is told";

/// Reads all that the worker needs of the broker.
pub async fn inspect(config: &BrokerConfig) -> Vec<Finding> {
    let connection = match open(config, "bwp-sync check", Frame::Small).await {
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
    findings.extend(beyond_amqp(config).await);
    close(&connection).await;
    findings
}

/// Publishes to an exclusive queue, as results and letters are published, and reads the message again.
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

/// Findings from the management API alone.
async fn beyond_amqp(config: &BrokerConfig) -> Vec<Finding> {
    const ARGUMENTS: &str = "queue arguments";
    const PERMISSIONS: &str = "permissions";
    const ACTIVE: &str = "active worker";
    let unknown = |why: &str| {
        let mut findings = [ARGUMENTS, PERMISSIONS].map(|what| Finding::unknown(what, why, NOTHING_LOST)).to_vec();
        findings.push(Finding::unknown(ACTIVE, why, IN_ORDER));
        findings
    };
    let Some(address) = &config.management else {
        return unknown("AMQP does not show them: set `broker.management_uri`");
    };
    let (ca, address) = (config.tls.ca.as_ref().map(Secret::read), address.read());
    let management = match Management::new(&address, ca.as_ref()) {
        Ok(management) => management,
        Err(error) => return unknown(&error.to_string()),
    };
    let version = match management.version().await {
        Ok(version) => Finding::holds("broker version", version, NOTHING_LOST),
        Err(error) => return unknown(&format!("the management API does not answer: {error}")),
    };
    let Ok(uri) = config.uri.read().expose_secret().parse::<AMQPUri>() else {
        return unknown("`broker.uri` is not an AMQP address");
    };
    let arguments = match wrong_arguments(&management, config, &uri.vhost).await {
        Ok(wrong) if wrong.is_empty() => Finding::holds(ARGUMENTS, "as this version declares them", NOTHING_LOST),
        Ok(wrong) => Finding::fails(ARGUMENTS, wrong.join("; "), NOTHING_LOST),
        Err(error) => Finding::unknown(ARGUMENTS, error.to_string(), NOTHING_LOST),
    };
    let permissions = match management.permissions(&uri.vhost, &uri.authority.userinfo.username).await {
        Ok(Some(permissions)) => match missing(&permissions, config) {
            missing if missing.is_empty() => Finding::holds(PERMISSIONS, "configure, write and read", NOTHING_LOST),
            missing => Finding::fails(PERMISSIONS, missing.join("; "), NOTHING_LOST),
        },
        Ok(None) => Finding::fails(PERMISSIONS, "none in this virtual host", NOTHING_LOST),
        Err(error) => Finding::unknown(PERMISSIONS, error.to_string(), NOTHING_LOST),
    };
    let active = match management.consumers(&uri.vhost, &config.names.queue).await {
        Ok(consumers) => Finding::holds(ACTIVE, active_of(&consumers), IN_ORDER),
        Err(error) => Finding::unknown(ACTIVE, error.to_string(), IN_ORDER),
    };
    vec![version, arguments, permissions, active]
}

/// The active consumer and those that stand by, by their tags.
fn active_of(consumers: &[QueueConsumer]) -> String {
    let tags = |active| {
        let tags = consumers.iter().filter(|consumer| consumer.active == active);
        tags.map(|consumer| consumer.tag.as_str()).collect::<Vec<_>>().join(", ")
    };
    match (tags(true), tags(false)) {
        (active, standbys) if active.is_empty() && standbys.is_empty() => "none: no worker consumes".to_owned(),
        (active, standbys) if standbys.is_empty() => format!("{active}; no standby"),
        (active, standbys) => format!("{active}; standing by: {standbys}"),
    }
}

/// Existing queues whose arguments differ from those of this version.
async fn wrong_arguments(
    management: &Management,
    config: &BrokerConfig,
    vhost: &str,
) -> Result<Vec<String>, ManagementError> {
    let mut wrong = Vec::new();
    for (queue, expected) in queues(config) {
        let Some(found) = management.arguments(vhost, &queue).await? else { continue };
        for (name, value) in expected.inner() {
            let expected = as_text(&argument(value));
            let found = found.get(name.as_str()).map_or_else(|| "absent".to_owned(), as_text);
            if found != expected {
                wrong.push(format!("{queue}: {name} is {found}, expected {expected}"));
            }
        }
    }
    Ok(wrong)
}

/// A text as it is, other values as they are written.
fn as_text(value: &serde_json::Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

/// Permissions that the worker needs and the user lacks.
fn missing(permissions: &Permissions, config: &BrokerConfig) -> Vec<String> {
    let mut missing = Vec::new();
    let patterns = [&permissions.configure, &permissions.write, &permissions.read];
    for ((verb, needed), pattern) in needs(config).into_iter().zip(patterns) {
        // RabbitMQ's expressions are PCRE; one that this engine does not know is not judged
        let Ok(pattern) = regex::Regex::new(pattern) else { continue };
        let mut lacking: Vec<_> = needed.into_iter().filter(|name| !pattern.is_match(name)).collect();
        lacking.sort();
        lacking.dedup();
        missing.extend(lacking.iter().map(|name| format!("no {verb} on {name}")));
    }
    missing
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

/// Runs one look on a channel of its own, since a look that fails closes it.
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
        Err(error) if has_code(&error, 404) && config.declare => {
            Finding::holds(subject, "absent; the worker declares it when it starts", promise)
        }
        Err(error) if has_code(&error, 404) => {
            Finding::fails(subject, "absent, and `broker.declare` is off".to_owned(), promise)
        }
        Err(error) => Finding::fails(subject, error.to_string(), promise),
    }
}

fn said(error: impl std::fmt::Display) -> String {
    error.to_string()
}
