//! The simulator, called over HTTP like the API.
//! Not here: the worker and its own client (`it`).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod behaviour;
mod binary;
mod dialects;
mod examples;
mod faults;
mod ledger;
mod magic;
mod orders;
mod refunds;
mod schema;
mod support;
mod tokens;
mod updates;
