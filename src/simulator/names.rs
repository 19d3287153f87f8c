//! Words that the whole simulator uses: operations, aliases, states of refunds.
//! Not here: anything that happens.

use serde::{Deserialize, Serialize};

/// An operation that can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Operation {
    /// `POST /token`
    Token,
    /// The mutation `createOrder`
    CreateOrder,
    /// The mutation `updateOrder`
    UpdateOrder,
    /// The query `order`
    Order,
}

/// A name for an order that its shop chose.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// For example `EXTERNAL_ID`.
    pub alias_type: String,
    /// The shop's id.
    pub alias_id: String,
}

/// How far a refund has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// Asked for, nothing paid.
    Pending,
    /// Paid in part.
    Partial,
    /// Paid.
    Success,
    /// Not paid, because it went wrong.
    Failure,
    /// Not paid, because the shop says no.
    Rejected,
}

impl Operation {
    /// The name as the API spells it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Token => "token",
            Self::CreateOrder => "createOrder",
            Self::UpdateOrder => "updateOrder",
            Self::Order => "order",
        }
    }
}
