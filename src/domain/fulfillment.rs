//! The message `fulfillment-triggered`.
//!
//! Not here: what is done about it.

use schemars::JsonSchema;
use serde::Deserialize;

use super::named_order::NamedOrder;

/// An order is to be sent out.
#[derive(Debug, Deserialize, JsonSchema)]
pub(super) struct Fulfillment {
    /// Which one.
    pub(super) order: NamedOrder,
}
