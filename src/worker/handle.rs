//! A message in, its settlement out.
//!
//! Not here: how many at a time, in which order.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::time::Instant;

use super::case::{Case, Identity};
use super::context::Context;
use super::rank::Rank;
use crate::domain::command::{Command, command_for, order_key};
use crate::domain::envelope::{Envelope, Kind, RawMessage, open};
use crate::domain::outcome::body_id;
use crate::domain::privacy::Private;
use crate::policy::catalogue::OwnCode;
use crate::policy::decide::{self, Verdict};
use crate::ports::{Inbound, Operation, OrderApi, Settlement};

/// Deliveries that ended with a process, or publications for a message that the broker refused, after which it is set
/// apart. The broker counts for all that were in hand, so it takes several before one is suspected.
const SUSPECT_AFTER: u64 = 5;
/// The same, after which a message that is handled alone is given up.
const GIVE_UP_AFTER: u64 = 10;
/// The same, after which it is not even read any more, so that what kills its reader comes to an end.
const BURY_AFTER: u64 = 13;
/// Refused publications after which a message that cannot be set apart is buried where it is. Its neighbours are
/// refused with it, and are set apart long before.
const UNMOVABLE_AFTER: u64 = 20;

/// What becomes of a message.
pub async fn handle<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    let suspicion = inbound.crashes + inbound.blames;
    let why =
        || format!("{} deliveries of it ended with a process, {} with a refusal", inbound.crashes, inbound.blames);
    if inbound.suspect {
        match suspicion {
            BURY_AFTER.. => bury(context, inbound, &why()),
            GIVE_UP_AFTER.. => give_up(context, inbound, &why()).await,
            _ => read(context, inbound).await,
        }
    } else if inbound.blames >= UNMOVABLE_AFTER {
        bury(context, inbound, &why())
    } else if suspicion >= SUSPECT_AFTER {
        Settlement::Suspect
    } else {
        read(context, inbound).await
    }
}

async fn read<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    if inbound.body.len() > context.max_message_bytes {
        let (limit, got) = (context.max_message_bytes, inbound.body.len());
        let why = format!("body: expected at most {limit} bytes, got {got}");
        return unread(context, inbound).refuse(OwnCode::InvalidMessage, &why);
    }
    match open(&raw(inbound)) {
        Ok(envelope) => act(context, inbound, &envelope).await,
        Err(refused) => {
            let identity = Identity {
                message_id: refused.id,
                source: refused.source,
                order: refused.subject,
                operation: refused.type_name.as_deref().and_then(Kind::of).map(operation),
            };
            let case = Case { identity, ..unread(context, inbound) };
            case.reject(&refused.rejection)
        }
    }
}

async fn act<A: OrderApi>(context: &Context<A>, inbound: &Inbound, envelope: &Envelope) -> Settlement {
    let case = case_of(context, inbound, envelope);
    let command = match command_for(envelope, &context.conventions) {
        Ok(command) => command,
        Err(rejection) => return case.reject(&rejection),
    };
    if let Err(broken) = context.conventions.rules.check(&command, case.began) {
        return case.unless_there(&command, case.reject(&broken)).await;
    }
    match command {
        Command::CreateOrder(create) => case.create(&create).await,
        Command::StartFulfillment(start) => case.claimed(case.start_fulfillment(&start)).await,
        Command::AmendOrder(amend) => case.claimed(case.amend(&amend)).await,
        Command::UpdateRefunds(update) => case.claimed(case.update_refunds(&update)).await,
    }
}

/// What becomes of a message over which the worker panicked.
pub async fn after_panic<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    match decide::after_panic(&context.limits, &inbound.history, Timestamp::now()) {
        Verdict::Later(later) => Settlement::Later(later),
        Verdict::GiveUp { .. } => {
            let panics = inbound.history.panics + 1;
            give_up(context, inbound, &format!("the worker panicked over it {panics} times")).await
        }
    }
}

/// A letter for what cannot be handled, unless its order is there: a call may have got through before the end.
async fn give_up<A: OrderApi>(context: &Context<A>, inbound: &Inbound, why: &str) -> Settlement {
    let Ok(envelope) = open(&raw(inbound)) else { return bury(context, inbound, why) };
    let case = case_of(context, inbound, &envelope);
    let letter = case.refuse(OwnCode::PoisonMessage, why);
    match command_for(&envelope, &context.conventions) {
        Ok(command) => case.unless_there(&command, letter).await,
        Err(_) => letter,
    }
}

/// Name of the order that a message is about, for keeping its messages in order. What is suspected, or is no message of
/// a shop, is not read for that.
pub fn lane_of<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Option<Standing> {
    if inbound.crashes + inbound.blames >= SUSPECT_AFTER || inbound.body.len() > context.max_message_bytes {
        return None;
    }
    let envelope = open(&raw(inbound)).ok()?;
    let rank = Rank::of(inbound, envelope.time);
    Some(Standing { order: order_key(&envelope)?, kind: envelope.kind, rank })
}

/// Where a message stands among others.
#[derive(Clone, Debug)]
pub struct Standing {
    /// Name of its order.
    pub order: String,
    /// What it asks for.
    pub kind: Kind,
    /// What came before it, where that is known.
    pub rank: Option<Rank>,
}

/// A case of which the envelope has been read.
fn case_of<'a, A: OrderApi>(context: &'a Context<A>, inbound: &'a Inbound, envelope: &Envelope) -> Case<'a, A> {
    let identity = Identity {
        message_id: envelope.id.clone(),
        source: envelope.source.clone(),
        order: order_key(envelope).or_else(|| envelope.subject.clone()),
        operation: Some(operation(envelope.kind)),
    };
    let (private, rank) = (Private::of(&envelope.data), Rank::of(inbound, envelope.time));
    Case { identity, private, rank, ..unread(context, inbound) }
}

/// A letter for what may kill the process that reads it, so it is not read. Outside the queue of suspects it comes to
/// this only when the message could not even be moved there, so nothing of it but the body is sent on.
pub(super) fn bury<A: OrderApi>(context: &Context<A>, inbound: &Inbound, why: &str) -> Settlement {
    let mut settlement = unread(context, inbound).refuse(OwnCode::PoisonMessage, why);
    if let Settlement::DeadLetter(letter, _) = &mut settlement {
        letter.bare = inbound.blames >= UNMOVABLE_AFTER && !inbound.suspect;
    }
    settlement
}

/// A case of which nothing is known but what the broker told.
fn unread<'a, A: OrderApi>(context: &'a Context<A>, inbound: &'a Inbound) -> Case<'a, A> {
    let message_id = inbound.message_id.clone().unwrap_or_else(|| body_id(&inbound.body).to_string());
    let identity = Identity { message_id, ..Identity::default() };
    let taken_at = inbound.taken_at.unwrap_or_else(Instant::now);
    let (private, open_call, began) = (Private::default(), AtomicBool::default(), Timestamp::now());
    Case { context, inbound, identity, private, rank: None, open_call, began, taken_at }
}

fn raw(inbound: &Inbound) -> RawMessage<'_> {
    let headers: &BTreeMap<String, String> = &inbound.headers;
    RawMessage {
        body: &inbound.body,
        content_type: inbound.content_type.as_deref(),
        message_id: inbound.message_id.as_deref(),
        message_type: inbound.message_type.as_deref(),
        timestamp: inbound.timestamp,
        routing_key: &inbound.routing_key,
        headers,
    }
}

/// The operation that a kind of message asks for.
fn operation(kind: Kind) -> Operation {
    match kind {
        Kind::CheckoutCompleted => Operation::CreateOrder,
        Kind::FulfillmentTriggered | Kind::OrderAmended | Kind::RefundUpdated => Operation::UpdateOrder,
    }
}
