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
    /// Publish messages of your own to the shop's exchange, each confirmed by the broker
    Publish(Publish),
}

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// Structured CloudEvents, one in a file
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
}
