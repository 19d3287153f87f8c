//! The way of a message: `handle(context, inbound) -> settlement`, and the pool around it.
//!
//! In reading order: `pool` → `open` → `lanes` → `takeover` → `handle` → `commands` and `update`, with `call`, `pace`, `look_up`,
//! `last_look` and `ending` → `record`.
//!
//! Not here: where messages come from and go to, how a call is made, what an error means.

pub mod pool;
mod work;

pub mod label;
mod lanes;
mod open;
mod takeover;

pub mod handle;

mod commands;
mod last_look;
mod look_up;
mod update;

mod attempts;
mod call;
mod ending;

pub mod amended;
pub mod clock;
pub mod context;
pub mod locks;
mod mapped;
pub mod memory;
pub mod pace;
mod record;
pub mod status;

pub use context::{Context, Timing};
pub use handle::handle;
pub use pace::{Pace, Pacing};
pub use record::begin_series;
pub use status::Status;
