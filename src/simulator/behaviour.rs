//! How the simulator behaves where nobody outside knows how the real API does; all of it can change while it runs.
//! Not here: faults, which hit single calls (`fault`).

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What can be chosen, each by itself. As JSON `{"alias-check": "last", "settle-millis": 500}`; what is absent is as by
/// default, or stays as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", default, deny_unknown_fields)]
pub struct Behaviour {
    /// What a create is refused with when one of its aliases is taken.
    pub conflict: Conflict,
    /// When a create looks at its aliases.
    pub alias_check: AliasCheck,
    /// What a query for an order that does not exist answers.
    pub unknown_order: UnknownOrder,
    /// Milliseconds for which the order query does not show an effect yet. The call that brought it about does.
    pub settle_millis: u64,
}

/// The two ways in which the error table of createOrder says that an alias is taken.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Conflict {
    /// `ValidationError` with the code `AliasValueAlreadyExists`
    #[default]
    AliasValueAlreadyExists,
    /// `ConflictError`, which has no code
    ConflictError,
}

/// Whether a repeated create is recognised before anything else can refuse it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AliasCheck {
    /// Before the other rules and before faults that are named inside the order.
    #[default]
    First,
    /// After them: a repeated create can be refused for another reason although its order exists.
    Last,
}

/// What the query says about an order that does not exist.
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
