//! `bwp-sync dead-letters …`: what can be typed, and who does it.
//!
//! Not here: the work itself; see the room `dead_letters`.

mod apply;
mod ask;
mod discard;
mod export;
mod import;
mod list;
mod out;
mod output;
mod plan;
mod replay;
mod run_args;
mod running;
mod selection;
mod show;
mod stats;
mod table;

use anyhow::Context;
use clap::Subcommand;
use jiff::Timestamp;

use super::Exit;
use super::terminal::{note, one_line};
use crate::broker::{Holder, LetterBox, LockedLetterBox, StoredLetter};
use crate::dead_letters::browse::{Elsewhere, Seen, browse};
use crate::dead_letters::filter::Filter;
use crate::settings::Settings;

/// What is done with dead letters.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count letters by code, operation, class, age and replays
    Stats(stats::Args),
    /// One line for each letter
    List(list::Args),
    /// All that a letter says: headers, history, what can be done, the message
    Show(show::Args),
    /// Send letters back to the worker
    Replay(Box<replay::Args>),
    /// Write down which letters would be replayed, for review
    Plan(plan::Args),
    /// Replay exactly the letters of a plan; goes on where it was interrupted
    Apply(apply::Args),
    /// Take letters out of their queues for good
    Discard(discard::Args),
    /// Write letters to a file, and leave them where they are
    Export(export::Args),
    /// Put the letters of a file into the queue of dead letters
    Import(import::Args),
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
    }
}

async fn open(settings: &Settings) -> anyhow::Result<LetterBox> {
    Ok(LetterBox::open(&settings.broker()).await?)
}

/// The same, for a command that takes letters out: nobody else does while it thinks, asks and works.
async fn open_and_lock(settings: &Settings, holder: &Holder) -> anyhow::Result<LockedLetterBox> {
    Ok(open(settings).await?.lock(holder).await?)
}

/// Looks at letters, and says if some may be missing.
async fn look<T>(letters: &LetterBox, filter: &Filter, make: impl FnMut(StoredLetter) -> T) -> anyhow::Result<Seen<T>> {
    let seen = browse(letters, filter, make).await?;
    if let Some(Elsewhere { holder, letters }) = &seen.elsewhere {
        let holder = one_line(holder);
        match letters {
            Some(number) => note(format_args!("{} in use, and not shown: {holder}", table::letters(*number)))?,
            None => note(format_args!("some letters may be missing: they are with {holder}"))?,
        }
    }
    Ok(seen)
}

/// Who runs this command, for the lock and the ledger.
pub(super) fn holder(command: &str) -> Holder {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    Holder {
        command: command.to_owned(),
        user: user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        since: Timestamp::now(),
        letters: None,
    }
}

/// A file's text.
fn read_file(path: &std::path::Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
