//! Reads, before a replay, the orders that its letters are about.
//!
//! Not here: the decision; a replay does no harm, but it may be for nothing.

use std::collections::BTreeMap;

use futures_util::{StreamExt, stream};

use super::plan::Planned;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::domain::stored::{ExecutionState, PackageState, StoredOrder};
use crate::policy::catalogue::Class;
use crate::policy::classify::classify;
use crate::ports::{Operation, OrderApi, Purpose};

/// Reads under way at the same time: few, since a worker shares the API with us.
const READS: usize = 4;

/// A fact that an operator should know before a letter is replayed.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Warning {
    /// The order of a create exists.
    Exists,
    /// Its fulfillment was started.
    Started,
    /// All of its packages are cancelled.
    Cancelled,
    /// The read failed.
    Unread(String),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Exists => f.write_str("is there already, fulfillment not started"),
            Self::Started => f.write_str("is there already, fulfillment started"),
            Self::Cancelled => f.write_str("is cancelled"),
            Self::Unread(why) => write!(f, "could not be read: {why}"),
        }
    }
}

/// Reads every order that letters are about, once; returns those with a warning.
pub async fn check<A: OrderApi>(api: &A, letters: &[Planned], alias_type: &str) -> BTreeMap<String, Warning> {
    let mut orders: BTreeMap<String, bool> = BTreeMap::new();
    for letter in letters {
        if let Some(order) = &letter.order {
            *orders.entry(order.clone()).or_default() |= letter.operation == Operation::CreateOrder.name();
        }
    }
    let reads = orders.into_iter().map(async |(order, create): (String, bool)| {
        let warning = match read(api, &order, alias_type, create).await {
            Ok(Some(stored)) => warning(&stored, create),
            Ok(None) => None,
            Err(why) => Some(Warning::Unread(why)),
        };
        warning.map(|warning| (order, warning))
    });
    stream::iter(reads).buffer_unordered(READS).filter_map(async |warning| warning).collect().await
}

/// Reads an order by the shop's id, then by Buy with Prime's. A letter may hold either; that of a create holds the
/// shop's.
async fn read<A: OrderApi>(
    api: &A,
    order: &str,
    alias_type: &str,
    create: bool,
) -> Result<Option<StoredOrder>, String> {
    let alias = OrderIdentifier::Alias(Alias::new(alias_type, order));
    let id = (!create).then(|| OrderIdentifier::OrderId(order.into()));
    for name in [Some(alias), id].into_iter().flatten() {
        match api.order(&name, Purpose::Start).await {
            Ok(Some(stored)) => return Ok(Some(stored)),
            Ok(None) => {}
            Err(error) => {
                let failure = classify(Operation::Order, &error);
                // the API denies an order that it does not know
                if !matches!(failure.class, Class::NotThere | Class::Denied) || failure.systemic {
                    return Err(error.to_string());
                }
            }
        }
    }
    Ok(None)
}

fn warning(stored: &StoredOrder, create: bool) -> Option<Warning> {
    match (&stored.package_state, &stored.execution_state) {
        (Some(PackageState::Cancelled), _) => Some(Warning::Cancelled),
        (_, Some(ExecutionState::Started)) => Some(Warning::Started),
        _ => create.then_some(Warning::Exists),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_worth_a_word_when_it_is_there_before_its_create_or_cannot_be_changed_any_more() {
        let stored = |execution: ExecutionState, packages: Option<PackageState>| StoredOrder {
            execution_state: Some(execution),
            package_state: packages,
            ..StoredOrder::default()
        };
        let (open, started) = (stored(ExecutionState::NotStarted, None), stored(ExecutionState::Started, None));
        let cancelled = stored(ExecutionState::Started, Some(PackageState::Cancelled));
        assert_eq!((warning(&open, true), warning(&open, false)), (Some(Warning::Exists), None));
        assert_eq!(
            (warning(&started, true), warning(&started, false)),
            (Some(Warning::Started), Some(Warning::Started))
        );
        assert_eq!(warning(&cancelled, false), Some(Warning::Cancelled));
    }
}
