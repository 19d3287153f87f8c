//! Generated messages: thousands of them against a simulator with faults of every kind, and arbitrary bytes.
//! Not here: single cases; see the scenarios in `tests/it`.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod accepted;
mod any_bytes;
mod broker;
mod check;
#[path = "../support/context.rs"]
mod context;
mod data;
mod faults;
mod lives;
#[path = "../support/places.rs"]
mod places;
mod plan;
mod ten_thousand;
mod update_data;
mod worker;
