//! What can be typed.
//!
//! Not here: what it does.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Keeps a shop and Buy with Prime in step: RabbitMQ messages in, createOrder and updateOrder calls out.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    /// Settings file (TOML), over the built-in defaults; may be given several times
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Vec<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take messages from RabbitMQ until SIGTERM or SIGINT
    Run,
    /// Look whether settings, API and broker are as they must be, and change nothing
    Check(Check),
    /// Publish messages of your own to the shop's exchange, each confirmed by the broker
    Publish(Publish),
    /// See, understand, replay and discard dead letters
    #[command(subcommand)]
    DeadLetters(Box<super::dead_letters::Command>),
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Ask the worker that runs here whether it makes progress, by its `/livez`, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub live: bool,
}

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// Structured CloudEvents, one in a file
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
