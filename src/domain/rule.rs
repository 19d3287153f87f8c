//! The rules of the API that can be checked before a call, by name.
//!
//! Not here: the checks; see `rules`.

use strum::EnumIter;

/// A rule of the API; each can be switched off.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Hash, PartialEq)]
pub enum Rule {
    /// At most five aliases on an order.
    AliasLimit,
    /// At most five links on an order.
    LinkLimit,
    /// A Prime line names its delivery offer and preview.
    OfferIds,
    /// A Prime line has title, price and product identifier.
    ItemAttributes,
    /// Each refund stands once in a message.
    DuplicateRefundId,
    /// A payment belongs to one refund of the order.
    DuplicatePaymentId,
    /// A refund has an id, the API's or the shop's.
    MissingRefundId,
    /// A refund goes from one state to another only as documented.
    RefundState,
    /// At most twenty pieces on Prime lines.
    QuantityLimit,
    /// The delivery offer has not expired.
    ExpiredOffer,
    /// The address is one that Buy with Prime delivers to.
    Destination,
    /// The total is the sum of lines, charges, taxes and discounts.
    TotalIsSum,
}

impl Rule {
    /// The setting that switches it, below `[orders.rules]`.
    pub fn setting(self) -> &'static str {
        match self {
            Self::AliasLimit => "alias_limit",
            Self::LinkLimit => "link_limit",
            Self::OfferIds => "offer_ids",
            Self::ItemAttributes => "item_attributes",
            Self::DuplicateRefundId => "duplicate_refund_id",
            Self::DuplicatePaymentId => "duplicate_payment_id",
            Self::MissingRefundId => "missing_refund_id",
            Self::RefundState => "refund_state",
            Self::QuantityLimit => "quantity_limit",
            Self::ExpiredOffer => "expired_offer",
            Self::Destination => "destination",
            Self::TotalIsSum => "total_is_sum",
        }
    }

    /// The API's error code for a breach. An expired offer has no documented code and takes the nearest one. A payment
    /// of two refunds and a total that is not the sum have codes of our own.
    pub fn code(self) -> &'static str {
        match self {
            Self::AliasLimit => "OrderAliasLimitExceeded",
            Self::LinkLimit => "OrderLinkLimitExceeded",
            Self::OfferIds | Self::ItemAttributes => "MissingItemAttributes",
            Self::DuplicateRefundId => "DuplicateRefundId",
            Self::DuplicatePaymentId => "DuplicatePaymentId",
            Self::MissingRefundId => "MissingRefundId",
            Self::RefundState => "InvalidRefundStateTransition",
            Self::QuantityLimit => "OrderQuantityLimitExceeded",
            Self::ExpiredOffer => "ItemUnavailableWithPrime",
            Self::Destination => "InvalidRecipientAddressInput",
            Self::TotalIsSum => "TotalIsNotTheSum",
        }
    }

    /// Whether the rule is checked by default. It is if the API documents it exactly, or if it keeps a payment from
    /// being sent twice.
    pub fn is_default(self) -> bool {
        match self {
            Self::AliasLimit
            | Self::LinkLimit
            | Self::OfferIds
            | Self::ItemAttributes
            | Self::DuplicateRefundId
            | Self::DuplicatePaymentId
            | Self::MissingRefundId
            | Self::RefundState => true,
            Self::QuantityLimit | Self::ExpiredOffer | Self::Destination | Self::TotalIsSum => false,
        }
    }
}
