//! `bwp-sync dead-letters apply FILE`
//!
//! Not here: replaying.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::file::read_file;
use super::opening::open_and_lock;
use super::run_args::RunArgs;
use super::running::{Task, preview, run};
use crate::cli::exit::Exit;
use crate::cli::holder::holder;
use crate::cli::terminal::note;
use crate::dead_letters::edit::Edit;
use crate::dead_letters::journal::Journal;
use crate::dead_letters::plan::Plan;
use crate::settings::Settings;

/// Arguments of `apply`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File that `plan` wrote. Published letters are noted in a file beside it, with `.done` at the end of its name
    #[arg(value_name = "FILE")]
    plan: PathBuf,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) async fn apply(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let name = args.plan.display();
    let plan = Plan::read(&read_file(&args.plan)?).with_context(|| format!("`{name}`"))?;
    let queue = settings.broker().names.dead_letters;
    if plan.head.queue != queue {
        bail!("`{name}` is for the letters of `{}`, the settings name `{queue}`", plan.head.queue);
    }
    let mut done = args.plan.clone().into_os_string();
    done.push(".done");
    let journal = Journal::resume(done.as_ref()).with_context(|| format!("cannot open `{}`", done.display()))?;
    if journal.published() > 0 {
        note(format_args!("{} of its letters were published by an earlier run", journal.published()))?;
    }
    note(preview(&plan, args.run.rate, &settings.broker().names.queue))?;
    let who = holder("apply");
    let letter_box = open_and_lock(settings, &who).await?;
    let edit = Edit::default();
    run(settings, letter_box, Task { who, plan: &plan, edit: &edit, journal, args: &args.run }).await
}
