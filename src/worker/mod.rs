//! What becomes of a message: `handle(context, inbound) -> settlement`, and the pool around it.
//!
//! Not here: where messages come from and go to, how a call is made, what an error means.

pub mod amend;
pub mod amended;
pub mod board;
pub mod case;
pub mod clock;
pub mod context;
pub mod create;
pub mod fulfillment;
pub mod handle;
mod lanes;
pub mod locks;
pub mod look_up;
mod mapped;
pub mod pace;
mod poison;
pub mod pool;
mod record;
pub mod refund;
pub mod send;
mod takeover;
mod update;

pub use board::Board;
pub use context::{Context, Timing};
pub use handle::handle;
pub use pace::{Pace, Pacing};
pub use record::begin_series;
