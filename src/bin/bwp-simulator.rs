//! `bwp-simulator`: the simulated Buy with Prime API as a process.
//! Not here: the simulation itself (`bwp_sync::simulator`).

use std::io::{IsTerminal, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use bwp_sync::simulator::{Behaviour, Config, FaultRule, Simulator};
use clap::Parser;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a simulated Buy with Prime API for development and tests.
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Address to listen on
    #[arg(long, default_value = "127.0.0.1:8085")]
    listen: SocketAddr,
    /// Id of the only client that gets tokens
    #[arg(long, default_value = "sim-client")]
    client_id: String,
    /// Secret of that client
    #[arg(long, default_value = "sim-secret")]
    client_secret: String,
    /// Lifetime of a token in seconds
    #[arg(long, default_value_t = 885)]
    token_lifetime: u64,
    /// A JSON file with a list of fault rules
    #[arg(long)]
    faults: Option<PathBuf>,
    /// Behaviour where the documentation leaves it open, as JSON: `{"alias-check":"last","settle-millis":500}`
    #[arg(long, default_value = "{}", value_parser = read_behaviour)]
    behaviour: Behaviour,
    /// Seed for fault rules with a probability
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(colours).with_target(false).init();
    let arguments = Arguments::parse();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let simulator = Simulator::start(config_of(arguments)?).await.context("could not listen")?;
    writeln!(std::io::stdout(), "{}", simulator.endpoint())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    simulator.shutdown().await;
    Ok(())
}

fn config_of(arguments: Arguments) -> anyhow::Result<Config> {
    let faults = arguments.faults.as_deref().map(read_faults).transpose()?.unwrap_or_default();
    Ok(Config {
        listen: arguments.listen,
        client_id: arguments.client_id,
        client_secret: arguments.client_secret,
        token_lifetime: Duration::from_secs(arguments.token_lifetime),
        behaviour: arguments.behaviour,
        faults,
        seed: arguments.seed,
        unknown_fields: Vec::new(),
        ..Config::default()
    })
}

fn read_behaviour(text: &str) -> Result<Behaviour, serde_json::Error> {
    serde_json::from_str(text)
}

fn read_faults(path: &std::path::Path) -> anyhow::Result<Vec<FaultRule>> {
    let text =
        std::fs::read(path).with_context(|| format!("could not read the fault rules in `{}`", path.display()))?;
    serde_json::from_slice(&text)
        .with_context(|| format!("expected a JSON list of fault rules in `{}`", path.display()))
}
