//! Moves messages from one queue to another, in their order. Each is confirmed there before it is acknowledged here.
//!
//! Not here: which queues; when they are declared and deleted.

use std::time::Duration;

use futures_util::StreamExt;
use jiff::Timestamp;
use lapin::message::Delivery;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Connection, Consumer};

use crate::broker::config::Names;
use crate::broker::connection::{acknowledge, answered, close_channel, requeue};
use crate::broker::copies::for_hop;
use crate::broker::headers::short;
use crate::broker::publish::{PublishError, Publisher};
use crate::broker::session::inbound::{Circumstances, inbound};
use crate::broker::session::tracking::{Tracked, Tracking};

/// Messages that are copied before the first of them is acknowledged. A kill doubles no more than these.
const BATCH: u16 = 50;
/// A gap in deliveries after which the broker is asked whether there is more.
const QUIET: Duration = Duration::from_millis(50);

/// Why the transfer ended early. All messages are in the one queue or the other, or in both.
#[derive(Debug, thiserror::Error)]
pub enum TransferError {
    /// The connection, or the queue, went away.
    #[error("cannot read `{queue}`: {error}")]
    Lost {
        /// The queue.
        queue: String,
        /// lapin's own error.
        error: lapin::Error,
    },
    /// The broker has ended the consumer, or no longer knows the deliveries.
    #[error("the broker ended the reading of `{0}`: was the queue deleted?")]
    Ended(String),
    /// A copy was not taken.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

/// Reads a queue to its end. Messages that are not acknowledged are held, and requeued with the channel.
#[derive(Debug)]
struct Reader {
    channel: Channel,
    consumer: Consumer,
    queue: String,
}

impl Reader {
    /// Reads a queue, holding no more than `most` messages.
    async fn open(connection: &Connection, queue: &str, most: u16) -> Result<Self, TransferError> {
        let consume = async {
            let channel = connection.create_channel().await?;
            channel.basic_qos(most, BasicQosOptions::default()).await?;
            let (options, arguments) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = channel.basic_consume(short(queue), short(""), options, arguments).await?;
            Ok(Self { channel, consumer, queue: queue.into() })
        };
        answered(consume).await.map_err(|error| TransferError::Lost { queue: queue.into(), error })
    }

    /// The next message; nothing at the end of the queue.
    ///
    /// A broker's count of messages can be old. The queue has ended when `basic.get` gives nothing, twice: deliveries
    /// may still be on their way at the first answer.
    async fn next(&mut self) -> Result<Option<Delivery>, TransferError> {
        let lost = |error| TransferError::Lost { queue: self.queue.clone(), error };
        let mut empty = 0;
        loop {
            match tokio::time::timeout(QUIET, self.consumer.next()).await {
                Ok(Some(delivery)) => return delivery.map(Some).map_err(lost),
                Ok(None) => return Err(TransferError::Ended(self.queue.clone())),
                Err(_quiet) if empty == 2 => return Ok(None),
                Err(_quiet) => {
                    let got = answered(self.channel.basic_get(short(&self.queue), BasicGetOptions::default())).await;
                    let Some(message) = got.map_err(lost)? else {
                        empty += 1;
                        continue;
                    };
                    // The consumer has as many as it may, still on their way. This one comes after them: it goes back to
                    // the front of the queue, and must not be acknowledged together with them.
                    requeue(&message.delivery.acker).await.map_err(lost)?;
                    empty = 0;
                }
            }
        }
    }

    /// The next messages, at most `most`; fewer at the end of the queue.
    async fn batch(&mut self, most: usize) -> Result<Vec<Delivery>, TransferError> {
        let mut batch = Vec::new();
        while batch.len() < most {
            let Some(delivery) = self.next().await? else { break };
            batch.push(delivery);
        }
        Ok(batch)
    }
}

/// Messages that are kept in their queue, and cannot expire, until they are let go.
#[derive(Debug)]
pub(super) struct Held(Vec<Reader>);

impl Held {
    /// Holds all messages of a queue.
    ///
    /// # Errors
    /// The queue or the connection is gone.
    pub(super) async fn all_of(connection: &Connection, queue: &str) -> Result<Self, TransferError> {
        let mut held = Vec::new();
        loop {
            // the most that AMQP can say
            let mut reader = Reader::open(connection, queue, u16::MAX).await?;
            let mut read = 0;
            while read < u16::MAX && reader.next().await?.is_some() {
                read += 1;
            }
            held.push(reader);
            if read < u16::MAX {
                return Ok(Self(held));
            }
        }
    }

    /// Requeues them.
    pub(super) async fn let_go(self) {
        for reader in &self.0 {
            close_channel(&reader.channel).await;
        }
    }
}

/// Copies messages as hops, so that origin and history go with them.
#[derive(Debug)]
pub(super) struct Transfer<'a> {
    /// The connection that reads. It does not publish, since an alarm would delay its acknowledgements.
    reading: &'a Connection,
    publisher: &'a Publisher,
    names: &'a Names,
    clock: Tracking,
    began: Timestamp,
}

impl<'a> Transfer<'a> {
    pub(super) fn new(reading: &'a Connection, publisher: &'a Publisher, names: &'a Names) -> Self {
        let mut clock = Tracking::default();
        let began = clock.now();
        Self { reading, publisher, names, clock, began }
    }

    /// Moves messages until the queue is empty or `most` are moved; returns how many, and tells so meanwhile.
    ///
    /// # Errors
    /// The broker refuses or is gone. Messages that were copied and not yet acknowledged come twice.
    pub(super) async fn run(
        &mut self,
        from: &str,
        to: &str,
        most: usize,
        mut moved_so_far: impl FnMut(usize),
    ) -> Result<usize, TransferError> {
        let mut reader = Reader::open(self.reading, from, BATCH).await?;
        let mut moved = 0;
        loop {
            let batch = reader.batch(usize::from(BATCH).min(most - moved)).await?;
            let Some(last) = batch.last() else { break };
            self.publish(&batch, from, to).await?;
            let acknowledged = acknowledge(&last.acker, BasicAckOptions { multiple: true }).await;
            let acknowledged = acknowledged.map_err(|error| TransferError::Lost { queue: from.into(), error })?;
            if !acknowledged {
                return Err(TransferError::Ended(from.into()));
            }
            moved += batch.len();
            moved_so_far(moved);
        }
        close_channel(&reader.channel).await;
        Ok(moved)
    }

    /// Publishes copies and waits for all confirms.
    async fn publish(&mut self, batch: &[Delivery], from: &str, to: &str) -> Result<(), PublishError> {
        let mut confirms = Vec::new();
        for delivery in batch {
            let copy = self.copy(delivery, from);
            confirms.push(self.publisher.begin("", to, copy, &delivery.data));
        }
        for confirm in confirms {
            confirm.await?;
        }
        Ok(())
    }

    /// Copies a message as a hop. Its first delivery to a worker counts from now or, if it is redelivered, from the
    /// start of the migration.
    fn copy(&mut self, delivery: &Delivery, from: &str) -> BasicProperties {
        let suspect = from == self.names.suspects();
        // the queues of a migration are read by nobody else
        let handled = suspect || (delivery.redelivered && from == self.names.queue);
        let first_taken_at = Some(if delivery.redelivered { self.began } else { self.clock.now() });
        let tracked = Tracked { first_taken_at, ..Tracked::default() };
        let inbound = inbound(delivery, Circumstances { tracked, ..Circumstances::default() });
        let mut history = inbound.history.clone();
        history.outcome_unknown |= handled;
        for_hop(&delivery.properties, &inbound, &history, None)
    }
}
