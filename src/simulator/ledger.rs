//! What really happened, in order: every accepted effect, and how often what was called and broken.
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
        /// Its id.
        order: String,
        /// The aliases it was created with.
        aliases: Vec<Alias>,
        /// Whether there was any: an order without one can be created twice unnoticed.
        has_alias: bool,
    },
    /// Fulfillment started.
    Started {
        /// The order's id.
        order: String,
    },
    /// STARTED was asked for, and accepted, although the order had started.
    StartRepeated {
        /// The order's id.
        order: String,
    },
    /// Anything else about an order was changed.
    Updated {
        /// The order's id.
        order: String,
        /// The fields of the update's input.
        fields: Vec<String>,
        /// The total price that the update gave the order, with the digits that were sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<String>,
    },
    /// Buy with Prime opened a refund, as it does when a shopper sends something back.
    RefundRequested {
        /// The order's id.
        order: String,
        /// The refund's id.
        refund: String,
    },
    /// A refund was updated, or opened by the shop.
    RefundUpdated {
        /// The order's id.
        order: String,
        /// The refund's id.
        refund: String,
        /// Its state from then on.
        state: RefundState,
        /// Everything refunded so far, with the digits that were sent.
        total: String,
    },
    /// A payment was told with an update of a refund. One that is told twice stands here twice.
    RefundPaid {
        /// The order's id.
        order: String,
        /// The refund's id.
        refund: String,
        /// The payment's id, where it has one.
        payment: Option<String>,
        /// The amount, with the digits that were sent.
        amount: String,
    },
}

/// All accepted effects since the start, and counters.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ledger {
    /// Oldest first.
    pub effects: Vec<Effect>,
    /// Calls by operation, refused and broken ones included.
    pub calls: BTreeMap<Operation, u64>,
    /// Faults carried out, by kind.
    pub faults: BTreeMap<String, u64>,
}

impl Ledger {
    /// How many orders were created.
    #[must_use]
    pub fn orders_created(&self) -> usize {
        self.creations().count()
    }

    /// How many orders were created without any alias.
    #[must_use]
    pub fn creates_without_alias(&self) -> usize {
        self.creations().filter(|(_, aliases)| aliases.is_empty()).count()
    }

    /// How many orders were created with an alias of this id.
    #[must_use]
    pub fn creations_of(&self, alias_id: &str) -> usize {
        self.orders_named(alias_id).len()
    }

    /// How many times STARTED was accepted for orders created with an alias of this id, repetitions included.
    #[must_use]
    pub fn starts_of(&self, alias_id: &str) -> usize {
        let named = self.orders_named(alias_id);
        let starts = self.effects.iter().filter(|effect| {
            matches!(effect, Effect::Started { order } | Effect::StartRepeated { order }
                if named.contains(&order.as_str()))
        });
        starts.count()
    }

    /// The total price that the last update with one gave an order created with an alias of this id.
    #[must_use]
    pub fn last_total_of(&self, alias_id: &str) -> Option<&str> {
        let named = self.orders_named(alias_id);
        self.effects.iter().rev().find_map(|effect| match effect {
            Effect::Updated { order, total, .. } if named.contains(&order.as_str()) => total.as_deref(),
            _ => None,
        })
    }

    /// How many times a refund's payment of this id was told.
    #[must_use]
    pub fn payments_of(&self, payment_id: &str) -> usize {
        let told = |effect: &&Effect| matches!(effect, Effect::RefundPaid { payment, .. } if payment.as_deref() == Some(payment_id));
        self.effects.iter().filter(told).count()
    }

    /// How many calls of this operation arrived.
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
