//! The facts that `check` reads from a broker, by AMQP and by the management API. Nothing is changed.
//!
//! Not here: declaring; how findings are shown.

pub mod inspect;
pub mod management;

pub use inspect::inspect;
