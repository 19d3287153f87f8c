//! A message in, its settlement out.
//!
//! Not here: how many at a time, in which order.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};

use super::amended::Stamp;
use super::board::Whose;
use super::case::{Case, Identity};
use super::clock::Clock;
use super::context::Context;
use super::mapped::{is_ignored, opened};
use super::takeover::updates_begin_at;
use crate::domain::command::{Command, order_key};
use crate::domain::envelope::{Envelope, Kind, RawMessage, id_outside};
use crate::domain::packing::MAX_GROWTH;
use crate::domain::privacy::Private;
use crate::domain::transform::command_for;
use crate::policy::catalogue::OwnCode;
use crate::policy::decide::{self, Verdict};
use crate::ports::{Inbound, Operation, OrderApi, Settlement};

/// Handlings of a message, alone, that ended with their process, after which it is given up.
const GIVE_UP_AFTER: u32 = 3;
/// Handlings after which it is not even read any more, so that a message that ends its reader comes to an end.
const BURY_AFTER: u32 = 5;
/// Refused publications for a message, each of which costs a session, after which it is given up.
const UNPUBLISHABLE_AFTER: u64 = 3;

/// Handles a message that was delivered just now, once a call that another process may have open for it has ended.
pub async fn handle<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    let mut began = inbound.taken_at.unwrap_or_else(Instant::now);
    let kind = standing(context, inbound).kind;
    if let Some(at) = updates_begin_at(kind, inbound, context.timing.call_ended) {
        sleep_until(at).await;
        began = began.max(at);
    }
    handle_since(context, inbound, context.pace.clock(began)).await
}

/// Handles a message; its clock may have begun with an earlier try in this process.
pub(super) async fn handle_since<A: OrderApi>(context: &Context<A>, inbound: &Inbound, clock: Clock) -> Settlement {
    let (unended, blames) = (inbound.unended, inbound.blames);
    match unended {
        BURY_AFTER.. => bury(context, inbound, &format!("{unended} processes ended while it was handled alone")),
        GIVE_UP_AFTER.. => {
            give_up(context, inbound, clock, &format!("{unended} processes ended while it was handled alone")).await
        }
        _ if blames >= UNPUBLISHABLE_AFTER => {
            give_up(context, inbound, clock, &format!("the broker refused {blames} publications for it")).await
        }
        _ => read(context, inbound, clock).await,
    }
}

async fn read<A: OrderApi>(context: &Context<A>, inbound: &Inbound, clock: Clock) -> Settlement {
    if inbound.body.len() > context.max_message_bytes {
        let (limit, got) = (context.max_message_bytes, inbound.body.len());
        let why = format!("body: expected at most {limit} bytes, got {got}");
        return unread(context, inbound, clock).refuse(OwnCode::InvalidMessage, &why);
    }
    if is_ignored(inbound) {
        return unread(context, inbound, clock).ignored();
    }
    match opened(inbound, &raw(context, inbound)) {
        Ok(envelope) => act(context, inbound, &envelope, clock).await,
        Err(refused) => {
            let identity = Identity {
                message_id: refused.id,
                source: refused.source,
                order: refused.order,
                operation: refused.type_name.as_deref().and_then(Kind::of).map(Operation::from),
            };
            let case = Case { identity, ..unread(context, inbound, clock) };
            case.reject(&refused.rejection)
        }
    }
}

async fn act<A: OrderApi>(context: &Context<A>, inbound: &Inbound, envelope: &Envelope, clock: Clock) -> Settlement {
    let case = case_of(context, inbound, envelope, clock);
    let command = match command_for(envelope, &context.conventions) {
        Ok(command) => command,
        Err(rejection) => return case.reject(&rejection),
    };
    if let Err(broken) = context.conventions.rules.check(&command, case.began) {
        return case.unless_there(&command, case.reject(&broken)).await;
    }
    match command {
        Command::CreateOrder(create) => case.create(&create).await,
        Command::StartFulfillment(start) => ended(case.start_fulfillment(&start).await),
        Command::AmendOrder(amend) => ended(case.amend(&amend).await),
        Command::UpdateRefunds(update) => ended(case.update_refunds(&update).await),
    }
}

/// An early end of a command is an end like any other.
fn ended(end: Result<Settlement, Settlement>) -> Settlement {
    end.unwrap_or_else(|settlement| settlement)
}

/// Settles a message over which the worker panicked.
pub(super) async fn after_panic<A: OrderApi>(context: &Context<A>, inbound: &Inbound, clock: Clock) -> Settlement {
    match decide::after_panic(&context.limits, &inbound.history, Timestamp::now()) {
        Verdict::Later(later) => Settlement::Later(later),
        Verdict::GiveUp { .. } => {
            let panics = inbound.history.panics + 1;
            give_up(context, inbound, clock, &format!("the worker panicked over it {panics} times")).await
        }
    }
}

/// A letter for a message that cannot be handled, unless a read says that its effect is there: a call may have got
/// through before the end.
async fn give_up<A: OrderApi>(context: &Context<A>, inbound: &Inbound, clock: Clock, why: &str) -> Settlement {
    if inbound.body.len() > context.max_message_bytes {
        return bury(context, inbound, why);
    }
    let Ok(envelope) = opened(inbound, &raw(context, inbound)) else { return bury(context, inbound, why) };
    let case = case_of(context, inbound, &envelope, clock);
    let letter = bare_if_refused(case.refuse(OwnCode::PoisonMessage, why), inbound);
    match command_for(&envelope, &context.conventions) {
        Ok(command) => case.unless_done(&command, letter).await,
        Err(_) => letter,
    }
}

/// Where a message stands among others, for keeping an order's messages in order.
pub(super) fn standing<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Standing {
    let is_read = inbound.unended < BURY_AFTER && inbound.body.len() <= context.max_message_bytes;
    if is_read
        && let Ok(envelope) = opened(inbound, &raw(context, inbound))
        && let Some(order) = order_key(&envelope)
    {
        let whose = Whose { order: Some(order), message_id: envelope.id };
        return Standing { whose, kind: Some(envelope.kind) };
    }
    Standing { whose: Whose { order: None, message_id: id_outside(&raw(context, inbound)) }, kind: None }
}

/// Where a message stands among others.
#[derive(Clone, Debug, Default)]
pub(super) struct Standing {
    /// Its names. One without an order stands alone.
    pub(super) whose: Whose,
    /// Its kind, where it has an order.
    pub(super) kind: Option<Kind>,
}

/// A case of which the envelope has been read.
fn case_of<'a, A: OrderApi>(
    context: &'a Context<A>,
    inbound: &'a Inbound,
    envelope: &Envelope,
    clock: Clock,
) -> Case<'a, A> {
    let identity = Identity {
        message_id: envelope.id.clone(),
        source: envelope.source.clone(),
        order: order_key(envelope).or_else(|| envelope.subject.clone()),
        operation: Some(envelope.kind.into()),
    };
    let (private, stamp) = (Private::of(&envelope.data), stamp(inbound, envelope));
    Case { identity, private, stamp, has_own_id: envelope.has_own_id, ..unread(context, inbound, clock) }
}

/// Where an amendment stands among those of its order. Somebody wants a replay to be the last, whatever its age.
fn stamp(inbound: &Inbound, envelope: &Envelope) -> Stamp {
    let taken = inbound.history.first_taken_at.unwrap_or_else(Timestamp::now);
    let may_be_late = inbound.hopped || inbound.redelivered;
    match inbound.history.replays {
        0 => Stamp { sequence: envelope.sequence.clone(), time: envelope.time, taken, may_be_late },
        _ => Stamp::of_replay(taken, false),
    }
}

/// A letter for a message that may end the process that reads it, so it is not read.
pub(super) fn bury<A: OrderApi>(context: &Context<A>, inbound: &Inbound, why: &str) -> Settlement {
    let clock = context.pace.clock(Instant::now());
    bare_if_refused(unread(context, inbound, clock).refuse(OwnCode::PoisonMessage, why), inbound)
}

/// Nothing but the body is sent on of a message whose headers or properties the broker may be refusing.
fn bare_if_refused(mut settlement: Settlement, inbound: &Inbound) -> Settlement {
    if let Settlement::DeadLetter(letter, _) = &mut settlement {
        letter.bare = inbound.blames >= UNPUBLISHABLE_AFTER;
    }
    settlement
}

/// A case of which nothing is known but the delivery.
fn unread<'a, A: OrderApi>(context: &'a Context<A>, inbound: &'a Inbound, clock: Clock) -> Case<'a, A> {
    let identity = Identity { message_id: id_outside(&raw(context, inbound)), ..Identity::default() };
    let began = Timestamp::now();
    let stamp = Stamp::of_replay(began, false);
    let began_at = Instant::now();
    Case {
        context,
        inbound,
        identity,
        private: Private::default(),
        stamp,
        has_own_id: true,
        began,
        began_at,
        clock,
        has_called: AtomicBool::new(false),
    }
}

fn raw<'a, A>(context: &Context<A>, inbound: &'a Inbound) -> RawMessage<'a> {
    let headers: &BTreeMap<String, String> = &inbound.headers;
    RawMessage {
        body: &inbound.body,
        content_type: inbound.content_type.as_deref(),
        content_encoding: inbound.content_encoding.as_deref(),
        message_id: inbound.message_id.as_deref(),
        message_type: inbound.message_type.as_deref(),
        timestamp: inbound.timestamp,
        routing_key: &inbound.routing_key,
        headers,
        max_unpacked_bytes: context.max_message_bytes.saturating_mul(MAX_GROWTH),
    }
}
