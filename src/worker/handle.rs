//! A message in, its settlement out.
//!
//! Not here: how many at a time, in which order.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::case::{Case, Identity};
use super::context::Context;
use crate::domain::command::{Command, command_for, order_key};
use crate::domain::envelope::{Envelope, Kind, RawMessage, open};
use crate::domain::outcome::body_id;
use crate::domain::privacy::Private;
use crate::domain::rejection::RejectionCode;
use crate::domain::rules;
use crate::policy::catalogue::OwnCode;
use crate::policy::decide::{self, Verdict};
use crate::ports::{Inbound, Operation, OrderApi, Settlement};

/// Deliveries that ended with a process after which a message is set apart.
///
/// The broker counts for all that were in hand, so it takes several before one is suspected.
const SUSPECT_AFTER: u64 = 5;
/// The same, after which a message that is handled alone is given up.
const POISON_AFTER: u64 = 10;

/// What becomes of a message.
pub async fn handle<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    if inbound.crashes >= POISON_AFTER {
        return poison(context, inbound, &format!("{} deliveries of it ended with a process", inbound.crashes));
    }
    if inbound.crashes >= SUSPECT_AFTER && !inbound.suspect {
        return Settlement::Suspect;
    }
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
            case.refuse(own_code(refused.rejection.code), &refused.rejection.message)
        }
    }
}

async fn act<A: OrderApi>(context: &Context<A>, inbound: &Inbound, envelope: &Envelope) -> Settlement {
    let case = Case {
        context,
        inbound,
        identity: Identity {
            message_id: envelope.id.clone(),
            source: envelope.source.clone(),
            order: order_key(envelope).or_else(|| envelope.subject.clone()),
            operation: Some(operation(envelope.kind)),
        },
        private: Private::of(&envelope.data),
        ..unread(context, inbound)
    };
    let command = match command_for(envelope, &context.aliases) {
        Ok(command) => command,
        Err(rejection) => return case.refuse(own_code(rejection.code), &rejection.message),
    };
    match (rules::check(&command), &command) {
        (Ok(()), Command::CreateOrder(create)) => case.create(create).await,
        (Ok(()), Command::StartFulfillment(start)) => case.start_fulfillment(start).await,
        (Err(broken), Command::CreateOrder(create)) => case.refuse_create(create, &broken, own_code(broken.code)).await,
        (Err(broken), Command::StartFulfillment(_)) => case.refuse(own_code(broken.code), &broken.message),
    }
}

/// What becomes of a message over which the worker panicked. Reads nothing of it: reading may be what panicked.
pub fn after_panic<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    match decide::after_panic(&context.limits, &inbound.history, Timestamp::now()) {
        Verdict::Later(later) => Settlement::Later(later),
        Verdict::GiveUp { attempts } => {
            poison(context, inbound, &format!("the worker panicked over it {attempts} times"))
        }
    }
}

/// Name of the order that a message is about, for keeping its messages in order.
pub fn lane_of(inbound: &Inbound) -> Option<String> {
    open(&raw(inbound)).ok().and_then(|envelope| order_key(&envelope))
}

/// A letter for what may kill the process that reads it. Outside the queue of suspects it comes to this only
/// when the message could not even be moved there, so nothing of it but the body is sent on.
fn poison<A: OrderApi>(context: &Context<A>, inbound: &Inbound, why: &str) -> Settlement {
    let mut settlement = unread(context, inbound).refuse(OwnCode::PoisonMessage, why);
    if let Settlement::DeadLetter(letter, _) = &mut settlement {
        letter.bare = inbound.crashes >= POISON_AFTER && !inbound.suspect;
    }
    settlement
}

/// A case of which nothing is known but what the broker told.
fn unread<'a, A: OrderApi>(context: &'a Context<A>, inbound: &'a Inbound) -> Case<'a, A> {
    let message_id = inbound.message_id.clone().unwrap_or_else(|| body_id(&inbound.body).to_string());
    let identity = Identity { message_id, ..Identity::default() };
    let (began, delivered) = (Timestamp::now(), tokio::time::Instant::now());
    Case { context, inbound, identity, private: Private::default(), began, delivered }
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

fn own_code(code: RejectionCode) -> OwnCode {
    match code {
        RejectionCode::InvalidMessage => OwnCode::InvalidMessage,
        RejectionCode::UnsupportedMessage => OwnCode::UnsupportedMessage,
        RejectionCode::OrderAliasLimitExceeded => OwnCode::OrderAliasLimitExceeded,
        RejectionCode::OrderLinkLimitExceeded => OwnCode::OrderLinkLimitExceeded,
    }
}
