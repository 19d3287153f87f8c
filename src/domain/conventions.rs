//! Agreements between a store and its shop: settings below `[orders]`.
//!
//! Not here: how settings are read.

use super::order::AliasTypes;
use super::rules::Rules;

/// Agreements between a store and its shop.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conventions {
    /// Alias types, below `orders.aliases`.
    pub aliases: AliasTypes,
    /// Whether fulfillment starts with the order if the message does not say. If not, the message
    /// `fulfillment-triggered` starts it.
    pub start_with_order: bool,
    /// Rules that are checked before a call.
    pub rules: Rules,
}
