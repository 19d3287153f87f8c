//! Messages in, inputs out: what the pure rooms promise, on whole messages.
//!
//! Not here: calls, brokers, the pieces of a message (beside their code).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod any_bytes;
mod classify;
mod left;
mod privacy;
mod refunds_left;
mod refused;
mod rules;
mod sameness;
mod samples;
mod support;
mod updates;
