//! Behaviour of the simulator where the real API's is unknown. Each choice can change while the simulator runs.
//! Not here: faults, which hit single calls (`fault`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// Choices, each with a default. As JSON `{"alias-check": "last", "settle-millis": 500}`; an absent one keeps its
/// value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Behaviour {
    /// Refusal of a create with an alias that is taken.
    pub conflict: Conflict,
    /// Moment at which a create checks its aliases.
    pub alias_check: AliasCheck,
    /// Answer to a query for an order that does not exist.
    pub unknown_order: UnknownOrder,
    /// Milliseconds until the order query shows an effect. The call that caused it shows it at once.
    pub settle_millis: u64,
}

/// The two refusals of a taken alias in the error table of `createOrder`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// `ValidationError` with the code `AliasValueAlreadyExists`
    #[default]
    AliasValueAlreadyExists,
    /// `ConflictError`, which has no code
    ConflictError,
}

/// Moment of the check for taken aliases.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasCheck {
    /// Before the other rules, and before faults that the order names.
    #[default]
    First,
    /// After them: a repeated create can be refused for another reason although its order exists.
    Last,
}

/// Answers to a query for an order that does not exist.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnknownOrder {
    /// `order: null` without an error
    #[default]
    Null,
    /// `AccessDeniedError`, as the error table suggests
    AccessDenied,
}

impl Behaviour {
    pub(super) fn settle(self) -> Duration {
        Duration::from_millis(self.settle_millis)
    }
}
