//! How fast the worker is beside a loop that does nothing but consume, call, publish and acknowledge: both in one run.
//! Not here: the private broker and the builds (`scripts/bench`); whether anything is right (all other suites).
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout, reason = "a measuring tool")]

mod api;
mod bare;
mod growth;
mod half_load;
mod mapping;
mod messages;
mod plot;
mod process;
mod quiet;
mod report;
mod round;

use std::path::PathBuf;

use bwp_sync::domain::conventions::Conventions;
use clap::{Parser, Subcommand};

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Answers every call, some milliseconds later
    Api(api::Arguments),
    /// Consumes, calls, publishes and acknowledges
    Loop(bare::Arguments),
    /// Measures a mapping of ten lines
    Mapping(mapping::Arguments),
    /// Measures the worker while backlog, prefetch, size, orders or a mapping change
    Growth(growth::Arguments),
    /// Measures all contenders, interleaved
    Run(RunArguments),
    /// Does what a message costs without any wait, for a profiler that counts instructions
    Pure(PureArguments),
}

#[derive(clap::Args)]
struct PureArguments {
    /// How often.
    #[arg(long, default_value_t = 1_000)]
    times: usize,
    /// Bytes of a message, at least.
    #[arg(long, default_value_t = 2_048)]
    bytes: usize,
    /// Kind of the messages.
    #[arg(long, default_value = "creates")]
    what: messages::What,
}

#[derive(clap::Args)]
struct RunArguments {
    /// Rounds; each has every contender once for every case.
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
    /// Latencies of the API, in milliseconds.
    #[arg(long, value_delimiter = ',', default_values_t = [0, 100])]
    latency: Vec<u64>,
    /// Kind of the messages.
    #[arg(long, value_delimiter = ',', default_value = "creates,starts")]
    what: Vec<messages::What>,
    /// For how many seconds messages are published at half of a contender's speed.
    #[arg(long, default_value_t = 10)]
    half_load: u64,
    /// Who is measured.
    #[arg(long, value_delimiter = ',', default_value = "loop-single,loop-multiple,worker")]
    contenders: Vec<report::Contender>,
    /// Messages a second of the contender `slow`.
    #[arg(long, default_value_t = 3_000)]
    rate: u32,
    /// The build of the contender `before`.
    #[arg(long, default_value = "target/release/bwp-sync")]
    before: PathBuf,
    /// A folder with the loop in Node and its packages, as scripts/bench makes it; it is one more contender then.
    #[arg(long)]
    node: Option<PathBuf>,
    /// A run in which the loop is slower than this is void: the machine is too slow, or busy with something else.
    #[arg(long, default_value_t = 7_000.0)]
    valid_from: f64,
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args, Clone)]
struct Common {
    /// The worker's release build.
    #[arg(long, default_value = "target/release/bwp-sync")]
    worker: PathBuf,
    /// The process of the broker, for its CPU time.
    #[arg(long)]
    broker_pid: Option<u32>,
    /// A version to be told with the figures.
    #[arg(long)]
    version_of: Vec<String>,
    /// Where the figures go, as JSON.
    #[arg(long, default_value = "target/bench.json")]
    out: PathBuf,
}

fn main() -> std::process::ExitCode {
    // reqwest brings none of its own here
    rustls::crypto::ring::default_provider().install_default().unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        match Arguments::parse().command {
            Command::Api(arguments) => api::serve(arguments).await,
            Command::Loop(arguments) => bare::run(arguments).await,
            Command::Growth(arguments) => return growth::all(arguments).await,
            Command::Mapping(arguments) => mapping::run(arguments).await,
            Command::Run(arguments) => return round::all(arguments).await,
            Command::Pure(PureArguments { times, bytes, what }) => {
                let (body, conventions) = (messages::message(what, 1, bytes, None), Conventions::default());
                let written: usize = (0..times).map(|_| messages::input_of(&body, &conventions).len()).sum();
                println!("{written} bytes");
            }
        }
        std::process::ExitCode::SUCCESS
    })
}
