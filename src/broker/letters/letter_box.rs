//! The queues of dead letters: read in one pass, held meanwhile, and requeued in their order.
//!
//! Not here: which letters are wanted; publishing.

use std::pin::{Pin, pin};
use std::time::Duration;

use lapin::message::{BasicGetMessage, Delivery, DeliveryResult};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer, ConsumerDelegate};
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use super::letter::{Place, StoredLetter, Words};
use crate::broker::config::{BrokerConfig, Names};
use crate::broker::connection::{
    ANSWER_WITHIN, Frame, OpenError, answered, close, close_channel, is_unanswered, open, unanswered,
};
use crate::broker::headers::short;
use crate::broker::topology::has_code;

/// Letters that one channel may hold: the largest prefetch of AMQP. They are requeued in their order when it closes.
const HELD_BY_A_CHANNEL: u16 = u16::MAX;
/// The shortest interval of heartbeats. lapin reads 4 MiB at a time. While those letters are looked at, it reads nothing, and
/// takes that for silence of the broker after two intervals.
const HEARTBEAT: Duration = Duration::from_secs(60);
/// Deliveries that are received and not yet read.
const UNREAD: usize = 500;
/// A gap in deliveries after which the broker is asked whether there is more.
const QUIET: Duration = Duration::from_millis(50);

/// A connection by which letters are read and removed from their queues.
#[derive(Debug)]
pub struct LetterBox {
    pub(in crate::broker) connection: Connection,
    pub(super) names: Names,
}

/// Why letters cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LetterBoxError {
    /// No connection.
    #[error("cannot reach the broker: {0}")]
    Open(#[from] OpenError),
    /// There is no such queue.
    #[error(
        "there is no queue `{0}`\nhint: a worker declares it when it starts; its name is the setting `dead_letters.queue`"
    )]
    NoQueue(String),
    /// Another command holds the lock.
    #[error("the letters of `{queue}` are being replayed or discarded by another tool{}",
        .holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    Locked {
        /// The queue of dead letters.
        queue: String,
        /// The holder of the lock, where it is noted.
        holder: Option<String>,
    },
    /// The connection, or the queue, went away.
    #[error("cannot work with {queue}: {error}")]
    Lost {
        /// The queue.
        queue: String,
        /// lapin's own error.
        error: lapin::Error,
    },
    /// Nothing comes, as where the queue has no leader.
    #[error("the broker does not answer: has `{0}` a leader?")]
    Unanswered(String),
    /// The queue was deleted meanwhile.
    #[error("the broker cancelled the reading of `{0}`: was the queue deleted?")]
    Cancelled(String),
}

impl LetterBox {
    /// Connects.
    ///
    /// # Errors
    /// No connection.
    pub async fn open(config: &BrokerConfig) -> Result<Self, LetterBoxError> {
        let config = &BrokerConfig { heartbeat: config.heartbeat.max(HEARTBEAT), ..config.clone() };
        let connection = open(config, "bwp-sync dead-letters", Frame::Any).await?;
        Ok(Self { connection, names: config.names.clone() })
    }

    /// Shows every letter that is ready, in both queues, once and in its order. All of them are held until the pass is
    /// given back or the connection ends.
    ///
    /// # Errors
    /// The queue does not exist or went away. All letters are in it then.
    pub async fn read(&self, mut see: impl FnMut(StoredLetter)) -> Result<Pass, LetterBoxError> {
        let mut pass = Pass { held: Vec::new(), elsewhere: false };
        let mut words = Words::default();
        let queues = [(self.names.dead_letters.clone(), Place::DeadLetters), (self.names.parked(), Place::Parked)];
        for (queue, place) in queues {
            let mut read = async || self.read_queue(&queue, place, &mut words, &mut see, &mut pass).await;
            read().await.map_err(|error| named(&queue, error))?;
        }
        Ok(pass)
    }

    async fn read_queue(
        &self,
        queue: &str,
        place: Place,
        words: &mut Words,
        see: &mut impl FnMut(StoredLetter),
        pass: &mut Pass,
    ) -> Result<(), Ended> {
        let mut consumers = 0;
        loop {
            let channel = answered(self.connection.create_channel()).await?;
            answered(channel.basic_qos(HELD_BY_A_CHANNEL, BasicQosOptions::default())).await?;
            let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
            let consumer = answered(channel.basic_consume(short(queue), "".into(), options, none)).await?;
            consumers += 1;
            let see = |delivery| see(StoredLetter::of(delivery, place, words));
            let (end, asked_for) = read_channel(&channel, &consumer, queue, see).await?;
            // the broker counts a reader that holds a message by `basic.get` as a consumer, too
            consumers += asked_for;
            if end == End::OfTheQueue {
                let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                let declared = answered(channel.queue_declare(short(queue), look, FieldTable::default())).await?;
                pass.elsewhere |= declared.consumer_count() > consumers;
            }
            pass.held.push((channel, consumer));
            if end == End::OfTheQueue {
                return Ok(());
            }
        }
    }

    /// Closes the connection: all letters that are held are requeued.
    pub async fn close(self) {
        close(&self.connection).await;
    }
}

/// Why one channel's part of a pass is over.
#[derive(Clone, Copy, Eq, PartialEq)]
enum End {
    /// Nothing more is ready.
    OfTheQueue,
    /// The channel holds as much as it can.
    OfTheChannel,
}

/// Takes deliveries until nothing more is ready.
///
/// A broker's count of messages can be old. After a gap in deliveries the queue is asked for a message by
/// `basic.get`, on the same channel. It has none only when every message that was ready is on its way to a consumer.
/// The answer to a second `basic.get` comes after the deliveries that were on their way when the first was answered.
///
/// Returns also how many messages came by `basic.get`.
async fn read_channel(
    channel: &Channel,
    consumer: &Consumer,
    queue: &str,
    see: impl FnMut(Delivery),
) -> Result<(End, u32), Ended> {
    let (hand_over, unread) = mpsc::channel(UNREAD);
    let mut reading = Reading { unread, see, delivered: 0, empty: 0 };
    let consumer = consumer.clone();
    // this hands over what has come already, and it waits for us
    let begun = tokio::task::spawn_blocking(move || consumer.set_delegate(HandOver(hand_over)));
    reading.until(begun).await?.ok();
    let mut asked_for = 0;
    // messages by `basic.get` take none of the consumer's prefetch: while it has room, a delivery may be unread
    while reading.delivered < HELD_BY_A_CHANNEL {
        match tokio::time::timeout(QUIET, reading.one()).await {
            Ok(seen) => seen?,
            Err(_quiet) if reading.empty == 2 => return Ok((End::OfTheQueue, asked_for)),
            Err(_quiet) => match reading.until(get(channel, queue)).await?? {
                Some(message) => {
                    (reading.see)(message.delivery);
                    (asked_for, reading.empty) = (asked_for + 1, 0);
                }
                None => reading.empty += 1,
            },
        }
    }
    Ok((End::OfTheChannel, asked_for))
}

/// Asks the queue for a message, on another thread than the reader's. A delivery that waits for the reader keeps a lock of
/// lapin's channel. Each request takes that lock first, and the reader must not wait for it.
async fn get(channel: &Channel, queue: &str) -> Result<Option<BasicGetMessage>, Ended> {
    let (channel, queue, runtime) = (channel.clone(), short(queue), Handle::current());
    let asked = move || runtime.block_on(channel.basic_get(queue, BasicGetOptions::default()));
    Ok(tokio::task::spawn_blocking(asked).await.map_err(|_ended| Ended::Cancelled)??)
}

/// Gives deliveries to the reader, and lets the connection wait until there is room. A consumer must be sent the whole
/// queue at once: a kill while it holds only a part would lose the order. Deliveries that are not
/// yet read are kept by lapin: 340 MB for 65,535 letters.
struct HandOver(mpsc::Sender<DeliveryResult>);

impl ConsumerDelegate for HandOver {
    fn on_new_delivery(&self, delivery: DeliveryResult) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // without a reader the delivery is dropped: it is held like all others, and requeued with them
        if let Ok(Some(_)) = delivery {
            self.0.blocking_send(delivery).ok();
            return Box::pin(std::future::ready(()));
        }
        // an end may be told by a task, which must not be made to wait
        let hand_over = self.0.clone();
        Box::pin(async move {
            hand_over.send(delivery).await.ok();
        })
    }
}

/// Deliveries on their way from the connection to the reader.
struct Reading<S> {
    unread: mpsc::Receiver<DeliveryResult>,
    see: S,
    delivered: u16,
    /// Answers since the last delivery that nothing is ready.
    empty: u8,
}

impl<S: FnMut(Delivery)> Reading<S> {
    /// Shows the next delivery.
    async fn one(&mut self) -> Result<(), Ended> {
        let delivery = self.unread.recv().await.transpose()?.flatten().ok_or(Ended::Cancelled)?;
        (self.see)(delivery);
        self.delivered += 1;
        self.empty = 0;
        Ok(())
    }

    /// Waits for `something`, and shows deliveries meanwhile: the connection must not wait for us while we wait for it. An
    /// answer comes after them, so the time for it begins anew with each.
    async fn until<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Ended> {
        let mut something = pin!(something);
        loop {
            tokio::select! {
                biased;
                happened = &mut something => return Ok(happened),
                seen = tokio::time::timeout(ANSWER_WITHIN, self.one()) => seen.map_err(|_elapsed| unanswered())??,
            }
        }
    }
}

/// One pass over all letters, which it holds.
#[derive(Debug)]
pub struct Pass {
    /// Consumers are kept: a dropped one is cancelled, and others could no longer see that letters are held.
    held: Vec<(Channel, Consumer)>,
    /// Whether another reader consumes one of the queues, and may hold letters.
    pub elsewhere: bool,
}

impl Pass {
    /// Ends deliveries: letters that are written from now on are not held.
    ///
    /// # Errors
    /// The connection is gone, and no letter is held any more.
    pub async fn stop_receiving(&self) -> Result<(), LetterBoxError> {
        for (channel, consumer) in &self.held {
            let cancelled = answered(channel.basic_cancel(consumer.tag(), BasicCancelOptions::default())).await;
            cancelled.map_err(|error| named(consumer.queue().as_str(), error.into()))?;
        }
        Ok(())
    }

    /// Waits until the broker has heard of all letters that were removed.
    ///
    /// # Errors
    /// The connection is gone, so that it may not have heard of some.
    pub async fn heard(&self) -> Result<(), LetterBoxError> {
        for (channel, consumer) in &self.held {
            // any request will do: a channel answers requests in their order
            let heard = answered(channel.basic_qos(HELD_BY_A_CHANNEL, BasicQosOptions::default())).await;
            heard.map_err(|error| named(consumer.queue().as_str(), error.into()))?;
        }
        Ok(())
    }

    /// Requeues the letters that were not removed, in their order.
    pub async fn give_back(self) {
        for (channel, _) in &self.held {
            close_channel(channel).await;
        }
    }
}

/// Why reading ended early.
pub(super) enum Ended {
    Lost(lapin::Error),
    Cancelled,
}

impl From<lapin::Error> for Ended {
    fn from(error: lapin::Error) -> Self {
        Self::Lost(error)
    }
}

pub(super) fn named(queue: &str, ended: Ended) -> LetterBoxError {
    let queue = queue.to_owned();
    match ended {
        Ended::Cancelled => LetterBoxError::Cancelled(queue),
        Ended::Lost(error) if has_code(&error, 404) => LetterBoxError::NoQueue(queue),
        Ended::Lost(error) if is_unanswered(&error) => LetterBoxError::Unanswered(queue),
        Ended::Lost(error) => LetterBoxError::Lost { queue: format!("`{queue}`"), error },
    }
}
