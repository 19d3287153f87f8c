//! The rules of the API that can be checked before a call, by name.
//!
//! Not here: the checks; see `rules`.

/// A rule of the API; each can be switched off.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
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
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::AliasLimit,
        Self::LinkLimit,
        Self::OfferIds,
        Self::ItemAttributes,
        Self::DuplicateRefundId,
        Self::DuplicatePaymentId,
        Self::MissingRefundId,
        Self::RefundState,
        Self::QuantityLimit,
        Self::ExpiredOffer,
        Self::Destination,
    ];

    /// Its key below `[orders.rules]`.
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
        }
    }

    /// The API's code for what breaks it. None is documented for an expired offer, which has the nearest one, nor for a
    /// payment of two refunds, which has one of our own.
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
        }
    }

    /// Whether it is checked by default: the API's rule is known so exactly that checking it here cannot be wrong, or it
    /// keeps money from being told twice.
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
            Self::QuantityLimit | Self::ExpiredOffer | Self::Destination => false,
        }
    }
}
