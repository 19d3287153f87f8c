//! Everything that needs no broker: the worker against the simulator over HTTP, the pool, settings, the arrows.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "tests")]

mod alerts;
mod arrows;
mod asyncapi;
mod calls;
mod cases;
mod chart;
mod check;
mod circles;
mod cli;
mod clocks;
#[path = "../support/context.rs"]
mod context;
mod docs;
mod early;
mod english;
mod error_rows;
mod errors;
mod fuzz;
mod gate;
mod generated;
mod hold;
mod live;
mod log;
mod low_limit;
mod mapping_commands;
mod mappings;
mod metrics;
mod output;
mod own_codes;
mod packages;
mod paused;
mod pool;
#[path = "../support/private.rs"]
mod private;
mod queue;
mod quota;
mod results;
mod scenario;
mod scenarios;
mod schemas;
mod settings;
mod speed;
mod terminal;
mod unclear;
#[path = "../support/until.rs"]
mod until;
mod validate;
