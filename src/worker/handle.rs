//! A message in, its settlement out.
//!
//! Not here: how many at a time, in which order.

use std::sync::Arc;

use jiff::Timestamp;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::call::Call;
use super::clock::Clock;
use super::commands::apply;
use super::context::Context;
use super::ending::Ending;
use super::last_look::{unless_done, unless_there};
use super::open::{Delivered, Opened, Unread, open};
use super::takeover::updates_begin_at;
use crate::domain::envelope::Envelope;
use crate::domain::transform::{check_rules, command_for};
use crate::policy::catalogue::OwnCode;
use crate::policy::decide::{self, Again};
use crate::policy::suspicion::{Treatment, is_unpublishable, treatment};
use crate::ports::{Inbound, OrderApi, Settlement};

/// Handles a message that was delivered just now, once a call that another process may have open for it has ended.
pub async fn handle<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    let (label, opened) = open(context, inbound);
    let label = Arc::new(label);
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
    match treatment(delivered.inbound.unended, delivered.inbound.blames) {
        Treatment::Handle => attend(context, delivered, clock).await,
        Treatment::GiveUp(why) => Box::pin(give_up(context, delivered, clock, &why)).await,
        Treatment::Bury(why) => bury(context, delivered, &why),
    }
}

async fn attend<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, clock: Clock) -> Settlement {
    let ending = Ending::new(context, delivered);
    match delivered.opened {
        Opened::Message(envelope) => {
            act(&Call::new(context, delivered, clock), &ending, delivered.inbound, envelope).await
        }
        Opened::Refused(rejection) => ending.reject(rejection),
        Opened::Ignored => ending.ignored(),
        Opened::Unread(Unread::TooLarge) => {
            let (limit, got) = (context.max_message_bytes, delivered.inbound.body.len());
            ending.refuse(OwnCode::InvalidMessage, &format!("body: expected at most {limit} bytes, got {got}"))
        }
        Opened::Unread(Unread::EndsProcesses) => bury(context, delivered, "processes ended while it was handled alone"),
        Opened::Unread(Unread::Panicked) => Box::pin(after_panic(context, delivered, clock)).await,
    }
}

async fn act<A: OrderApi>(
    call: &Call<'_, A>,
    ending: &Ending<'_>,
    inbound: &Inbound,
    envelope: &Envelope,
) -> Settlement {
    let conventions = &call.context.conventions;
    let command = match command_for(envelope, conventions) {
        Ok(command) => command,
        Err(rejection) => return ending.reject(&rejection),
    };
    if let Err(broken) = check_rules(&command, &conventions.rules, Timestamp::now()) {
        return Box::pin(unless_there(call, ending, &command, ending.reject(&broken))).await;
    }
    apply(&command, call, ending, (inbound, envelope)).await
}

/// Settles a message over which the worker panicked.
pub(super) async fn after_panic<A: OrderApi>(
    context: &Context<A>,
    delivered: Delivered<'_>,
    clock: Clock,
) -> Settlement {
    let history = &delivered.inbound.history;
    match decide::after_panic(&context.limits, history, Timestamp::now()) {
        Again::Later(later) => Settlement::Later(later),
        Again::GiveUp { .. } => {
            let panics = history.panics + 1;
            give_up(context, delivered, clock, &format!("the worker panicked over it {panics} times")).await
        }
    }
}

/// A letter for a message that cannot be handled, unless a read shows its effect. A call may have got through before the
/// end.
async fn give_up<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, clock: Clock, why: &str) -> Settlement {
    let Opened::Message(envelope) = delivered.opened else { return bury(context, delivered, why) };
    let (call, ending) = (Call::new(context, delivered, clock), Ending::new(context, delivered));
    let letter = bare_if_refused(ending.refuse(OwnCode::PoisonMessage, why), delivered.inbound);
    match command_for(envelope, &context.conventions) {
        Ok(command) => unless_done(&call, &ending, &command, letter).await,
        Err(_) => letter,
    }
}

/// A letter for a message that may end the process that reads it, so it is not read.
pub(super) fn bury<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, why: &str) -> Settlement {
    bare_if_refused(Ending::new(context, delivered).refuse(OwnCode::PoisonMessage, why), delivered.inbound)
}

/// Nothing but the body is sent on of a message whose headers or properties the broker may be refusing.
fn bare_if_refused(mut settlement: Settlement, inbound: &Inbound) -> Settlement {
    if let Settlement::DeadLetter(letter, _) = &mut settlement {
        letter.bare = is_unpublishable(inbound.blames);
    }
    settlement
}
