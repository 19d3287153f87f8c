//! Reads one order of the API, for an operator.
//!
//! Not here: how it is shown; any change.

use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::Class;
use crate::policy::classify::classify;
use crate::ports::{ApiError, Operation, OrderApi, Purpose};

/// Reads that together show the whole order, without its recipient.
const READS: [Purpose; 3] = [Purpose::Start, Purpose::Refund, Purpose::Compare];

/// The API's answer.
#[derive(Debug)]
pub enum Found {
    /// The order.
    Order(Box<StoredOrder>),
    /// There is no such order.
    Absent,
    /// Nobody can say now, with the reason.
    Unclear(String),
}

/// Reads the order by the shop's id, then by Buy with Prime's.
pub async fn find<A: OrderApi>(api: &A, alias_type: impl Into<String> + Send, id: &str) -> Found {
    let alias = Alias::new(alias_type, id);
    for identifier in [OrderIdentifier::Alias(alias), OrderIdentifier::OrderId(id.to_owned())] {
        match part(api, &identifier, READS[0]).await {
            Found::Order(first) => return rest(api, *first).await,
            Found::Absent => {}
            unclear @ Found::Unclear(_) => return unclear,
        }
    }
    Found::Absent
}

/// The other reads of an order, put together.
async fn rest<A: OrderApi>(api: &A, first: StoredOrder) -> Found {
    let identifier = OrderIdentifier::OrderId(first.id.clone());
    let mut whole = first;
    for purpose in &READS[1..] {
        match part(api, &identifier, *purpose).await {
            Found::Order(more) => whole = more.over(&whole),
            Found::Absent => return Found::Unclear("the API had the order, and has it no longer".into()),
            unclear @ Found::Unclear(_) => return unclear,
        }
    }
    Found::Order(Box::new(whole))
}

async fn part<A: OrderApi>(api: &A, identifier: &OrderIdentifier, purpose: Purpose) -> Found {
    match api.order(identifier, purpose).await {
        Ok(Some(order)) => Found::Order(Box::new(order)),
        Ok(None) => Found::Absent,
        Err(error) => not_found(&error),
    }
}

/// The meaning of an error: no such order, or nobody can say.
fn not_found(error: &ApiError) -> Found {
    let failure = classify(Operation::Order, error);
    match failure.class {
        // a name that the API refuses to read names no order
        Class::NotThere | Class::Rejected => Found::Absent,
        Class::Denied
        | Class::MaybeAlreadyDone
        | Class::AlreadyDone
        | Class::Throttled
        | Class::Transient
        | Class::OutcomeUnknown
        | Class::QueryRefused
        | Class::Unlisted => Found::Unclear(format!("{error}; hint: {}", failure.action)),
    }
}
