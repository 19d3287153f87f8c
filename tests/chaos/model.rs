//! The end that each message must have, worked out from the contract alone.
//! Not here: what came of it; see `history`. Nor anything of `bwp-sync`.

use crate::orders::What;

/// The one right end of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Its order is there, and a result says so.
    Created,
    /// Fulfillment of its order has started, and a result says so.
    Started,
    /// Its order has had this total, or a later one had it first, and a result says so. The order keeps that of the last
    /// amendment.
    Amended(String),
    /// The payment of this id was told once, and a result says so.
    Paid(String),
    /// A letter and a failure with this code; nothing has happened to an order.
    Letter(&'static str),
}

/// The end that this message must come to, however often it is delivered and whatever goes wrong meanwhile.
pub(crate) fn end_of(what: &What) -> End {
    match what {
        What::Checkout => End::Created,
        What::Trigger => End::Started,
        What::Amendment(total) => End::Amended(total.clone()),
        What::Refund(payment) => End::Paid(payment.clone()),
        What::Refused(code) => End::Letter(code),
        What::Broken => End::Letter("InvalidMessage"),
        What::Unsupported => End::Letter("UnsupportedMessage"),
        What::Poison => End::Letter("PoisonMessage"),
    }
}

impl End {
    /// The type of the result that tells it.
    pub(crate) fn result(&self) -> &'static str {
        match self {
            Self::Created => "order-created",
            Self::Started | Self::Amended(_) | Self::Paid(_) => "order-updated",
            Self::Letter(_) => FAILED,
        }
    }
}

/// The type of the result that tells of a letter.
pub(crate) const FAILED: &str = "order-failed";
