//! The two consumers of a session, of the work queue and of the suspects, and how many deliveries they may hold.
//!
//! Not here: what is done with a delivery; when to take fewer.

use std::future::pending;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer};

use super::config::BrokerConfig;
use super::connection::close_channel;
use super::short;

/// A broker that does not answer must not use up the time that calls under way have.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Why nothing comes any more.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConsumerError {
    /// The broker does not let us consume, or the way to it is lost.
    #[error("cannot consume `{queue}`: {error}")]
    Failed {
        /// The queue.
        queue: String,
        /// What lapin says.
        error: lapin::Error,
    },
    /// The broker has ended it.
    #[error("the broker cancelled the consumer of `{0}`: was the queue deleted?")]
    Cancelled(String),
}

/// A delivery, and where it comes from.
#[derive(Debug)]
pub(super) struct Taken {
    /// The delivery.
    pub(super) delivery: Delivery,
    /// The queue.
    pub(super) queue: String,
    /// Whether that is the queue of suspects.
    pub(super) suspect: bool,
}

/// Both consumers, each on a channel of its own that stays open while they come and go: what was delivered on it can be
/// acknowledged also when its consumer is gone.
#[derive(Debug)]
pub(super) struct Consumers {
    work: Queue,
    suspects: Queue,
}

#[derive(Debug)]
struct Queue {
    name: String,
    suspect: bool,
    /// It never holds more.
    most: u16,
    channel: Channel,
    consumer: Option<Consumer>,
}

impl Consumers {
    /// Channels without consumers yet.
    ///
    /// # Errors
    /// The connection is gone.
    pub(super) async fn open(connection: &Connection, config: &BrokerConfig) -> lapin::Result<Self> {
        let queue = async |name, suspect, most| {
            let channel = connection.create_channel().await?;
            Ok::<_, lapin::Error>(Queue { name, suspect, most, channel, consumer: None })
        };
        Ok(Self {
            work: queue(config.names.queue.clone(), false, config.prefetch).await?,
            suspects: queue(config.names.suspects(), true, 1).await?,
        })
    }

    /// Consumes with this prefetch. Suspects are never more than one.
    ///
    /// # Errors
    /// The broker does not let us.
    pub(super) async fn resume(&mut self, prefetch: u16) -> Result<(), ConsumerError> {
        self.work.resume(prefetch).await?;
        self.suspects.resume(prefetch).await
    }

    /// Consumes no more. Returns what has been delivered by then.
    ///
    /// # Errors
    /// The way to the broker is lost.
    pub(super) async fn pause(&mut self) -> Result<Vec<Taken>, ConsumerError> {
        let mut rest = self.work.pause().await?;
        rest.append(&mut self.suspects.pause().await?);
        Ok(rest)
    }

    /// The next delivery. Never comes while nothing is consumed. Nothing is lost when it is not waited for.
    ///
    /// # Errors
    /// None comes any more.
    pub(super) async fn next(&mut self) -> Result<Taken, ConsumerError> {
        tokio::select! {
            next = self.work.next() => next,
            next = self.suspects.next() => next,
        }
    }

    /// Consumes no more; what has been delivered stays where it is.
    pub(super) async fn cancel(&self) {
        for queue in [&self.work, &self.suspects] {
            let Some(consumer) = &queue.consumer else { continue };
            let cancelling = queue.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default());
            if !matches!(tokio::time::timeout(CANCEL_TIMEOUT, cancelling).await, Ok(Ok(()))) {
                tracing::warn!("cannot cancel a consumer; its messages go back when the connection closes");
            }
        }
    }

    /// Gives back what is not acknowledged.
    pub(super) async fn close(&self) {
        close_channel(&self.work.channel).await;
        close_channel(&self.suspects.channel).await;
    }
}

impl Queue {
    /// The prefetch comes first, every time.
    async fn resume(&mut self, prefetch: u16) -> Result<(), ConsumerError> {
        let (channel, options, arguments) = (&self.channel, BasicConsumeOptions::default(), FieldTable::default());
        let consumer = async {
            channel.basic_qos(prefetch.min(self.most), BasicQosOptions::default()).await?;
            channel.basic_consume(short(&self.name), short(""), options, arguments).await
        };
        self.consumer = Some(consumer.await.map_err(|error| self.failed(error))?);
        Ok(())
    }

    async fn pause(&mut self) -> Result<Vec<Taken>, ConsumerError> {
        let mut rest = Vec::new();
        let Some(mut consumer) = self.consumer.take() else { return Ok(rest) };
        let cancelled = self.channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await;
        cancelled.map_err(|error| self.failed(error))?;
        while let Some(delivery) = consumer.next().await {
            rest.push(self.taken(delivery.map_err(|error| self.failed(error))?));
        }
        Ok(rest)
    }

    async fn next(&mut self) -> Result<Taken, ConsumerError> {
        let Some(consumer) = &mut self.consumer else { return pending().await };
        match consumer.next().await {
            None => Err(ConsumerError::Cancelled(self.name.clone())),
            Some(Err(error)) => Err(self.failed(error)),
            Some(Ok(delivery)) => Ok(self.taken(delivery)),
        }
    }

    fn taken(&self, delivery: Delivery) -> Taken {
        Taken { delivery, queue: self.name.clone(), suspect: self.suspect }
    }

    fn failed(&self, error: lapin::Error) -> ConsumerError {
        ConsumerError::Failed { queue: self.name.clone(), error }
    }
}
