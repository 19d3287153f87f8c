//! What a message means and what it asks for. PURE: data in, data out.
//!
//! Not here: I/O, clocks, `async`, logging, anything that knows of RabbitMQ or HTTP.

pub mod input;
pub mod order;
pub mod outcome;
pub mod rejection;
pub mod stored;
