//! Meaning of a message, and the call that it asks for. PURE: data in, data out.
//!
//! Not here: I/O, clocks, `async`, logging, knowledge of RabbitMQ or HTTP.

mod amendment;
pub mod amendment_left;
mod checkout;
pub mod command;
pub mod conventions;
mod country;
pub mod envelope;
pub mod faults;
mod fulfillment;
pub mod input;
mod line;
mod line_matching;
pub mod money;
mod named_order;
mod not_sent;
pub mod order;
pub mod outcome;
pub mod packing;
pub mod privacy;
pub mod quantity;
mod reading;
pub mod refund;
pub mod refunds_left;
pub mod rejection;
pub mod rule;
pub mod rules;
pub mod sameness;
mod sample;
pub mod schema;
pub mod stored;
pub mod sum;
pub mod transform;
pub mod visible;
