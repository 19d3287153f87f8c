//! The ledger: every accepted effect in sequence, with counts of calls and faults.
//! Not here: the orders themselves (`store`).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::names::{Alias, Operation, RefundState};

/// One accepted effect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "effect", rename_all = "snake_case")]
pub enum Effect {
    /// An order was created.
    Created {
        /// Id of the order.
        order: String,
        /// Aliases of the create.
        aliases: Vec<Alias>,
        /// Whether the create had an alias: an order without one can be created twice unnoticed.
        has_alias: bool,
    },
    /// Fulfillment was started.
    Started {
        /// Id of the order.
        order: String,
    },
    /// `STARTED` was requested and accepted for an order that had started before.
    StartRepeated {
        /// Id of the order.
        order: String,
    },
    /// Another field of an order was changed.
    Updated {
        /// Id of the order.
        order: String,
        /// Fields in the input of the update.
        fields: Vec<String>,
        /// Total price in the update, with the digits that were sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<String>,
    },
    /// Buy with Prime opened a refund, as after a shopper's return.
    RefundRequested {
        /// Id of the order.
        order: String,
        /// Id of the refund.
        refund: String,
    },
    /// A refund was updated, or opened by the shop.
    RefundUpdated {
        /// Id of the order.
        order: String,
        /// Id of the refund.
        refund: String,
        /// New state of the refund.
        state: RefundState,
        /// Amount refunded so far, with the digits that were sent.
        total: String,
    },
    /// A payment was sent in an update of a refund. A payment that is sent twice is here twice.
    RefundPaid {
        /// Id of the order.
        order: String,
        /// Id of the refund.
        refund: String,
        /// Id of the payment, if it has one.
        payment: Option<String>,
        /// Amount of the payment, with the digits that were sent.
        amount: String,
    },
}

/// All accepted effects since the start, and counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Effects, oldest first.
    pub effects: Vec<Effect>,
    /// Calls by operation, including refused and faulty ones.
    pub calls: BTreeMap<Operation, u64>,
    /// Executed faults by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Ledger {
    /// Number of orders that were created.
    #[must_use]
    pub fn orders_created(&self) -> usize {
        self.creations().count()
    }

    /// Number of orders that were created without any alias.
    #[must_use]
    pub fn creates_without_alias(&self) -> usize {
        self.creations().filter(|(_, aliases)| aliases.is_empty()).count()
    }

    /// Number of orders that were created with an alias of this id.
    #[must_use]
    pub fn creations_of(&self, alias_id: &str) -> usize {
        self.orders_named(alias_id).len()
    }

    /// Number of accepted `STARTED` for orders created with an alias of this id, repetitions included.
    #[must_use]
    pub fn starts_of(&self, alias_id: &str) -> usize {
        let named = self.orders_named(alias_id);
        let starts = self.effects.iter().filter(|effect| {
            matches!(effect, Effect::Started { order } | Effect::StartRepeated { order }
                if named.contains(&order.as_str()))
        });
        starts.count()
    }

    /// Total price of the last update that set one, for orders created with an alias of this id.
    #[must_use]
    pub fn last_total_of(&self, alias_id: &str) -> Option<&str> {
        let named = self.orders_named(alias_id);
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Updated { order, total, .. } if named.contains(&order.as_str()) => total.as_deref(),
            _ => None,
        })
    }

    /// Number of times that a refund's payment of this id was sent.
    #[must_use]
    pub fn payments_of(&self, payment_id: &str) -> usize {
        let told = |effect: &&Effect| matches!(effect, Effect::RefundPaid { payment, .. } if payment.as_deref() == Some(payment_id));
        self.effects.iter().filter(told).count()
    }

    /// Number of calls of this operation.
    #[must_use]
    pub fn calls_of(&self, operation: Operation) -> u64 {
        self.calls.get(&operation).copied().unwrap_or_default()
    }

    pub(super) fn record(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    pub(super) fn count_call(&mut self, operation: Operation) {
        *self.calls.entry(operation).or_default() += 1;
    }

    pub(super) fn count_fault(&mut self, kind: &str) {
        *self.faults.entry(kind.to_owned()).or_default() += 1;
    }

    fn creations(&self) -> impl Iterator<Item = (&str, &[Alias])> {
        self.effects.iter().filter_map(|effect| match effect {
            Effect::Created { order, aliases, .. } => Some((order.as_str(), aliases.as_slice())),
            _ => None,
        })
    }

    /// The orders created with an alias of this id.
    fn orders_named(&self, alias_id: &str) -> Vec<&str> {
        let named = |aliases: &[Alias]| aliases.iter().any(|alias| alias.alias_id == alias_id);
        self.creations().filter(|(_, aliases)| named(aliases)).map(|(order, _)| order).collect()
    }
}
