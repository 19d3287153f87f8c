//! Names for the whole simulator: operations, aliases, states of refunds.
//! Not here: behaviour.

use serde::{Deserialize, Serialize};

/// Operations of the API.
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

/// An alias of an order, chosen by its shop.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Alias {
    /// Namespace, for example `EXTERNAL_ID`.
    pub alias_type: String,
    /// Name within the namespace.
    pub alias_id: String,
}

/// State of a refund.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum RefundState {
    /// Requested; nothing is paid.
    Pending,
    /// Partly paid.
    Partial,
    /// Fully paid.
    Success,
    /// Not paid: the payment failed.
    Failure,
    /// Not paid: the shop rejected the request.
    Rejected,
}

impl Operation {
    /// The name in the API's spelling.
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
