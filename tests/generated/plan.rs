//! A plan: messages in the order of delivery, the expected end of each, and the expected effects. It follows the
//! documentation and uses no code of the worker.
//! Not here: the life of one order (`lives`).

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::lives::Lives;

/// Orders with messages in flight at one time.
const SIDE_BY_SIDE: usize = 300;

/// A message and its expected end.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) order: String,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
    /// Whether the broker marks it as redelivered.
    pub(crate) redelivered: bool,
    pub(crate) end: End,
}

/// Expected end of a message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// One of these outcomes, which depends on whether an answer was lost.
    Done(&'static [&'static str]),
    /// A dead letter with this type and code.
    Letter(&'static str),
}

/// All effects, expected or actual.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Effects {
    /// Number of orders that were created under each order id.
    pub(crate) created: BTreeMap<String, usize>,
    /// Number of starts of each order.
    pub(crate) started: BTreeMap<String, usize>,
    /// Number of times that each refund's payment was sent.
    pub(crate) payments: BTreeMap<String, usize>,
    /// Total of each order in its last amendment.
    pub(crate) totals: BTreeMap<String, String>,
    /// Last state and total of each refund.
    pub(crate) refunds: BTreeMap<String, String>,
}

/// Messages and their expected effects.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Creates of the orders that others collide with, delivered first.
    pub(crate) owners: Vec<Message>,
    /// Other messages, in the order of delivery.
    pub(crate) messages: Vec<Message>,
    pub(crate) effects: Effects,
    /// Orders whose first create takes effect while its answer is lost; the second one is refused.
    pub(crate) lost: Vec<String>,
}

impl Plan {
    /// A plan with at least this many messages; equal seeds give equal plans.
    pub(crate) fn new(seed: u64, count: usize) -> Self {
        let mut random = Rng::with_seed(seed);
        let mut lives = Lives::new(&mut random, count / 250 + 2);
        let owners = std::mem::take(&mut lives.owners);
        let mut planned = owners.len();
        let mut queues = Vec::new();
        while planned < count {
            let life = lives.next();
            planned += life.len();
            queues.push(VecDeque::from(life));
        }
        let Lives { effects, lost, .. } = lives;
        Self { owners, messages: shuffled(&mut random, queues), effects, lost }
    }
}

/// Interleaves lives; each keeps its order.
fn shuffled(random: &mut Rng, mut waiting: Vec<VecDeque<Message>>) -> Vec<Message> {
    let mut messages = Vec::new();
    waiting.reverse();
    let mut begun: Vec<VecDeque<Message>> = Vec::new();
    loop {
        while begun.len() < SIDE_BY_SIDE
            && let Some(life) = waiting.pop()
        {
            begun.push(life);
        }
        if begun.is_empty() {
            return messages;
        }
        let index = random.usize(..begun.len());
        match begun[index].pop_front() {
            Some(message) => messages.push(message),
            None => drop(begun.swap_remove(index)),
        }
    }
}

/// An event of a kind in structured mode.
pub(crate) fn event(id: usize, kind: &str, data: &Value) -> Vec<u8> {
    let event =
        json!({ "specversion": "1.0", "id": format!("m-{id}"), "source": "/shops/acme", "type": kind, "data": data });
    event.to_string().into_bytes()
}
