//! What a message asks for: one call, ready to be sent.
//!
//! Not here: the rules that are checked before the call; the call.

use jiff::Timestamp;

use super::envelope::Envelope;
use super::input::{CreateOrderInput, RefundPayment, RefundState, UpdateOrderInput};
use super::money::Money;
use super::named_order::order_of;
use super::order::{Alias, OrderIdentifier, OrderRef};
use super::refund::ToldLine;

/// What is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Command {
    /// Create an order.
    CreateOrder(Box<CreateOrder>),
    /// Start the fulfillment of an order.
    StartFulfillment(StartFulfillment),
    /// Change an order.
    AmendOrder(AmendOrder),
    /// Tell how far refunds have got.
    UpdateRefunds(UpdateRefunds),
}

/// Create an order.
#[derive(Clone, Debug, PartialEq)]
pub struct CreateOrder {
    /// The shop's order id.
    pub order_id: String,
    /// Every alias of the input, the one made from the order id first: what an order that may be there already
    /// is looked for by.
    pub aliases: Vec<Alias>,
    /// Lines whose delivery offer ends, by position, and when.
    pub offers_expire: Vec<(usize, Timestamp)>,
    /// What to send.
    pub input: CreateOrderInput,
}

/// Start the fulfillment of an order.
#[derive(Clone, Debug, PartialEq)]
pub struct StartFulfillment {
    /// The order as the message names it.
    pub order: OrderRef,
    /// The order as the API is asked for it: by Buy with Prime's id where known, else by the alias from the shop's id.
    pub identifier: OrderIdentifier,
    /// What to send.
    pub input: UpdateOrderInput,
}

/// Change an order.
#[derive(Clone, Debug, PartialEq)]
pub struct AmendOrder {
    /// The order as the message names it.
    pub order: OrderRef,
    /// The order as the API is asked for it, as in [`StartFulfillment`].
    pub identifier: OrderIdentifier,
    /// All that is to be; what is so already need not be sent.
    pub input: UpdateOrderInput,
}

/// Tell how far refunds of an order have got.
#[derive(Clone, Debug, PartialEq)]
pub struct UpdateRefunds {
    /// The order as the message names it.
    pub order: OrderRef,
    /// The order as the API is asked for it, as in [`StartFulfillment`].
    pub identifier: OrderIdentifier,
    /// At least one; what is sent of each depends on what the API holds.
    pub refunds: Vec<Refund>,
}

/// How far a refund has got.
#[derive(Clone, Debug, PartialEq)]
pub struct Refund {
    /// Buy with Prime's id.
    pub id: Option<String>,
    /// The alias made from the shop's id, of a refund that the shop opened; none where there is Buy with Prime's id.
    pub alias: Option<Alias>,
    /// The state.
    pub state: RefundState,
    /// What has been refunded so far.
    pub total: Money,
    /// Payments; those that were told before may be among them. No id is there twice.
    pub payments: Vec<RefundPayment>,
    /// What it is for.
    pub lines: Vec<ToldLine>,
    /// Why it was asked for.
    pub reason: Option<String>,
}

/// What keeps messages of one order in order: the shop's order id, else Buy with Prime's. Read leniently, also from a
/// message that [`super::transform::command_for`] refuses.
pub fn order_key(envelope: &Envelope) -> Option<String> {
    order_of(&envelope.data)
}
