//! TLS towards the API and the broker, and secrets that are replaced while the worker runs.
//! Not here: which settings are refused; see `tests/it/settings.rs`.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken premise fails the test")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod support;

mod api;
mod authority;
mod broker;
mod files;
mod front;
#[path = "../support/hearing.rs"]
mod hearing;
#[path = "../api/log.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod log;
mod roots;
mod secrets;
#[path = "../api/stub.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod stub;
mod worker;
