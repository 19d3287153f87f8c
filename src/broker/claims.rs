//! Claims of orders, by which workers keep out of each other's way: a claim is a queue that only its owner can declare.
//!
//! Not here: who needs a claim.
//!
//! RabbitMQ compares the arguments of a queue that is declared again, and one of these names the owner: it refuses
//! everybody else. It deletes the queue a while after its owner last declared it, so a claim outlives the process and
//! the connection for as long as a call of theirs may be under way, and no longer.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::pending;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{QueueDeclareOptions, QueueDeleteOptions};
use lapin::protocol::AMQPErrorKind;
use lapin::types::{AMQPValue, FieldTable};
use lapin::{Channel, Connection, ErrorKind};
use metrics::counter;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tokio_util::time::DelayQueue;
use tokio_util::time::delay_queue::Key;
use uuid::Uuid;

use super::config::{BrokerConfig, Names};
use super::connection::close_channel;
use super::short;
use super::topology::{TopologyError, text};
use crate::ports::{ClaimRequest, Claimed};

/// How old a claim's last declaration may be when a call begins. Half of it is for the way to the broker and back.
const FRESH: Duration = Duration::from_secs(2);

/// How long a claim lasts without its owner: a call that begins when the claim is no longer fresh ends, and shows in a
/// read, before another worker can have it. The last second is for clocks and for what is on its way.
pub fn lease(call_ended: Duration) -> Duration {
    call_ended + FRESH + Duration::from_secs(1)
}

/// Claims an order that is nobody's, and gives it up again, if claims are wanted at all; says so.
pub(super) async fn try_claim(connection: &Connection, config: &BrokerConfig) -> Result<bool, TopologyError> {
    let Some(lease) = config.claim_lease else { return Ok(false) };
    let nobody = Uuid::new_v4().to_string();
    let name = config.names.claim(&nobody);
    let tried = async {
        let channel = connection.create_channel().await?;
        declare(&channel, &name, &nobody, lease).await?;
        delete(&channel, &name).await?;
        close_channel(&channel).await;
        Ok(true)
    };
    tried.await.map_err(|error| TopologyError::new(&name, error))
}

/// The claims of this process, over all its sessions.
#[derive(Debug)]
pub(super) struct Claims {
    owner: String,
    /// How long a claim lasts without its owner; nothing where claims are switched off.
    lease: Option<Duration>,
    names: Names,
    answer_within: Duration,
    requests: mpsc::UnboundedReceiver<ClaimRequest>,
    held: HashMap<String, Held>,
    /// When a claim is to be looked at again.
    timers: DelayQueue<String>,
}

/// A claim that was ours when it was last declared.
#[derive(Debug)]
struct Held {
    /// When its last declaration was sent.
    declared: Instant,
    /// Nobody here needs it any more.
    released: bool,
    /// Not to be given up before, though released: a call may be under way.
    open_until: Option<Instant>,
    timer: Key,
}

impl Held {
    fn ours(&self) -> Claimed {
        Claimed::Ours { calls_until: self.declared + FRESH }
    }
}

impl Claims {
    pub(super) fn new(config: &BrokerConfig, requests: mpsc::UnboundedReceiver<ClaimRequest>) -> Self {
        Self {
            owner: Uuid::new_v4().to_string(),
            lease: config.claim_lease,
            names: config.names.clone(),
            answer_within: config.confirm_timeout,
            requests,
            held: HashMap::new(),
            timers: DelayQueue::new(),
        }
    }

    /// A new session begins. What was claimed in the last one ends by itself, since its messages come again, to
    /// whichever worker; their calls may still be under way.
    pub(super) fn begin(&mut self) {
        let Some(lease) = self.lease else { return };
        for held in self.held.values_mut() {
            held.released = true;
            held.open_until = Some(held.declared + lease);
            self.timers.reset_at(&held.timer, held.declared + lease);
        }
    }

    /// Answers requests over this connection. One after the other: a declaration must not overtake a deletion.
    pub(super) async fn serve(&mut self, connection: &Connection) -> Infallible {
        let Some(lease) = self.lease else { return pending().await };
        let mut line = Line { connection, channel: None, answer_within: self.answer_within };
        loop {
            tokio::select! {
                request = self.requests.recv() => match request {
                    // whoever asked may have stopped waiting, with the session
                    Some(ClaimRequest::Take { answer, .. } | ClaimRequest::Hold { answer, .. })
                        if answer.is_closed() => {}
                    Some(ClaimRequest::Take { order, answer }) => {
                        let claimed = self.take(&mut line, &order, lease).await;
                        let is_ours = matches!(claimed, Some(Claimed::Ours { .. }));
                        if !tell(answer, claimed) && is_ours {
                            self.release(&order, Some(Instant::now()), lease);
                        }
                    }
                    Some(ClaimRequest::Hold { order, answer }) => {
                        let claimed = self.hold(&mut line, &order, lease).await;
                        tell(answer, claimed);
                    }
                    Some(ClaimRequest::Release { order, at }) => self.release(&order, at, lease),
                    None => return pending().await,
                },
                Some(due) = self.timers.next() => self.look_at(&mut line, due.into_inner(), lease).await,
            }
        }
    }

    async fn take(&mut self, line: &mut Line<'_>, order: &str, lease: Duration) -> Option<Claimed> {
        let claimed = match self.held.get(order) {
            // another message's, in this very process
            Some(held) if !held.released => Some(Claimed::NotOurs),
            Some(_) | None => self.declare(line, order, lease).await,
        };
        let outcome = match claimed {
            Some(Claimed::Ours { .. }) => "ours",
            Some(Claimed::NotOurs) => "anothers",
            None => "unknown",
        };
        counter!("bwp_claims_total", "outcome" => outcome).increment(1);
        claimed
    }

    async fn hold(&mut self, line: &mut Line<'_>, order: &str, lease: Duration) -> Option<Claimed> {
        match self.held.get(order) {
            Some(held) if held.declared.elapsed() < FRESH / 2 => Some(held.ours()),
            Some(held) if held.declared.elapsed() < lease => self.declare(line, order, lease).await,
            // it has ended meanwhile, and somebody else may have had it since
            Some(_) | None => Some(Claimed::NotOurs),
        }
    }

    /// Declares the claim, and keeps it up until it is released.
    async fn declare(&mut self, line: &mut Line<'_>, order: &str, lease: Duration) -> Option<Claimed> {
        let declared = Instant::now();
        let ours = line.declare(&self.names.claim(order), &self.owner, lease).await?;
        let before = self.held.remove(order);
        if let Some(before) = &before {
            self.timers.remove(&before.timer);
        }
        if !ours {
            return Some(Claimed::NotOurs);
        }
        let open_until = before.and_then(|before| before.open_until);
        let timer = self.timers.insert(order.to_owned(), lease / 3);
        let held = Held { declared, released: false, open_until, timer };
        let claimed = held.ours();
        self.held.insert(order.to_owned(), held);
        Some(claimed)
    }

    fn release(&mut self, order: &str, at: Option<Instant>, lease: Duration) {
        let Some(held) = self.held.get_mut(order) else { return };
        held.released = true;
        if at.is_none() {
            held.open_until = Some(held.declared + lease);
        }
        let ends = at.max(held.open_until).unwrap_or_else(Instant::now);
        self.timers.reset_at(&held.timer, ends);
    }

    /// A claim's time has come: to be declared again, deleted or forgotten. Should the session end meanwhile, it is
    /// forgotten and ends by itself.
    async fn look_at(&mut self, line: &mut Line<'_>, order: String, lease: Duration) {
        let Some(mut held) = self.held.remove(&order) else { return };
        let age = held.declared.elapsed();
        if age >= lease {
            return;
        }
        if !held.released {
            // `declare` takes the place of what is there
            held.timer = self.timers.insert(order.clone(), lease - age);
            self.held.insert(order.clone(), held);
            self.declare(line, &order, lease).await;
        } else if age < lease / 4 * 3 && !line.delete(&self.names.claim(&order)).await {
            // the deletion may be carried out at any time: nobody is to rely on a claim that is made before it
            held.released = false;
            held.declared = Instant::now();
            held.timer = self.timers.insert(order.clone(), lease);
            self.held.insert(order, held);
        }
        // what is nearly over might be another's when a deletion arrives
    }
}

/// Whether it was heard: whoever asked may have stopped waiting.
fn tell(answer: oneshot::Sender<Claimed>, claimed: Option<Claimed>) -> bool {
    claimed.is_some_and(|claimed| answer.send(claimed).is_ok())
}

/// A channel, opened anew after each refusal: that closes it.
struct Line<'a> {
    connection: &'a Connection,
    channel: Option<Channel>,
    answer_within: Duration,
}

impl Line<'_> {
    /// Whether the claim is ours; nothing where nobody can say.
    async fn declare(&mut self, name: &str, owner: &str, lease: Duration) -> Option<bool> {
        match self.within(async |channel| declare(channel, name, owner, lease).await).await? {
            Ok(()) => Some(true),
            Err(error) if is_anothers(&error) => Some(false),
            Err(error) => {
                // what ends the whole session is told by it
                if matches!(error.kind(), ErrorKind::ProtocolError(amqp) if matches!(amqp.kind(), AMQPErrorKind::Soft(_)))
                {
                    tracing::warn!(%error, claim = name, "cannot tell whose a claim is");
                }
                None
            }
        }
    }

    /// Whether it was answered. What was refused ends by itself.
    async fn delete(&mut self, name: &str) -> bool {
        self.within(async |channel| delete(channel, name).await).await.is_some()
    }

    async fn within(&mut self, call: impl AsyncFnOnce(&Channel) -> lapin::Result<()>) -> Option<lapin::Result<()>> {
        let channel = self.channel.take();
        let answered = timeout(self.answer_within, async {
            let channel = match channel {
                Some(channel) => channel,
                None => self.connection.create_channel().await?,
            };
            call(&channel).await.map(|()| channel)
        });
        // what is not answered leaves its channel behind
        let done = answered.await.ok()?;
        Some(done.map(|channel| self.channel = Some(channel)))
    }
}

async fn declare(channel: &Channel, name: &str, owner: &str, lease: Duration) -> lapin::Result<()> {
    let mut arguments = FieldTable::default();
    let millis = i64::try_from(lease.as_millis()).unwrap_or(i64::MAX);
    arguments.insert(short("x-queue-type"), text("classic"));
    arguments.insert(short("x-expires"), AMQPValue::LongLongInt(millis));
    // never used, since nothing is published to it: an argument that is compared, and can hold a name
    arguments.insert(short("x-dead-letter-exchange"), text(""));
    arguments.insert(short("x-dead-letter-routing-key"), text(owner));
    channel.queue_declare(short(name), QueueDeclareOptions::durable(), arguments).await.map(drop)
}

async fn delete(channel: &Channel, name: &str) -> lapin::Result<()> {
    channel.queue_delete(short(name), QueueDeleteOptions::default()).await.map(drop)
}

/// The broker says that it was declared with other arguments. With the same number it says that there are too many.
fn is_anothers(error: &lapin::Error) -> bool {
    match error.kind() {
        ErrorKind::ProtocolError(amqp) => amqp.get_id() == 406 && amqp.get_message().as_str().contains("inequivalent"),
        _ => false,
    }
}
