//! Publishes with confirm and `mandatory`; only a plain acknowledgement counts.
//!
//! Not here: what is published, what follows from a failure.

use std::time::Duration;

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use metrics::histogram;
use tokio::sync::watch;
use tokio::time::Instant;

use super::short;

/// A publication that did not get its plain acknowledgement.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The channel or connection is broken.
    #[error("cannot publish to {to}: {error}")]
    Broken {
        /// Exchange and routing key.
        to: String,
        /// What lapin says.
        error: lapin::Error,
    },
    /// The broker refused to take responsibility.
    #[error("the broker refused a message to {0}")]
    Refused(String),
    /// No queue is bound.
    #[error("no queue takes messages to {0}")]
    Unroutable(String),
    /// No confirm came in time, though the broker was not blocked.
    #[error("no confirm for a message to {0} in time")]
    NotConfirmed(String),
}

/// Publishes on one channel of the publishing connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    channel: Channel,
    confirm_timeout: Duration,
    /// Whether the broker has blocked publishers, by a memory or disk alarm.
    blocked: watch::Receiver<bool>,
}

impl Publisher {
    /// Opens a channel with confirms.
    pub async fn open(
        connection: &Connection,
        confirm_timeout: Duration,
        blocked: watch::Receiver<bool>,
    ) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok(Self { channel, confirm_timeout, blocked })
    }

    /// The channel, for closing it.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Publishes and waits until the broker has taken responsibility.
    pub async fn publish(
        &self,
        exchange: &str,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), PublishError> {
        self.begin(exchange, routing_key, properties, body).await?.await
    }

    /// Publishes; what is returned waits until the broker has taken responsibility. Several can be under way, and the
    /// broker takes them in the order in which they were begun.
    pub async fn begin<'a>(
        &'a self,
        exchange: &str,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<impl Future<Output = Result<(), PublishError>> + use<'a>, PublishError> {
        let to = format!("`{exchange}` with key `{routing_key}`");
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let began = Instant::now();
        let publishing = self.channel.basic_publish(short(exchange), short(routing_key), options, body, properties);
        let confirm = match self.in_time(publishing).await {
            Some(Ok(confirm)) => confirm,
            Some(Err(error)) => return Err(PublishError::Broken { to, error }),
            None => return Err(PublishError::NotConfirmed(to)),
        };
        Ok(async move {
            let confirmed = self.in_time(confirm).await;
            histogram!("bwp_confirm_seconds").record(began.elapsed());
            match confirmed {
                Some(Ok(Confirmation::Ack(None))) => Ok(()),
                // the same acknowledgement, with the message in it: it went nowhere
                Some(Ok(Confirmation::Ack(Some(_returned)))) => Err(PublishError::Unroutable(to)),
                Some(Ok(Confirmation::Nack(_) | Confirmation::NotRequested)) => Err(PublishError::Refused(to)),
                Some(Err(error)) => Err(PublishError::Broken { to, error }),
                None => Err(PublishError::NotConfirmed(to)),
            }
        })
    }

    /// Waits for so long as the confirm timeout allows; the time during which the broker is blocked is not counted.
    async fn in_time<T>(&self, publication: impl Future<Output = T>) -> Option<T> {
        let mut blocked = self.blocked.clone();
        tokio::pin!(publication);
        loop {
            let is_blocked = *blocked.borrow_and_update();
            tokio::select! {
                done = &mut publication => return Some(done),
                () = tokio::time::sleep(self.confirm_timeout), if !is_blocked => return None,
                changed = blocked.changed() => if changed.is_err() {
                    // the connection's events have ended, and with them the connection
                    return tokio::time::timeout(self.confirm_timeout, publication).await.ok();
                }
            }
        }
    }
}
