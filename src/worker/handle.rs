//! A message in, its settlement out.
//!
//! Not here: how many at a time, in which order.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::amended::Stamp;
use super::case::Case;
use super::clock::Clock;
use super::context::Context;
use super::open::{BURY_AFTER, Delivered, Opened, Unread, open};
use super::takeover::updates_begin_at;
use crate::domain::command::Command;
use crate::domain::envelope::Envelope;
use crate::domain::transform::command_for;
use crate::policy::catalogue::OwnCode;
use crate::policy::decide::{self, Verdict};
use crate::ports::{Inbound, OrderApi, Settlement};

/// Handlings of a message, alone, that ended with their process, after which it is given up.
const GIVE_UP_AFTER: u32 = 3;
/// Refused publications for a message, each of which costs a session, after which it is given up.
const UNPUBLISHABLE_AFTER: u64 = 3;

/// Handles a message that was delivered just now, once a call that another process may have open for it has ended.
pub async fn handle<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    let (label, opened) = open(context, inbound);
    let handled = async {
        let mut began = inbound.taken_at.unwrap_or_else(Instant::now);
        if let Some(at) = updates_begin_at(label.kind_in_lane(), inbound, context.timing.call_ended) {
            sleep_until(at).await;
            began = began.max(at);
        }
        let delivered = Delivered { inbound, label: &label, opened: &opened };
        handle_since(context, delivered, context.pace.clock(began)).await
    };
    handled.instrument(label.span()).await
}

/// Handles a message; its clock may have begun with an earlier try in this process.
pub(super) async fn handle_since<A: OrderApi>(
    context: &Context<A>,
    delivered: Delivered<'_>,
    clock: Clock,
) -> Settlement {
    let Inbound { unended, blames, .. } = *delivered.inbound;
    match unended {
        BURY_AFTER.. => bury(context, delivered, &format!("{unended} processes ended while it was handled alone")),
        GIVE_UP_AFTER.. => {
            give_up(context, delivered, clock, &format!("{unended} processes ended while it was handled alone")).await
        }
        _ if blames >= UNPUBLISHABLE_AFTER => {
            give_up(context, delivered, clock, &format!("the broker refused {blames} publications for it")).await
        }
        _ => attend(context, delivered, clock).await,
    }
}

async fn attend<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, clock: Clock) -> Settlement {
    match delivered.opened {
        Opened::Message(envelope) => act(context, delivered, envelope, clock).await,
        Opened::Refused(rejection) => case(context, delivered, clock).reject(rejection),
        Opened::Unread(Unread::TooLarge) => {
            let (limit, got) = (context.max_message_bytes, delivered.inbound.body.len());
            let why = format!("body: expected at most {limit} bytes, got {got}");
            case(context, delivered, clock).refuse(OwnCode::InvalidMessage, &why)
        }
        Opened::Unread(Unread::EndsProcesses) => bury(context, delivered, "processes ended while it was handled alone"),
        Opened::Unread(Unread::Panicked) => after_panic(context, delivered, clock).await,
    }
}

async fn act<A: OrderApi>(
    context: &Context<A>,
    delivered: Delivered<'_>,
    envelope: &Envelope,
    clock: Clock,
) -> Settlement {
    let case = case(context, delivered, clock);
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
pub(super) async fn after_panic<A: OrderApi>(
    context: &Context<A>,
    delivered: Delivered<'_>,
    clock: Clock,
) -> Settlement {
    let history = &delivered.inbound.history;
    match decide::after_panic(&context.limits, history, Timestamp::now()) {
        Verdict::Later(later) => Settlement::Later(later),
        Verdict::GiveUp { .. } => {
            let panics = history.panics + 1;
            give_up(context, delivered, clock, &format!("the worker panicked over it {panics} times")).await
        }
    }
}

/// A letter for a message that cannot be handled, unless a read says that its effect is there: a call may have got
/// through before the end.
async fn give_up<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, clock: Clock, why: &str) -> Settlement {
    let Opened::Message(envelope) = delivered.opened else { return bury(context, delivered, why) };
    let case = case(context, delivered, clock);
    let letter = bare_if_refused(case.refuse(OwnCode::PoisonMessage, why), delivered.inbound);
    match command_for(envelope, &context.conventions) {
        Ok(command) => case.unless_done(&command, letter).await,
        Err(_) => letter,
    }
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
pub(super) fn bury<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, why: &str) -> Settlement {
    let clock = context.pace.clock(Instant::now());
    bare_if_refused(case(context, delivered, clock).refuse(OwnCode::PoisonMessage, why), delivered.inbound)
}

/// Nothing but the body is sent on of a message whose headers or properties the broker may be refusing.
fn bare_if_refused(mut settlement: Settlement, inbound: &Inbound) -> Settlement {
    if let Settlement::DeadLetter(letter, _) = &mut settlement {
        letter.bare = inbound.blames >= UNPUBLISHABLE_AFTER;
    }
    settlement
}

fn case<'a, A: OrderApi>(context: &'a Context<A>, delivered: Delivered<'a>, clock: Clock) -> Case<'a, A> {
    let Delivered { inbound, label, opened } = delivered;
    let envelope = match opened {
        Opened::Message(envelope) => Some(envelope.as_ref()),
        Opened::Refused(_) | Opened::Unread(_) => None,
    };
    let (began, began_at) = (Timestamp::now(), Instant::now());
    Case {
        context,
        inbound,
        label,
        data: envelope.map(|envelope| &*envelope.data),
        stamp: envelope.map_or_else(|| Stamp::of_replay(began, false), |envelope| stamp(inbound, envelope)),
        has_own_id: envelope.is_none_or(|envelope| envelope.has_own_id),
        began,
        began_at,
        clock,
        has_called: AtomicBool::new(false),
    }
}
