//! Kinds of messages and their types.
//!
//! Not here: what their payloads hold.

use strum::{EnumIter, IntoEnumIterator};

/// Kinds of messages.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, PartialEq)]
pub enum Kind {
    /// An order was placed.
    CheckoutCompleted,
    /// An order is to be fulfilled.
    FulfillmentTriggered,
    /// An order was changed.
    OrderAmended,
    /// A refund was opened, or made progress.
    RefundUpdated,
}

impl Kind {
    /// The type as messages write it; [`Kind::of`] also takes a dot for the hyphen.
    pub fn name(self) -> &'static str {
        match self {
            Self::CheckoutCompleted => "checkout-completed",
            Self::FulfillmentTriggered => "fulfillment-triggered",
            Self::OrderAmended => "order-amended",
            Self::RefundUpdated => "refund-updated",
        }
    }

    /// Whether a message amends its order: of amendments the last one wins.
    pub fn amends(self) -> bool {
        match self {
            Self::OrderAmended => true,
            Self::CheckoutCompleted | Self::FulfillmentTriggered | Self::RefundUpdated => false,
        }
    }

    /// Every type, for people.
    pub fn names() -> String {
        Self::iter().map(Self::name).collect::<Vec<_>>().join(", ")
    }

    /// The kind for a type, with a hyphen or a dot.
    pub fn of(type_name: &str) -> Option<Self> {
        let hyphened = type_name.replace('.', "-");
        Self::iter().find(|kind| kind.name() == hyphened)
    }
}
