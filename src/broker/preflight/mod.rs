//! The facts that `check` reads from a broker, by AMQP and by the management API. Nothing is changed.
//!
//! Not here: declaring; how findings are shown.

mod harm;
mod hazards;
pub mod inspect;
pub mod management;
mod policies;

pub use harm::names_twice;
pub use hazards::{clocks, find_hazards};
pub use inspect::inspect;
