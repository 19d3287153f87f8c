//! A delivery is opened once. Lanes, logs and the handling use what was found then.
//!
//! Not here: the command that a message stands for, and what follows from a refusal.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use super::context::Context;
use super::label::Label;
use super::mapped::{is_ignored, opened};
use crate::domain::command::order_key;
use crate::domain::envelope::{Envelope, Kind, RawMessage, Refused, id_outside};
use crate::domain::packing::MAX_GROWTH;
use crate::domain::rejection::Rejection;
use crate::policy::suspicion::may_be_read;
use crate::ports::Inbound;

/// A delivery, opened.
#[derive(Clone)]
pub(super) enum Opened {
    /// A message with a valid envelope. Its payload is read when the message is handled.
    Message(Box<Envelope>),
    /// The envelope is invalid.
    Refused(Rejection),
    /// A mapping said that the message is not for this worker.
    Ignored,
    /// The body was not read.
    Unread(Unread),
}

/// Reason why a body was not read.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Unread {
    /// It is larger than a shop's message may be.
    TooLarge,
    /// Several processes ended over it.
    EndsProcesses,
    /// The worker panicked while it read the body.
    Panicked,
}

/// Without the message: it holds personal data.
impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Message(_) => "Message",
            Self::Refused(_) => "Refused",
            Self::Ignored => "Ignored",
            Self::Unread(_) => "Unread",
        })
    }
}

/// A delivery with everything that was found when it was opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delivered<'a> {
    /// The delivery.
    pub(super) inbound: &'a Inbound,
    /// Its names.
    pub(super) label: &'a Arc<Label>,
    /// Its message.
    pub(super) opened: &'a Opened,
}

/// Opens a delivery. A panic is caught: it is an attempt that failed, and counts when the message is handled.
pub(super) fn open<A>(context: &Context<A>, inbound: &Inbound) -> (Label, Opened) {
    let fenced = |read: &dyn Fn() -> (Label, Opened)| std::panic::catch_unwind(AssertUnwindSafe(read)).ok();
    fenced(&|| read(context, inbound))
        .or_else(|| fenced(&|| (outside(context, inbound), Opened::Unread(Unread::Panicked))))
        .unwrap_or_else(|| (Label::default(), Opened::Unread(Unread::Panicked)))
}

fn read<A>(context: &Context<A>, inbound: &Inbound) -> (Label, Opened) {
    let unread = |why| (outside(context, inbound), Opened::Unread(why));
    if !may_be_read(inbound.unended) {
        return unread(Unread::EndsProcesses);
    }
    if inbound.body.len() > context.max_message_bytes {
        return unread(Unread::TooLarge);
    }
    if is_ignored(inbound) {
        return (outside(context, inbound), Opened::Ignored);
    }
    match opened(inbound, &readable(context, inbound)) {
        Ok(envelope) => {
            let lane = order_key(&envelope);
            let label = Label {
                message_id: envelope.id.clone(),
                source: envelope.source.clone(),
                order: lane.clone().or_else(|| envelope.subject.clone()),
                kind: Some(envelope.kind),
                lane,
                ..place(inbound)
            };
            (label, Opened::Message(Box::new(envelope)))
        }
        Err(Refused { rejection, id, source, order, type_name }) => {
            let kind = type_name.as_deref().and_then(Kind::of);
            let label = Label { message_id: id, source, order, kind, ..place(inbound) };
            (label, Opened::Refused(rejection))
        }
    }
}

/// The part of a delivery that its message is read from.
fn readable<'a, A>(context: &Context<A>, inbound: &'a Inbound) -> RawMessage<'a> {
    RawMessage {
        body: &inbound.body,
        content_type: inbound.content_type.as_deref(),
        content_encoding: inbound.content_encoding.as_deref(),
        message_id: inbound.message_id.as_deref(),
        message_type: inbound.message_type.as_deref(),
        timestamp: inbound.timestamp,
        routing_key: &inbound.routing_key,
        headers: &inbound.headers,
        max_unpacked_bytes: context.max_message_bytes.saturating_mul(MAX_GROWTH),
    }
}

/// The label of a delivery whose body is not read.
fn outside<A>(context: &Context<A>, inbound: &Inbound) -> Label {
    Label { message_id: id_outside(&readable(context, inbound)), ..place(inbound) }
}

/// The part of a label that every delivery has.
fn place(inbound: &Inbound) -> Label {
    let mut copy = DefaultHasher::new();
    inbound.body.hash(&mut copy);
    Label { copy: copy.finish(), was_here: inbound.hopped || inbound.redelivered, ..Label::default() }
}

#[cfg(test)]
mod tests;
