//! `bwp-sync completions SHELL`: a script by which a shell completes commands and options.
//!
//! Not here: the commands; they are in `args`.

use clap::CommandFactory;

use super::args::{Args, Completions};
use super::exit::Exit;
use super::terminal::say;

pub(super) fn completions(args: &Completions) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "bwp-sync", &mut script);
    say(String::from_utf8(script)?.trim_end())?;
    Ok(Exit::Done)
}
