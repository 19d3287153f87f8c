//! What a store and its shop have agreed on; settings below `[orders]`.
//!
//! Not here: how settings are read.

use super::order::AliasTypes;
use super::rules::Rules;

/// What a store and its shop have agreed on.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Conventions {
    /// Names of aliases.
    pub aliases: AliasTypes,
    /// Whether fulfillment starts with the order where its message does not say; else a trigger starts it.
    pub start_with_order: bool,
    /// Rules that are checked before a call.
    pub rules: Rules,
}
