//! Observations of a run: at the shop's side of the broker, in the queues, and in the API's own ledger.
//! Not here: whether it is right; see `checker`.

use bwp_sync::simulator::Effect;
use lapin::message::Delivery;

use crate::messages::{header, json};
use crate::model::End;

/// Everything that is known after a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    /// In the order in which they were published first.
    pub(crate) sent: Vec<Sent>,
    pub(crate) results: Vec<SeenResult>,
    pub(crate) letters: Vec<SeenLetter>,
    /// Ids of the messages that are still in one of the worker's queues.
    pub(crate) queued: Vec<String>,
    /// Effects on the orders, oldest first.
    pub(crate) effects: Vec<Effect>,
    /// Lines of the workers' logs about messages, oldest first.
    pub(crate) handled: Vec<Handled>,
}

/// A line in a worker's log about a message.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Handled {
    /// In RFC 3339, all of one length.
    pub(crate) at: String,
    pub(crate) message: String,
    pub(crate) how: How,
    /// The worker's place and how many processes it has had there.
    pub(crate) process: (usize, usize),
}

/// The end of one handling of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// It went to a retry queue.
    Hopped,
    Done,
}

/// Stands in a worker's log before the first line of each process.
pub(crate) const PROCESS_BEGINS: &str = r#"{"message":"a process begins"}"#;

impl Handled {
    /// Reads the log of the worker in this place.
    pub(crate) fn read_all(worker: usize, log: &str) -> Vec<Self> {
        let mut processes = 0;
        let lines = log.lines().filter_map(|line| {
            processes += usize::from(line == PROCESS_BEGINS);
            let line: serde_json::Value = serde_json::from_str(line).ok()?;
            let how = match line["message"].as_str()? {
                "later" => How::Hopped,
                "done" => How::Done,
                _ => return None,
            };
            let text = |name: &str| line[name].as_str().map(str::to_owned);
            Some(Self { at: text("timestamp")?, message: text("message_id")?, how, process: (worker, processes) })
        });
        lines.collect()
    }
}

/// A message that the shop has published.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) id: String,
    pub(crate) order: String,
    pub(crate) end: End,
    /// The broker has confirmed it. If not, nobody knows whether it has the message.
    pub(crate) confirmed: bool,
}

/// A result, as often as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenResult {
    pub(crate) id: String,
    /// Id of the message that it is about.
    pub(crate) cause: String,
    /// Its type, for example `order-created`.
    pub(crate) kind: String,
    /// The outcome, or the code of a failure.
    pub(crate) outcome: String,
}

/// A letter, as often as it was seen.
#[derive(Clone, Debug)]
pub(crate) struct SeenLetter {
    pub(crate) id: String,
    /// Id of the message that it holds.
    pub(crate) message: String,
    pub(crate) code: String,
}

impl SeenResult {
    pub(crate) fn read(delivery: &Delivery) -> Self {
        let result = json(delivery);
        let data = &result["data"];
        let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
        Self {
            id: text(&result["id"]),
            cause: text(&data["causationId"]),
            kind: text(&result["type"]),
            outcome: data["outcome"].as_str().map_or_else(|| text(&data["failure"]["code"]), str::to_owned),
        }
    }
}

impl SeenLetter {
    pub(crate) fn read(delivery: &Delivery) -> Self {
        let text = |name| header(delivery, name).unwrap_or_default();
        Self { id: text("bwp-letter-id"), message: message_id(delivery), code: text("bwp-error-code") }
    }
}

/// The id under which the shop has published a message.
pub(crate) fn message_id(delivery: &Delivery) -> String {
    delivery.properties.message_id().as_ref().map(ToString::to_string).unwrap_or_default()
}
