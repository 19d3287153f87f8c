//! A session with the broker: it takes deliveries, hands each on as a job, and carries out its settlement.
//!
//! Not here: connecting and declaring, which every command does; dead letters in their queue, which commands read.

mod acks;
mod consuming;
mod depths;
mod head;
pub mod inbound;
mod intake;
mod lost;
mod pump;
pub mod run;
pub mod settle;
pub mod tracking;
mod tries;
mod window;

pub use depths::begin_depths;
pub use lost::begin_series;
pub use run::run;
