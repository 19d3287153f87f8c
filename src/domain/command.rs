//! The command that a message stands for: one call, ready to be sent.
//!
//! Not here: the rules that are checked before the call; the call.

use jiff::Timestamp;

use super::envelope::Envelope;
use super::input::{CreateOrderInput, RefundPayment, RefundState, UpdateOrderInput};
use super::money::Money;
use super::named_order::order_of;
use super::order::{Alias, OrderIdentifier, OrderRef};
use super::refund::ToldLine;
use super::sum::Sum;

/// A call to make, with all that is needed for it.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Creates an order.
    CreateOrder(Box<CreateOrder>),
    /// Starts the fulfillment of an order.
    StartFulfillment(StartFulfillment),
    /// Changes fields of an order.
    AmendOrder(AmendOrder),
    /// Reports the progress of refunds.
    UpdateRefunds(UpdateRefunds),
}

/// Creates an order.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateOrder {
    /// The shop's order id.
    pub order_id: String,
    /// Every alias of the input, the one from the order id first. A look-up for an existing order uses them in this
    /// order.
    pub aliases: Vec<Alias>,
    /// Position of each line whose delivery offer expires, with the time of expiry.
    pub offers_expire: Vec<(usize, Timestamp)>,
    /// Sum of the order's parts, where each has a price.
    pub sum: Option<Sum>,
    /// Parts of the shop's order that are not sent, as differences of the stored order.
    pub not_sent: Vec<String>,
    /// Input of `createOrder`.
    pub input: CreateOrderInput,
}

/// Starts the fulfillment of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct StartFulfillment {
    /// Ids of the order in the message.
    pub order: OrderRef,
    /// Identifier for the API: Buy with Prime's id where known, else the alias from the shop's id.
    pub identifier: OrderIdentifier,
    /// Input of `updateOrder`.
    pub input: UpdateOrderInput,
}

/// Changes fields of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct AmendOrder {
    /// Ids of the order in the message.
    pub order: OrderRef,
    /// Identifier for the API, as in [`StartFulfillment`].
    pub identifier: OrderIdentifier,
    /// Every wanted value; those that the order has already need not be sent.
    pub input: UpdateOrderInput,
}

/// Reports the progress of an order's refunds.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRefunds {
    /// Ids of the order in the message.
    pub order: OrderRef,
    /// Identifier for the API, as in [`StartFulfillment`].
    pub identifier: OrderIdentifier,
    /// At least one refund. The part that is sent of each depends on the stored order.
    pub refunds: Vec<Refund>,
}

/// State, total and payments of a refund.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// Buy with Prime's refund id.
    pub id: Option<String>,
    /// Alias from the shop's refund id, for a refund that the shop opened; `None` where Buy with Prime's id is given.
    pub alias: Option<Alias>,
    /// State of the refund.
    pub state: RefundState,
    /// Amount refunded so far.
    pub total: Money,
    /// Payments, each id once. Payments that were reported before may be among them.
    pub payments: Vec<RefundPayment>,
    /// Lines that are refunded.
    pub lines: Vec<ToldLine>,
    /// Reason of the request, a name of the API's list.
    pub reason: Option<String>,
}

/// Key that keeps messages of one order in sequence: the shop's order id, else Buy with Prime's. Read leniently, even
/// from a message that [`super::transform::command_for`] refuses.
pub fn order_key(envelope: &Envelope) -> Option<String> {
    order_of(&envelope.data)
}
