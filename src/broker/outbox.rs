//! Publishes a few messages from a command, over a connection of its own.
//!
//! Not here: consuming; which messages.

use lapin::{BasicProperties, Connection};
use tokio::sync::watch;

use super::config::BrokerConfig;
use super::connection::{Frame, OpenError, close, close_channel, open};
use super::headers::short;
use super::publish::{PublishError, Publisher};
use super::topology::{TopologyError, declare};

/// A connection that publishes for a command.
#[derive(Debug)]
pub struct Outbox {
    connection: Connection,
    publisher: Publisher,
}

/// Why a command cannot publish.
#[derive(Debug, thiserror::Error)]
pub enum OutboxError {
    /// No connection.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The targets cannot be declared.
    #[error(transparent)]
    Topology(#[from] TopologyError),
    /// No channel.
    #[error("cannot open a channel: {0}")]
    Channel(#[from] lapin::Error),
}

impl Outbox {
    /// Connects, and declares the targets, unless the settings leave that to others.
    ///
    /// # Errors
    /// The broker refuses, or the way to it is lost.
    pub async fn open(config: &BrokerConfig) -> Result<Self, OutboxError> {
        let connection = open(config, "bwp-sync command", Frame::Small).await?;
        if config.declare {
            declare(&connection, config).await?;
        }
        // an alarm shows as a publication that is not confirmed in time
        let (_, never_blocked) = watch::channel(false);
        let publisher = Publisher::open(&connection, config.confirm_timeout, never_blocked).await?;
        Ok(Self { connection, publisher })
    }

    /// Publishes one message and waits for its confirm.
    ///
    /// # Errors
    /// Anything but a plain acknowledgement.
    pub async fn publish(
        &self,
        exchange: &str,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), PublishError> {
        self.publisher.publish(exchange, routing_key, properties, body).await
    }

    /// The publisher, for several publications under way at the same time.
    pub fn publisher(&self) -> &Publisher {
        &self.publisher
    }

    /// Closes the connection.
    pub async fn close(self) {
        close_channel(self.publisher.channel()).await;
        close(&self.connection).await;
    }
}

/// Properties of a structured CloudEvent with this id.
pub fn event_properties(id: &str) -> BasicProperties {
    BasicProperties::default()
        .with_content_type("application/cloudevents+json".into())
        .with_delivery_mode(2)
        .with_message_id(short(id))
}

/// Properties of a JSON body without an id, as of a shop that publishes its own.
pub fn json_properties() -> BasicProperties {
    BasicProperties::default().with_content_type("application/json".into()).with_delivery_mode(2)
}
