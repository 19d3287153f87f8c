//! `bwp-sync dead-letters discard`
//!
//! Not here: taking letters out.

use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::ask::{Answer, ask};
use super::opening::{look, open_and_lock};
use super::running::until_stopped;
use super::selection::{Chosen, check_ids};
use super::table::letters as number_of_letters;
use crate::cli::exit::Exit;
use crate::cli::holder::holder;
use crate::cli::terminal::{note, one_line, say};
use crate::dead_letters::discard::discard as remove;
use crate::dead_letters::hold::Missing;
use crate::dead_letters::ledger::Ledger;
use crate::dead_letters::plan::Plan;
use crate::settings::Settings;

/// Arguments of `discard`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Reason, for the ledger
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Append a line of JSON for each letter to this file
    #[arg(long, value_name = "FILE")]
    ledger: Option<PathBuf>,
    /// Do not ask before acting
    #[arg(long)]
    yes: bool,
}

pub(super) async fn discard(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let Some(filter) = args.chosen.filter("discard")? else { return Ok(Exit::Usage) };
    let who = holder("discard");
    let letter_box = open_and_lock(settings, &who).await?;
    let seen = look(&letter_box, &filter, |letter| letter.summary).await?;
    check_ids(&filter, &seen.letters)?;
    if seen.letters.is_empty() {
        say(format_args!("nothing to discard: no letter is like that; there are {}", number_of_letters(seen.all)))?;
        return Ok(Exit::Done);
    }
    let plan = Plan::of(seen.letters, Uuid::nil(), &settings.broker().names.dead_letters, Timestamp::now());
    for (code, number) in &plan.head.codes {
        note(format_args!("{number:9}  {}", one_line(code)))?;
    }
    match ask(&format!("discard {} for good?", number_of_letters(plan.letters.len())), args.yes)? {
        Answer::Yes => {}
        Answer::No => return Ok(Exit::Failed),
        Answer::Nobody => {
            note("nothing is done: there is no terminal to ask on\nhint: `--yes`")?;
            return Ok(Exit::Usage);
        }
    }
    let ledger = Ledger::open(args.ledger.as_deref(), who, Some(args.reason.clone()));
    let mut ledger = ledger.context("cannot open the ledger")?;
    let stop = CancellationToken::new();
    let done =
        until_stopped(remove(&letter_box, &plan.letters, None, &mut ledger, &stop, &mut |_| {}), &stop).await??;
    letter_box.close().await;
    say(format_args!("discarded {} of {}", done.letters, number_of_letters(plan.letters.len())))?;
    let Missing { gone, in_use, changed } = &done.missing;
    for (number, what) in [
        (gone.len(), "gone: replayed or discarded meanwhile"),
        (in_use.len(), "in use by another reader, so not discarded"),
        (changed.len(), "not discarded: the body has changed"),
    ] {
        if number > 0 {
            say(format_args!("{number:9}  {what}"))?;
        }
    }
    Ok(if done.letters == plan.letters.len() { Exit::Done } else { Exit::Failed })
}
