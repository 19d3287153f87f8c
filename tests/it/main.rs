//! Everything that needs no broker: the worker against the simulator over HTTP, the pool, settings, the arrows.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod arrows;
mod cli;
mod metrics;
mod pool;
mod readme;
mod results;
mod scenario;
mod scenarios;
mod settings;
mod speed;
