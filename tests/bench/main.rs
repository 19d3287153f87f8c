//! How fast the worker is beside a loop that does nothing but consume, call, publish and acknowledge: both in one run.
//! Not here: the private broker and the builds (`scripts/bench`); whether anything is right (all other suites).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a measuring tool")]

mod api;
mod bare;
mod mapping;
mod messages;
mod process;
mod report;
mod round;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
    /// Given by cargo to every bench.
    #[arg(long, hide = true, global = true)]
    bench: bool,
}

#[derive(Subcommand)]
enum Command {
    /// Answers every call, some milliseconds later
    Api(api::Arguments),
    /// Consumes, calls, publishes and acknowledges
    Loop(bare::Arguments),
    /// Measures a mapping of ten lines
    Mapping(mapping::Arguments),
    /// Measures all contenders, interleaved
    Run(RunArguments),
}

#[derive(clap::Args)]
struct RunArguments {
    /// Rounds; each has every contender once.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Messages of a contender in a round.
    #[arg(long, default_value_t = 20_000)]
    messages: usize,
    /// Messages in flight.
    #[arg(long, default_value_t = 256)]
    prefetch: u16,
    /// Bytes of a message, at least.
    #[arg(long, default_value_t = 2_048)]
    bytes: usize,
    /// The API's latency, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency: u64,
    /// `creates` or `starts`.
    #[arg(long, default_value = "creates")]
    what: messages::What,
    /// The worker's release build.
    #[arg(long, default_value = "target/release/bwp-sync")]
    worker: PathBuf,
    /// A folder with the loop in Node and its packages, as scripts/bench makes it.
    #[arg(long)]
    node: Option<PathBuf>,
    /// The process of the broker, for its CPU time.
    #[arg(long)]
    broker_pid: Option<u32>,
    /// Where the figures go, as JSON.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match Arguments::parse().command {
            Command::Api(arguments) => api::serve(arguments).await,
            Command::Loop(arguments) => bare::run(arguments).await,
            Command::Mapping(arguments) => mapping::run(arguments).await,
            Command::Run(arguments) => round::all(arguments).await,
        }
    });
}
