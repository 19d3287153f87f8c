//! A second implementation of the API in the place of the simulator, by settings alone.
//! Not here: the simulator's own behaviour, nor every possible answer of an API.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod client;
#[path = "../support/settings.rs"]
mod daemon;
mod messages;
#[cfg(feature = "simulator")]
mod same_results;
mod server;
mod settings;
#[cfg(feature = "simulator")]
mod updates;
mod worker;
