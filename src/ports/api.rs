//! Buy with Prime's Order interface as the worker sees it, and what is known of a call that failed.
//!
//! Not here: what a failure means.

use std::borrow::Cow;
use std::future::Future;
use std::time::Duration;

use strum::{EnumIter, EnumTable};

use crate::domain::envelope::Kind;
use crate::domain::input::{CreateOrderInput, UpdateOrderInput};
use crate::domain::order::OrderIdentifier;
use crate::domain::stored::{StoredOrder, Untold};

/// Buy with Prime's Order interface, as narrow as its use: one call, one attempt.
///
/// An implementation reports facts. It neither retries nor judges; the one exception is a
/// token that was refused, which is renewed once.
pub trait OrderApi: Send + Sync + 'static {
    /// `createOrder`.
    fn create_order(&self, input: &CreateOrderInput) -> impl Future<Output = Result<StoredOrder, ApiError>> + Send;

    /// `updateOrder`. Where the API takes Buy with Prime's order id alone, an alias is looked up first.
    fn update_order(
        &self,
        order: &OrderIdentifier,
        input: &UpdateOrderInput,
    ) -> impl Future<Output = Result<StoredOrder, ApiError>> + Send;

    /// `order`, as far as `purpose` needs it; `None` where the answer is `order: null` without an error.
    fn order(
        &self,
        order: &OrderIdentifier,
        purpose: Purpose,
    ) -> impl Future<Output = Result<Option<StoredOrder>, ApiError>> + Send;

    /// A session with the broker has begun: fields that the API did not know are asked for again.
    fn session_began(&self) {}
}

/// Purpose of a read of an order. Each has a document of its own.
#[derive(Clone, Copy, Debug, EnumIter, EnumTable, Eq, PartialEq)]
pub enum Purpose {
    /// Whether its fulfillment can be started.
    Start,
    /// Whether it shows an amendment.
    Amend,
    /// Whether it shows its refunds.
    Refund,
    /// Whether it is the order that was sent, or is to be sent.
    Compare,
    /// Whether it is there, and by which id.
    Identify,
}

impl Purpose {
    /// The purpose in a word.
    pub fn name(self) -> &'static str {
        match self {
            Self::Start => "start",
            Self::Amend => "amend",
            Self::Refund => "refund",
            Self::Compare => "compare",
            Self::Identify => "identify",
        }
    }

    /// Fields that an order has to tell for it. Others may be left out: an amendment is absolute and can be sent again. A
    /// comparison takes no field that is not told for a contradiction.
    pub fn needs(self) -> &'static [Untold] {
        match self {
            Self::Start => &[Untold::ExecutionState],
            Self::Refund => &[
                Untold::Refunds,
                Untold::RefundAliases,
                Untold::RefundPayments,
                Untold::RefundPaymentIds,
                Untold::LineItems,
                Untold::LineAliases,
            ],
            Self::Compare => &[Untold::Aliases],
            Self::Amend | Self::Identify => &[],
        }
    }
}

/// An operation of the API.
#[derive(Clone, Copy, Debug, EnumIter, EnumTable, Eq, Hash, PartialEq)]
pub enum Operation {
    /// The mutation `createOrder`.
    CreateOrder,
    /// The mutation `updateOrder`.
    UpdateOrder,
    /// The query `order`.
    Order,
}

impl Operation {
    /// Whether a call of it makes an order.
    pub fn creates_an_order(self) -> bool {
        match self {
            Self::CreateOrder => true,
            Self::UpdateOrder | Self::Order => false,
        }
    }

    /// Whether a call of it can change an order.
    pub fn changes_an_order(self) -> bool {
        match self {
            Self::CreateOrder | Self::UpdateOrder => true,
            Self::Order => false,
        }
    }

    /// Whether a call that may have taken effect does no harm when it is made again without a look. A create is harmless by
    /// its alias, a query by its nature. An update is read back first.
    pub fn repeats_without_harm(self) -> bool {
        match self {
            Self::CreateOrder | Self::Order => true,
            Self::UpdateOrder => false,
        }
    }

    /// The operation's name in the API's schema.
    pub fn name(self) -> &'static str {
        match self {
            Self::CreateOrder => "createOrder",
            Self::UpdateOrder => "updateOrder",
            Self::Order => "order",
        }
    }
}

impl Kind {
    /// The operation that a kind of message asks for.
    pub fn operation(self) -> Operation {
        match self {
            Self::CheckoutCompleted => Operation::CreateOrder,
            Self::FulfillmentTriggered | Self::OrderAmended | Self::RefundUpdated => Operation::UpdateOrder,
        }
    }
}

/// Facts of a call that did not succeed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ApiError {
    /// The request was not sent: name not resolved, connection refused, TLS failed. Nothing happened.
    #[error("the request was not sent: {reason}")]
    NotSent {
        /// Cause, without any payload.
        reason: String,
    },
    /// The request was written, at least in part, and no whole answer came. It may have taken effect.
    #[error("no answer: {reason}")]
    NoAnswer {
        /// Cause, without any payload.
        reason: String,
    },
    /// An answer came, and it is not one of GraphQL's (not JSON, or neither `data` nor errors in it).
    /// It may stand for an effect when the status is 2xx or 5xx.
    #[error("HTTP {status} without a GraphQL answer: {body}")]
    Unreadable {
        /// HTTP status.
        status: u16,
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
        /// Description of the answer: `HTML or XML`, `empty`. Nothing of it is repeated.
        body: Cow<'static, str>,
    },
    /// The API answered with errors; the first one is what decides.
    #[error("{}{}", if *.status == 200 { String::new() } else { format!("HTTP {}: ", .status) },
        .errors.first().map_or("no error named", |e| e.message.as_str()))]
    Answered {
        /// HTTP status.
        status: u16,
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
        /// At least one.
        errors: Vec<ErrorFact>,
    },
    /// No token could be had, so nothing was sent.
    #[error("no token: {0}")]
    NoToken(TokenError),
    /// An update had to look its order up first, and the read failed. The update was not sent.
    #[error("the order was not looked up: {0}")]
    NotLookedUp(Box<ApiError>),
    /// An update had to look its order up first, and there is none of this name. The update was not sent.
    #[error("no order has this name")]
    OrderNotFound,
}

impl ApiError {
    /// The facts in words that are nobody's own; empty where they are the API's words.
    pub fn detail(&self) -> String {
        match self {
            Self::NotSent { reason } | Self::NoAnswer { reason } => reason.clone(),
            Self::NoToken(error) => error.to_string(),
            Self::Unreadable { .. } => self.to_string(),
            Self::NotLookedUp(read) => read.detail(),
            Self::Answered { .. } | Self::OrderNotFound => String::new(),
        }
    }
}

/// One error of an answer, whatever shape it came in.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct ErrorFact {
    /// `ValidationError`, `ConflictException`, … as written.
    pub error_type: Option<String>,
    /// `ItemOutOfStock`, … as written.
    pub code: Option<String>,
    /// The HTTP-like number in `classification.errorCode`.
    pub error_code: Option<u16>,
    /// The API's text, cut to 500 characters. May hold what the shopper entered.
    pub message: String,
    /// The server complains of the query document itself: our fault, not the order's.
    pub document: bool,
    /// It complains of a value that was sent with the document, not of the document itself.
    pub value: bool,
    /// The field, as `Type.field`, that the server says it does not know.
    pub unknown_field: Option<String>,
}

/// Why there is no token. Facts only.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// The endpoint said that these credentials are not good (HTTP 400 or 401).
    #[error("refused with HTTP {status} {code}")]
    Refused {
        /// HTTP status.
        status: u16,
        /// The endpoint's code, `InvalidClientId` for one; its type where there is no code.
        code: String,
    },
    /// HTTP 429 (the documentation says 12 requests a second for a client).
    #[error("throttled")]
    Throttled {
        /// The `Retry-After` header, where present.
        retry_after: Option<Duration>,
    },
    /// Not reachable, HTTP 5xx, or an answer that cannot be read.
    #[error("{reason}")]
    Unavailable {
        /// Cause, without any secret.
        reason: String,
    },
}
