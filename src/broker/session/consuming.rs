//! The consuming side of a session: one connection with one consumer, for as long as the session lasts.
//!
//! Not here: what is done with a delivery.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};

use crate::broker::config::BrokerConfig;
use crate::broker::connection::{Wire, give_back};
use crate::broker::headers::short;

/// Why no more deliveries come.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsumerError {
    /// The broker refuses the consumer, or the way to it is lost.
    #[error("cannot consume `{queue}`: {error}")]
    Failed {
        /// The queue.
        queue: String,
        /// lapin's own error.
        error: lapin::Error,
    },
    /// The broker does not answer, as where the queue has no leader.
    #[error("the broker does not answer while a session is set up: has `{0}` a leader?")]
    Unanswered(String),
    /// The broker has ended it.
    #[error("the broker cancelled the consumer of `{0}`: was the queue deleted?")]
    Cancelled(String),
}

/// Why this worker may no longer be the active one.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookError {
    /// The way to the broker is lost, or the queue is.
    #[error("the broker does not say whether the consumer is registered: {0}")]
    Unanswered(#[from] lapin::Error),
    /// A node that is cut off from the queue's leader answers, and counts no consumer. Another worker may be the active
    /// one by now.
    #[error("the broker counts no consumer of the queue: is its node cut off from the others?")]
    NotCounted,
}

/// The one consumer of a session. Its prefetch never changes: a smaller one would break the order at a hand-over.
#[derive(Debug)]
pub(super) struct Consuming {
    connection: Connection,
    wire: Wire,
    queue: String,
    consumer: Consumer,
    /// Kept open until the connection is closed.
    _channel: Channel,
    /// A channel for looks alone: a queue that is gone closes the channel that asks for it.
    looks: Channel,
    /// The time until which this worker counts as the active one.
    pub(super) calls_until: watch::Sender<Instant>,
    heartbeat: Duration,
}

impl Consuming {
    /// Registers the consumer within this time. The broker feeds it when it feeds no other one.
    ///
    /// # Errors
    /// The broker refuses, or does not answer; the connection is closed then.
    pub(super) async fn begin(
        connection: Connection,
        wire: Wire,
        config: &BrokerConfig,
        within: Duration,
    ) -> Result<Self, ConsumerError> {
        let asked = Instant::now();
        let queue = config.names.queue.clone();
        let error = match timeout(within, register(&connection, config)).await {
            Ok(Ok((_channel, consumer, looks))) => {
                let (calls_until, _) = watch::channel(valid_until(asked, config.heartbeat));
                let heartbeat = config.heartbeat;
                return Ok(Self { connection, wire, queue, consumer, _channel, looks, calls_until, heartbeat });
            }
            Ok(Err(error)) => ConsumerError::Failed { queue, error },
            Err(_elapsed) => ConsumerError::Unanswered(queue),
        };
        give_back(&connection, &wire).await;
        Err(error)
    }

    /// The next delivery. A wait that is cancelled loses no delivery.
    ///
    /// # Errors
    /// No more deliveries come.
    pub(super) async fn next(&mut self) -> Result<Delivery, ConsumerError> {
        match self.consumer.next().await {
            None => Err(ConsumerError::Cancelled(self.queue.clone())),
            Some(Err(error)) => Err(ConsumerError::Failed { queue: self.queue.clone(), error }),
            Some(Ok(delivery)) => Ok(delivery),
        }
    }

    /// A repeated look at the consumer, over its own connection.
    pub(super) fn look(&self) -> Look {
        Look {
            channel: self.looks.clone(),
            queue: self.queue.clone(),
            calls_until: self.calls_until.clone(),
            heartbeat: self.heartbeat,
        }
    }

    /// Gives back all unacknowledged messages, in their order.
    pub(super) async fn give_back(self) {
        give_back(&self.connection, &self.wire).await;
    }
}

/// Registers the consumer after its prefetch, in this order every time.
async fn register(connection: &Connection, config: &BrokerConfig) -> lapin::Result<(Channel, Consumer, Channel)> {
    // before there is a consumer, which must not be dropped while the connection is open
    let looks = connection.create_channel().await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(config.prefetch, BasicQosOptions::default()).await?;
    let (queue, tag) = (short(&config.names.queue), short(&tag(config)));
    let consumer = channel.basic_consume(queue, tag, BasicConsumeOptions::default(), FieldTable::default()).await?;
    Ok((channel, consumer, looks))
}

/// The consumer tag: the setting, or else the host's name, which is the pod's in Kubernetes.
fn tag(config: &BrokerConfig) -> String {
    match config.consumer_tag.as_str() {
        "" => rustix::system::uname().nodename().to_string_lossy().into_owned(),
        tag => tag.to_owned(),
    }
}

/// The time until which an answered look counts: one and a half heartbeats. The broker takes a silent client for dead
/// after two.
fn valid_until(asked: Instant, heartbeat: Duration) -> Instant {
    asked + heartbeat * 3 / 2
}

/// Asks whether the consumer is still registered.
pub(super) struct Look {
    channel: Channel,
    queue: String,
    calls_until: watch::Sender<Instant>,
    heartbeat: Duration,
}

impl Look {
    /// Prolongs [`Consuming::calls_until`] while the broker answers. Returns when it does not.
    pub(super) async fn repeat(self) -> LookError {
        loop {
            let asked = Instant::now();
            let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
            match self.channel.queue_declare(short(&self.queue), passive, FieldTable::default()).await {
                Ok(queue) if queue.consumer_count() > 0 => {
                    self.calls_until.send_replace(valid_until(asked, self.heartbeat));
                }
                // a leader that is busy for a quarter of a second gives this answer, too
                Ok(_) if Instant::now() < *self.calls_until.borrow() => {}
                Ok(_) => return LookError::NotCounted,
                Err(error) => return error.into(),
            }
            sleep_until(asked + self.heartbeat / 2).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The broker feeds another worker no sooner than after two heartbeats.
    #[test]
    fn an_answer_counts_for_longer_than_the_time_to_the_next_one_and_shorter_than_the_broker_waits() {
        let (asked, heartbeat) = (Instant::now(), Duration::from_secs(10));
        let counts = valid_until(asked, heartbeat) - asked;
        assert!(counts > heartbeat / 2 && counts < heartbeat * 2, "{counts:?}");
    }
}
