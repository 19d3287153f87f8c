//! `bwp-sync dead-letters …`: the subcommands.
//!
//! Not here: the work itself; see the room `dead_letters`.

mod apply;
mod ask;
mod discard;
mod export;
mod file;
mod import;
pub(super) mod list;
mod mapping;
pub(super) mod opening;
mod out;
pub(super) mod output;
mod plan;
mod replay;
mod run_args;
mod running;
mod selection;
mod serve;
mod show;
mod stats;
mod table;

use clap::Subcommand;

use super::exit::Exit;
use crate::settings::Settings;

/// The subcommands of `dead-letters`.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count letters by code, operation, class, age and replays
    Stats(stats::Args),
    /// One line for each letter
    List(list::Args),
    /// Show a letter: headers, history, suggested action, message
    Show(show::Args),
    /// Send letters back to the worker
    Replay(Box<replay::Args>),
    /// Write down which letters would be replayed, for review
    Plan(plan::Args),
    /// Replay exactly the letters of a plan, or the rest of them after an interruption
    Apply(apply::Args),
    /// Take letters out of their queues for good
    Discard(discard::Args),
    /// Write letters to a file, and leave them where they are
    Export(export::Args),
    /// Put the letters of a file into the queue of dead letters
    Import(import::Args),
    /// Serve a page on which all of this can be done in a browser
    Serve(serve::Args),
}

pub(super) async fn run(settings: &Settings, command: &Command) -> anyhow::Result<Exit> {
    match command {
        Command::Stats(args) => stats::stats(settings, args).await,
        Command::List(args) => list::list(settings, args).await,
        Command::Show(args) => show::show(settings, args).await,
        Command::Replay(args) => replay::replay(settings, args).await,
        Command::Plan(args) => plan::plan(settings, args).await,
        Command::Apply(args) => apply::apply(settings, args).await,
        Command::Discard(args) => discard::discard(settings, args).await,
        Command::Export(args) => export::export(settings, args).await,
        Command::Import(args) => import::import(settings, args).await,
        Command::Serve(args) => serve::serve(settings, args).await,
    }
}
