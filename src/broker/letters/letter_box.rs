//! The queues of dead letters: read in one pass, held as long as they are looked at, and given back as they were.
//!
//! Not here: which letters are wanted; publishing.

use std::pin::{Pin, pin};
use std::time::Duration;

use lapin::message::{Delivery, DeliveryResult};
use lapin::options::{BasicCancelOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, Consumer, ConsumerDelegate, ErrorKind};
use tokio::sync::mpsc;

use super::letter::{Place, StoredLetter, Words};
use crate::broker::config::{BrokerConfig, Names};
use crate::broker::connection::{Frame, OpenError, close, close_channel, open};
use crate::broker::headers::short;

/// Letters that one channel may hold: the most that AMQP can say. They go back in their order when it closes.
const HELD_BY_A_CHANNEL: u16 = u16::MAX;
/// Deliveries that wait for being looked at.
const UNREAD: usize = 500;
/// A pause in deliveries after which the broker is asked whether there is more.
const QUIET: Duration = Duration::from_millis(50);

/// A connection by which letters are read and taken out of their queues.
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
    /// Another tool is at work.
    #[error("the letters of `{queue}` are being replayed or discarded by another tool{}",
        .holder.as_ref().map(|holder| format!(": {holder}")).unwrap_or_default())]
    Locked {
        /// The queue of dead letters.
        queue: String,
        /// Who that is, where they have said so.
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
        let connection = open(config, "bwp-sync dead-letters", Frame::Any).await?;
        Ok(Self { connection, names: config.names.clone() })
    }

    /// Shows every letter that is ready, in both queues, once and in its order. All of them are held until the pass is
    /// given back or the connection ends, whatever becomes of this process.
    ///
    /// # Errors
    /// The queue is not there or went away. All letters are in it then.
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
            let channel = self.connection.create_channel().await?;
            channel.basic_qos(HELD_BY_A_CHANNEL, BasicQosOptions::default()).await?;
            let options = BasicConsumeOptions::default();
            let consumer = channel.basic_consume(short(queue), "".into(), options, FieldTable::default()).await?;
            consumers += 1;
            let see = |delivery| see(StoredLetter::of(delivery, place, words));
            let (end, asked_for) = read_channel(&channel, &consumer, queue, see).await?;
            // the broker counts whoever holds a message that was asked for as a consumer, too
            consumers += asked_for;
            if end == End::OfTheQueue {
                let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
                let declared = channel.queue_declare(short(queue), look, FieldTable::default()).await?;
                pass.elsewhere |= declared.consumer_count() > consumers;
            }
            pass.held.push((channel, consumer));
            if end == End::OfTheQueue {
                return Ok(());
            }
        }
    }

    /// Closes the connection: all that is held goes back.
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
/// A broker's count of messages is not believed. After a pause in deliveries the queue is asked for a message by
/// `basic.get`, on the same channel: it has none only when every message that was ready is on its way to a consumer. The
/// answer to a second one comes after the deliveries that were on their way to us before the first was answered.
///
/// Says also how many messages were got by asking.
async fn read_channel(
    channel: &Channel,
    consumer: &Consumer,
    queue: &str,
    see: impl FnMut(Delivery),
) -> Result<(End, u32), Ended> {
    let (hand_over, unread) = mpsc::channel(UNREAD);
    let mut reading = Reading { unread, see, delivered: 0, empty: 0 };
    let consumer = consumer.clone();
    // what has come already is handed over by this, which waits for us
    let begun = tokio::task::spawn_blocking(move || consumer.set_delegate(HandOver(hand_over)));
    reading.until(begun).await?.ok();
    let mut asked_for = 0;
    // what was asked for takes none of the consumer's room: as long as it has room, there may be a delivery unread
    while reading.delivered < HELD_BY_A_CHANNEL {
        match tokio::time::timeout(QUIET, reading.one()).await {
            Ok(seen) => seen?,
            Err(_quiet) if reading.empty == 2 => return Ok((End::OfTheQueue, asked_for)),
            Err(_quiet) => match reading.until(channel.basic_get(short(queue), BasicGetOptions::default())).await?? {
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

/// Gives deliveries to whoever looks at them, and has the connection wait until there is room. A broker sends all that
/// it may at once, and a consumer has to be sent the whole queue at once: of what it holds when it is killed and what it
/// does not, the order would be lost. lapin keeps whatever has not been looked at, which was 340 MB of 65,535 letters.
struct HandOver(mpsc::Sender<DeliveryResult>);

impl ConsumerDelegate for HandOver {
    fn on_new_delivery(&self, delivery: DeliveryResult) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        // when nobody looks any more it is let go of: it is held like all others, and goes back with them
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

/// Deliveries on their way from the connection to whoever looks at them.
struct Reading<S> {
    unread: mpsc::Receiver<DeliveryResult>,
    see: S,
    delivered: u16,
    /// Answers since the last delivery that nothing is ready.
    empty: u8,
}

impl<S: FnMut(Delivery)> Reading<S> {
    /// Looks at the next one.
    async fn one(&mut self) -> Result<(), Ended> {
        let delivery = self.unread.recv().await.transpose()?.flatten().ok_or(Ended::Cancelled)?;
        (self.see)(delivery);
        self.delivered += 1;
        self.empty = 0;
        Ok(())
    }

    /// Waits for something, and looks at what comes meanwhile: the connection must not wait for us while we do for it.
    async fn until<T>(&mut self, something: impl Future<Output = T>) -> Result<T, Ended> {
        let mut something = pin!(something);
        loop {
            tokio::select! {
                biased;
                happened = &mut something => return Ok(happened),
                seen = self.one() => seen?,
            }
        }
    }
}

/// One look at all letters, which it holds.
#[derive(Debug)]
pub struct Pass {
    /// A consumer that is let go of is cancelled, and others could not see any more that letters are held.
    held: Vec<(Channel, Consumer)>,
    /// Somebody else consumes one of the queues, so that letters may be with them.
    pub elsewhere: bool,
}

impl Pass {
    /// Holds what came, and nothing that is written from now on.
    ///
    /// # Errors
    /// The connection is gone, and nothing is held any more.
    pub async fn take_no_more(&self) -> Result<(), LetterBoxError> {
        for (channel, consumer) in &self.held {
            let cancelled = channel.basic_cancel(consumer.tag(), BasicCancelOptions::default()).await;
            cancelled.map_err(lost)?;
        }
        Ok(())
    }

    /// Waits until the broker has heard of all letters that were taken out.
    ///
    /// # Errors
    /// The connection is gone, so that it may not have heard of some.
    pub async fn heard(&self) -> Result<(), LetterBoxError> {
        for (channel, _) in &self.held {
            // any question will do: a channel answers in the order in which it is told
            channel.basic_qos(HELD_BY_A_CHANNEL, BasicQosOptions::default()).await.map_err(lost)?;
        }
        Ok(())
    }

    /// Gives back what was not taken out, in its order.
    pub async fn give_back(self) {
        for (channel, _) in &self.held {
            close_channel(channel).await;
        }
    }
}

fn lost(error: lapin::Error) -> LetterBoxError {
    LetterBoxError::Lost { queue: "the queues of dead letters".into(), error }
}

/// Why reading ended early.
enum Ended {
    Lost(lapin::Error),
    Cancelled,
}

impl From<lapin::Error> for Ended {
    fn from(error: lapin::Error) -> Self {
        Self::Lost(error)
    }
}

fn named(queue: &str, ended: Ended) -> LetterBoxError {
    let queue = queue.to_owned();
    match ended {
        Ended::Cancelled => LetterBoxError::Cancelled(queue),
        Ended::Lost(error) => match error.kind() {
            ErrorKind::ProtocolError(amqp) if amqp.get_id() == 404 => LetterBoxError::NoQueue(queue),
            _ => LetterBoxError::Lost { queue: format!("`{queue}`"), error },
        },
    }
}
