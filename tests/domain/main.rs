//! Promises of the pure rooms, on whole messages: messages in, inputs out.
//!
//! Not here: calls, brokers, parts of a message (see the tests beside their code).
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod any_bytes;
mod classify;
mod digits;
mod left;
#[path = "../support/places.rs"]
mod places;
mod privacy;
mod refunds_left;
mod refused;
mod rules;
mod sameness;
mod samples;
mod support;
mod updates;
