//! The inputs of `createOrder` and `updateOrder`, as they go into the variables.
//!
//! Not here: how a message becomes one; which operation takes which form in which version of the API.

use serde::Serialize;

/// Input of `createOrder`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CreateOrderInput {}

/// Input of `updateOrder`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UpdateOrderInput {}
