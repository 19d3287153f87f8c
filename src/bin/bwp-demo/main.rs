//! `bwp-demo`: publishes a mixed batch of messages, prints the outcome of each, and compares it with the expected one.
//!
//! Not here: broker, simulator and worker; `scripts/demo` starts them.

mod batch;
mod check;
mod clean_up;
mod collect;
mod ledger;
mod publish;
mod report;
mod show_letter;

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use bwp_sync::settings::Settings;
use clap::{Parser, Subcommand};
use url::Url;

use collect::Collector;

/// Shows and checks the outcomes of a mixed batch of messages with a running worker.
///
/// Reads the worker's own settings from the environment (`BWP__SECTION__KEY`).
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Publish the batch, wait for the outcomes, print and check them
    Show(Show),
    /// Delete the exchanges and queues of a demonstration; their names must begin with `bwp-demo-`
    CleanUp,
}

#[derive(Debug, clap::Args)]
struct Show {
    /// The simulator's GraphQL endpoint, as it prints it
    #[arg(long, value_name = "URL")]
    simulator: Url,
    /// Folder of the example messages
    #[arg(long, value_name = "DIR", default_value = "tests/fixtures/messages")]
    messages: PathBuf,
    /// Publish orders of a shop that has its own JSON, from this folder with examples of its mapping
    #[arg(long, value_name = "DIR")]
    shop: Option<PathBuf>,
    /// Seconds to wait for all results and dead letters
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    within: u64,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(Arguments::parse()).await {
        Ok(exit) => exit,
        Err(error) => {
            // a closed stderr is ignored: the exit code remains
            writeln!(std::io::stderr(), "bwp-demo: {error:#}").ok();
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Arguments) -> anyhow::Result<ExitCode> {
    let settings = Settings::load(&[]).context("settings")?;
    match arguments.command {
        Command::Show(arguments) => show(&settings, &arguments).await,
        Command::CleanUp => clean_up::clean_up(&settings.broker()).await.map(|()| ExitCode::SUCCESS),
    }
}

async fn show(settings: &Settings, arguments: &Show) -> anyhow::Result<ExitCode> {
    let batch = match &arguments.shop {
        Some(folder) => batch::read_shops(folder)?,
        None => batch::read(&arguments.messages)?,
    };
    let letters = batch.iter().filter(|message| message.expected.is_failure()).count();
    let config = settings.broker();
    let mut collector = Collector::open(&config).await?;
    let publishing = async {
        match arguments.shop {
            Some(_) => publish::publish_foreign(&config, &batch).await,
            None => publish::publish(batch.iter().map(|message| message.path.clone()).collect()).await,
        }
    };
    let (published, collected) =
        tokio::try_join!(publishing, collector.collect(batch.len(), letters, Duration::from_secs(arguments.within)),)?;
    collector.close().await;
    let ledger = ledger::read(&arguments.simulator).await?;

    let (rows, unexpected) = report::rows(&batch, &published, &collected.results);
    let mut problems = check::problems(&rows, &collected.letters, &ledger);
    problems.extend(unexpected.iter().map(|id| format!("a result for message {id} that nobody waited for")));

    let mut out = std::io::stdout().lock();
    writeln!(out, "\n{}\n", report::table(&rows).trim_fmt())?;
    writeln!(out, "{}\n", report::summary(&rows))?;
    if let Some(letter) = collected.letters.first() {
        writeln!(out, "{}\n", show_letter::shown(letter))?;
    }
    writeln!(out, "{}\n", report::ledger(&ledger))?;
    if problems.is_empty() {
        writeln!(out, "as it should be: {}", check::HOLDS)?;
        return Ok(ExitCode::SUCCESS);
    }
    for problem in &problems {
        writeln!(out, "WRONG: {problem}")?;
    }
    Ok(ExitCode::FAILURE)
}
