//! Publishes with confirm and `mandatory`; only a plain acknowledgement counts.
//!
//! Not here: what is published, what follows from a failure; the messages on their way (`under_way`).

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lapin::options::ConfirmSelectOptions;
use lapin::{BasicProperties, Channel, Connection};
use metrics::histogram;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

use super::headers::short;
use super::under_way::{End, Publication, publish_all};

/// A publication that did not get its plain acknowledgement.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The channel or connection is broken.
    #[error("cannot publish to {to}: {error}")]
    Broken {
        /// Exchange and routing key.
        to: String,
        /// lapin's own error.
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

impl PublishError {
    /// The error in a word, for the span of the publication.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Broken { .. } => "broken",
            Self::Refused(_) => "refused",
            Self::Unroutable(_) => "unroutable",
            Self::NotConfirmed(_) => "not-confirmed",
        }
    }
}

/// Publishes on one channel of the publishing connection.
#[derive(Clone, Debug)]
pub struct Publisher {
    channel: Channel,
    publications: mpsc::UnboundedSender<Publication>,
    confirm_timeout: Duration,
    /// Whether the broker has blocked publishers, by a memory or disk alarm.
    blocked: watch::Receiver<bool>,
    /// The time at which the last answered publication began.
    answered: Arc<Mutex<Option<Instant>>>,
}

/// How long after an answered publication the connection counts as knowing of every alarm.
const BELIEVED: Duration = Duration::from_secs(1);

impl Publisher {
    /// Opens a channel with confirms.
    ///
    /// # Errors
    /// The connection is gone.
    pub async fn open(
        connection: &Connection,
        confirm_timeout: Duration,
        blocked: watch::Receiver<bool>,
    ) -> lapin::Result<Self> {
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        let (publications, queue) = mpsc::unbounded_channel();
        // ends when the last copy of this publisher is dropped
        tokio::spawn(publish_all(channel.clone(), queue));
        Ok(Self { channel, publications, confirm_timeout, blocked, answered: Arc::default() })
    }

    /// The channel, for closing it.
    pub fn channel(&self) -> &Channel {
        &self.channel
    }

    /// Publishes and waits until the broker has taken responsibility.
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
        self.begin(exchange, routing_key, properties, body).await
    }

    /// Waits until publishers are not blocked, as far as the broker tells.
    ///
    /// # Errors
    /// The broker does not answer.
    pub async fn until_unblocked(&self) -> Result<(), PublishError> {
        let mut blocked = self.blocked.clone();
        loop {
            // a connection that is gone tells nothing, and does not answer either
            blocked.wait_for(|is_blocked| !is_blocked).await.ok();
            let answered = *self.answered.lock().unwrap_or_else(PoisonError::into_inner);
            if answered.is_some_and(|answered| answered.elapsed() < BELIEVED) {
                return Ok(());
            }
            self.ask_for_alarms().await?;
            // no limit is needed: an alarm would have been told by now
            if !*blocked.borrow() {
                return Ok(());
            }
        }
    }

    /// Publishes two messages to nowhere, one after the other, so that the broker tells of an alarm. RabbitMQ tells
    /// only connections that publish during an alarm. It may still take the first publication, and reads no further
    /// one.
    async fn ask_for_alarms(&self) -> Result<(), PublishError> {
        for _ in 0..2 {
            self.begin_with(false, "", "", BasicProperties::default(), &[]).await?;
        }
        Ok(())
    }

    /// Begins a publication; the future waits until the broker has taken responsibility. Several can be under way, and
    /// the broker takes them in the order in which they were begun.
    pub fn begin<'a>(
        &'a self,
        exchange: &str,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a> {
        self.begin_with(true, exchange, routing_key, properties, body)
    }

    /// Begins a publication. Where it is not mandatory, a message that no queue takes is dropped.
    fn begin_with<'a>(
        &'a self,
        mandatory: bool,
        exchange: &str,
        routing_key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> impl Future<Output = Result<(), PublishError>> + use<'a> {
        let to = format!("`{exchange}` with key `{routing_key}`");
        let began = Instant::now();
        let (told, end) = oneshot::channel();
        let publication = Publication {
            mandatory,
            exchange: short(exchange),
            routing_key: short(routing_key),
            properties,
            body: body.into(),
            told,
        };
        // a task that is gone drops its end of the channel
        self.publications.send(publication).ok();
        async move {
            let end = self.in_time(end).await;
            histogram!("bwp_confirm_seconds").record(began.elapsed());
            if let Some(Ok(End::Taken | End::Returned | End::Refused)) = end {
                let mut answered = self.answered.lock().unwrap_or_else(PoisonError::into_inner);
                *answered = (*answered).max(Some(began));
            }
            match end {
                Some(Ok(End::Taken)) => Ok(()),
                Some(Ok(End::Returned)) => Err(PublishError::Unroutable(to)),
                Some(Ok(End::Refused)) => Err(PublishError::Refused(to)),
                Some(Ok(End::Broken(error))) => Err(PublishError::Broken { to, error }),
                Some(Err(_)) | None => Err(PublishError::NotConfirmed(to)),
            }
        }
    }

    /// Waits for a publication, at most for the confirm timeout. Time during which the broker blocks publishers is not
    /// counted.
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
