//! What the rooms hand each other: plain data, and the one trait.
//!
//! Not here: behaviour, other than the names of things.

mod api;
mod claim;
mod inbound;
mod settlement;
mod state;

pub use api::{ApiError, ErrorFact, Operation, OrderApi, TokenError};
pub use claim::{ClaimRequest, Claimed};
pub use inbound::{History, Inbound};
pub use settlement::{Job, Later, Letter, Settlement, Settling};
pub use state::{BrokerState, Finding, Flow, Pause, Trouble, Verdict};
