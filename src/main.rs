//! The production binary: arguments in, exit code out.

use std::process::ExitCode;

use bwp_sync::cli::{self, args::Args};
use clap::Parser;

fn main() -> ExitCode {
    cli::main(&Args::parse())
}
