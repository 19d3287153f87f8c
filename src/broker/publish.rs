//! Publishes with confirm and `mandatory`; only a plain acknowledgement counts.
//!
//! Not here: what is published, what follows from a failure.
//!
//! The broker returns a message that no queue takes, and then confirms it. But lapin flights a returned message to
//! whichever confirm comes next on the channel. Each publication has a number in a header, by which a return finds its
//! own.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::headers::{own, short};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::message::BasicReturnMessage;
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, Connection};
use metrics::histogram;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

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

/// A message to publish, and the channel that its end is told by.
#[derive(Debug)]
struct Publication {
    mandatory: bool,
    exchange: ShortString,
    routing_key: ShortString,
    properties: BasicProperties,
    body: Vec<u8>,
    told: oneshot::Sender<End>,
}

/// The end of a publication.
#[derive(Debug)]
enum End {
    Taken,
    Returned,
    Refused,
    Broken(lapin::Error),
}

/// Publishes, and reads the confirms. A return comes with the confirm of its own publication, or with another one that
/// was resolved no later. Therefore all confirms that have come are read before any end is told. None is read while a
/// message is on its way out.
async fn publish_all(channel: Channel, mut publications: mpsc::UnboundedReceiver<Publication>) {
    let mut confirms = FuturesUnordered::new();
    let (mut told, mut returned) = (HashMap::new(), HashSet::new());
    let mut number = 0;
    loop {
        tokio::select! {
            Some(first) = confirms.next() => {
                let mut read: Vec<(i64, lapin::Result<Confirmation>)> = vec![first];
                while let Some(Some(next)) = confirms.next().now_or_never() {
                    read.push(next);
                }
                for (number, confirm) in &read {
                    returned.extend(return_in(*number, confirm));
                }
                for (number, confirm) in read {
                    let end = end_of(confirm, returned.remove(&number));
                    if let Some(told) = told.remove(&number) {
                        let told: oneshot::Sender<End> = told;
                        // nobody waits for it any more
                        told.send(end).ok();
                    }
                }
            }
            publication = publications.recv() => {
                let Some(publication) = publication else { return };
                number += 1;
                let Publication { mandatory, exchange, routing_key, properties, body, told: tell } = publication;
                let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
                let properties = numbered(properties, number);
                match channel.basic_publish(exchange, routing_key, options, &body, properties).await {
                    Ok(confirm) => {
                        told.insert(number, tell);
                        confirms.push(async move { (number, confirm.await) });
                    }
                    Err(error) => drop(tell.send(End::Broken(error))),
                }
            }
        }
    }
}

/// The number of the publication whose return this confirm carries; the confirm's own one where the return has none.
fn return_in(number: i64, confirm: &lapin::Result<Confirmation>) -> Option<i64> {
    match confirm {
        Ok(Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message))) => {
            Some(number_of(message).unwrap_or(number))
        }
        Ok(Confirmation::Ack(None) | Confirmation::Nack(None) | Confirmation::NotRequested) | Err(_) => None,
    }
}

fn end_of(confirm: lapin::Result<Confirmation>, is_returned: bool) -> End {
    match confirm {
        Ok(Confirmation::Ack(_)) if is_returned => End::Returned,
        Ok(Confirmation::Ack(_)) => End::Taken,
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => End::Refused,
        Err(error) => End::Broken(error),
    }
}

fn numbered(properties: BasicProperties, number: i64) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(own::PUBLICATION.into(), AMQPValue::LongLongInt(number));
    properties.with_headers(headers)
}

fn number_of(message: &BasicReturnMessage) -> Option<i64> {
    let headers: &FieldTable = message.properties.headers().as_ref()?;
    match headers.inner().get(own::PUBLICATION)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::*;

    /// A confirm that carries the return of this publication.
    fn with_return_of(number: i64) -> lapin::Result<Confirmation> {
        let mut delivery = Delivery::mock(0, "".into(), "key".into(), false, Vec::new());
        delivery.properties = numbered(BasicProperties::default(), number);
        Ok(Confirmation::Ack(Some(BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() })))
    }

    #[test]
    fn a_return_is_that_of_the_publication_whose_number_it_has() {
        assert_eq!(return_in(1, &with_return_of(3)), Some(3));
        assert_eq!(return_in(1, &with_return_of(1)), Some(1));
        assert_eq!(return_in(1, &Ok(Confirmation::Ack(None))), None);
        let without_number = BasicReturnMessage {
            delivery: Delivery::mock(0, "".into(), "key".into(), false, Vec::new()),
            reply_code: 312,
            reply_text: "NO_ROUTE".into(),
        };
        assert_eq!(return_in(1, &Ok(Confirmation::Ack(Some(without_number)))), Some(1));
        assert!(matches!(end_of(with_return_of(3), false), End::Taken));
        assert!(matches!(end_of(Ok(Confirmation::Ack(None)), true), End::Returned));
    }
}
