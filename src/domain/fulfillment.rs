//! The message `fulfillment-triggered`: a request to fulfill an order.
//!
//! Not here: the call that starts it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::named_order::NamedOrder;

/// A request to fulfill an order.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Fulfillment {
    /// Order to fulfill.
    pub(super) order: NamedOrder,
}
