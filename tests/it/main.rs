//! Everything that needs no broker: the worker against the simulator over HTTP, the pool, settings, the arrows.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod arrows;
mod cli;
mod clocks;
mod error_rows;
mod errors;
mod generated;
mod hold;
mod live;
mod metrics;
mod output;
mod own_codes;
mod pool;
#[path = "../support/private.rs"]
mod private;
mod readme;
mod results;
mod scenario;
mod scenarios;
mod schemas;
mod settings;
mod speed;
#[path = "../support/until.rs"]
mod until;
