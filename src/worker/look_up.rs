//! Reads whose an order is, by the names that were sent.
//!
//! Not here: what follows from the answer.

use tokio::time::Instant;

use super::call::Call;
use crate::domain::command::CreateOrder;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::sameness::{Sameness, compare};
use crate::domain::stored::{StoredOrder, Untold};
use crate::policy::catalogue::{Class, Decision};
use crate::policy::classify::{Failure, not_told};
use crate::ports::{Operation, OrderApi, Purpose};

/// Answer of a read by one name.
#[derive(Debug)]
pub(super) enum Found {
    /// The order.
    Order(Box<StoredOrder>),
    /// No such order, as far as the API tells.
    Nothing,
    /// Nobody can say now.
    Unclear(Failure),
}

/// Whose the order is that holds the aliases of a create.
#[derive(Debug)]
pub(super) enum Owner {
    /// Nobody's: no order holds any of them.
    Nobody,
    /// This message's order is there already.
    Us {
        /// The order.
        stored: Box<StoredOrder>,
        /// Where it is not what was sent.
        differences: Vec<String>,
    },
    /// Another order's.
    Another {
        /// The alias type, and what contradicts.
        why: String,
        /// It has the shop's id of this order, and something in common with it: the shop has edited the order.
        edited: bool,
    },
    /// Nobody can say now.
    Unclear(Failure),
}

/// Reads an order by one name, as far as `purpose` needs it.
pub(super) async fn read<A: OrderApi>(call: &Call<'_, A>, identifier: &OrderIdentifier, purpose: Purpose) -> Found {
    let api = &call.context.api;
    // boxed: a create seldom reads, and would have room for it all the time
    let read = Box::pin(call.send(Operation::Order, || api.order(identifier, purpose)));
    match read.await {
        Ok(Some(stored)) => {
            call.context.memory.exists(call.order(), &stored.id);
            Found::Order(Box::new(stored))
        }
        Ok(None) => Found::Nothing,
        Err(failure) => match failure.class.decision() {
            // no access to this one, or none such, while others can be read: it is not there. While none can be
            // read, a gateway or a wrong store may be what speaks
            Decision::AwaitCreate if Box::pin(reads_work(call)).await => Found::Nothing,
            // a failure that speaks of our credentials says nothing of the order
            Decision::Retry(_)
                if failure.class == Class::Denied && !failure.systemic && Box::pin(reads_work(call)).await =>
            {
                Found::Nothing
            }
            Decision::AwaitCreate | Decision::Retry(_) | Decision::Done | Decision::Compare | Decision::Refuse => {
                Found::Unclear(failure)
            }
        },
    }
}

/// Whether an order that is certainly there can be read.
async fn reads_work<A: OrderApi>(call: &Call<'_, A>) -> bool {
    match call.context.memory.another_existing(call.order()) {
        None => false,
        Some((name, known)) => {
            let api = &call.context.api;
            let read = || api.order(&known, Purpose::Identify);
            let read = call.send_about(&name, call.context.timing.retries, Operation::Order, read).await;
            matches!(read, Ok(Some(_)))
        }
    }
}

/// Reads by every alias that was sent. After an unknown outcome, "nobody's" is believed only when it
/// is said twice, with the time between that an effect may take to show.
pub(super) async fn owner<A: OrderApi>(call: &Call<'_, A>, create: &CreateOrder, outcome_unknown: bool) -> Owner {
    let first = owner_now(call, create).await;
    if !(outcome_unknown && matches!(first, Owner::Nobody)) {
        return first;
    }
    match call.wait(Instant::now() + call.context.timing.visible_after).await {
        Ok(()) => owner_now(call, create).await,
        Err(late) => Owner::Unclear(late),
    }
}

async fn owner_now<A: OrderApi>(call: &Call<'_, A>, create: &CreateOrder) -> Owner {
    for alias in &create.aliases {
        match read(call, &OrderIdentifier::Alias(alias.clone()), Purpose::Compare).await {
            Found::Nothing => {}
            Found::Unclear(failure) => return Owner::Unclear(failure),
            Found::Order(stored) => return judge(&call.context.conventions.aliases.line, create, alias, stored),
        }
    }
    Owner::Nobody
}

fn judge(line_type: &str, create: &CreateOrder, by: &Alias, stored: Box<StoredOrder>) -> Owner {
    let why = |reason: &str| format!("alias type {}: {reason}", by.alias_type);
    let another = |reason: &str| Owner::Another { why: why(reason), edited: false };
    let Some(primary) = create.aliases.first() else { return another("the create has no alias of its own") };
    if by != primary {
        match &stored.aliases {
            Some(aliases) if aliases.contains(primary) => {}
            Some(_) => return another("it names an order that has another order id"),
            None => return Owner::Unclear(not_told(Untold::Aliases, &stored.unknown)),
        }
    }
    match compare(&create.input, &stored, line_type) {
        Sameness::Same { differences } => Owner::Us { stored, differences },
        Sameness::Different { contradictions, has_something_in_common: edited } => {
            Owner::Another { why: why(&contradictions.join("; ")), edited }
        }
    }
}
