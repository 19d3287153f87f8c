//! The names of a delivery and its place among others: for lanes, logs, results and letters alike.
//!
//! Not here: the message's content.

use tracing::Span;

use crate::domain::envelope::Kind;
use crate::ports::Operation;

/// Names of a delivery, and what decides over its place among others. Made once, when the delivery is opened.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Label {
    /// The message's id, given or made from the body.
    pub message_id: String,
    /// CloudEvents attribute `source`; empty where the body has not been read.
    pub source: String,
    /// The order that the payload names, by the shop's id, else by Buy with Prime's; else the message's subject.
    pub order: Option<String>,
    /// The message's kind, where it could be told.
    pub kind: Option<Kind>,
    /// The order whose messages are handled one at a time. A message without one is handled by itself.
    pub(super) lane: Option<String>,
    /// Fingerprint of the body. Copies of a message have the same.
    pub(super) copy: u64,
    /// The message has been through a retry queue, or was delivered before.
    pub(super) was_here: bool,
}

impl Label {
    /// The label of a message of which only the id is known.
    #[must_use]
    pub fn of(message_id: String) -> Self {
        Self { message_id, ..Self::default() }
    }

    /// Name of the order in the worker's memory: the message's own id where it names no order.
    pub fn order(&self) -> &str {
        self.order.as_deref().unwrap_or(&self.message_id)
    }

    /// The operation that the message asks for, where its kind could be told.
    pub fn operation(&self) -> Option<Operation> {
        self.kind.map(Kind::operation)
    }

    /// The message's kind, if it is one of several messages of an order.
    pub(super) fn kind_in_lane(&self) -> Option<Kind> {
        self.kind.filter(|_| self.lane.is_some())
    }

    /// Whether the message creates its order.
    pub(super) fn creates(&self) -> bool {
        self.kind_in_lane().is_some_and(|kind| kind.operation().creates_an_order())
    }

    /// Whether the message is one of several of which the last one wins.
    pub(super) fn amends(&self) -> bool {
        self.kind_in_lane().is_some_and(Kind::amends)
    }

    /// Whether this delivery is one of the same message that has come back.
    pub(super) fn is_return_of(&self, earlier: &Self) -> bool {
        self.was_here && self.copy == earlier.copy
    }

    /// The span of every log line of the message. At this level it is there whatever the log's level is.
    pub(super) fn span(&self) -> Span {
        tracing::error_span!(
            "message",
            message.id = self.message_id,
            order.id = self.order,
            trace_id = tracing::field::Empty
        )
    }
}
