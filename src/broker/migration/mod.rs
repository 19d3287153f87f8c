//! The move from the queues of version 0.1.0 to those of this version, message by message.
//!
//! Not here: the queues that a worker declares for itself when it starts; see `topology`.

pub mod migrate;
pub mod report;
pub mod transfer;

pub use migrate::migrate;
pub use report::{MigrateError, Step};
