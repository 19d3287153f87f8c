//! Plain data that the rooms hand each other, and the one trait.
//!
//! Not here: behaviour, other than the names of things.

mod api;
mod inbound;
mod settlement;
mod state;
mod waiting;

pub use api::{ApiError, ErrorFact, Operation, OperationTable, OrderApi, Purpose, PurposeTable, TokenError};
pub use inbound::{History, Inbound, Session};
pub use settlement::{Handling, Job, Later, Letter, MAX_TEXT_BYTES, Settlement, Settling};
pub use state::{ApiState, BrokerState, Finding, Pause, Trouble, Verdict};
pub use waiting::{WaitReason, Waiting};
