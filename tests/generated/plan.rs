//! A plan: messages in the order in which they are delivered, the end that each must have, and what must be there at the
//! end of all. It knows the README and nothing of the worker.
//! Not here: what befalls one order (`lives`).

use std::collections::{BTreeMap, VecDeque};

use fastrand::Rng;
use serde_json::{Value, json};

use crate::lives::Lives;

/// Orders that have messages on their way at the same time.
const SIDE_BY_SIDE: usize = 300;

/// A message and the end that it must have.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    pub(crate) order: String,
    pub(crate) kind: &'static str,
    pub(crate) body: Vec<u8>,
    /// The broker says that it was delivered before.
    pub(crate) redelivered: bool,
    pub(crate) end: End,
}

/// How a message must end.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum End {
    /// With one of these outcomes: which one depends on whether an answer was lost.
    Done(&'static [&'static str]),
    /// With a letter of this type and code.
    Letter(&'static str),
}

/// What must have happened, or has: everything that is there, and nothing else.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Effects {
    /// Orders that were created under each order id.
    pub(crate) created: BTreeMap<String, usize>,
    /// Starts of each order.
    pub(crate) started: BTreeMap<String, usize>,
    /// How often each refund's payment was told.
    pub(crate) payments: BTreeMap<String, usize>,
    /// The total that the last amendment gave each order.
    pub(crate) totals: BTreeMap<String, String>,
    /// State and total of each refund at the end.
    pub(crate) refunds: BTreeMap<String, String>,
}

/// What is delivered, and what must come of it.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Orders that others collide with: they are there before anything else begins.
    pub(crate) owners: Vec<Message>,
    /// The rest, in the order of delivery.
    pub(crate) messages: Vec<Message>,
    pub(crate) effects: Effects,
    /// Orders whose first create takes effect with its answer lost, and is refused the second time.
    pub(crate) lost: Vec<String>,
}

impl Plan {
    /// At least so many messages; the same seed gives the same plan.
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

/// Lives side by side: each keeps its order.
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
