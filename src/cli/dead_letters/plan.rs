//! `bwp-sync dead-letters plan FILE`
//!
//! Not here: replaying it.

use std::path::PathBuf;

use anyhow::Context;
use jiff::Timestamp;
use uuid::Uuid;

use super::opening::{look, open};
use super::out;
use super::running::preview;
use super::selection::{Chosen, check_ids};
use crate::cli::exit::Exit;
use crate::dead_letters::plan::Plan;
use crate::settings::Settings;

/// Arguments of `plan`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file that is not there yet, or `-` for stdout: one line about the whole, then one for each letter
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

/// Letters in a second for which the time is estimated; `apply` has a rate of its own.
const RATE: f64 = 10.0;

pub(super) async fn plan(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let Some(filter) = args.chosen.filter("plan")? else { return Ok(Exit::Usage) };
    let letter_box = open(settings).await?;
    let cut_off = Timestamp::now();
    let seen = look(&letter_box, &filter, |letter| letter.summary).await?;
    letter_box.close().await;
    check_ids(&filter, &seen.letters)?;
    let config = settings.broker();
    let plan = Plan::of(seen.letters, Uuid::new_v4(), &config.names.dead_letters, cut_off);
    let write = || {
        let mut file = out::open(&args.out)?;
        file.write_all(plan.written()?.as_bytes())?;
        file.flush()
    };
    write().with_context(|| format!("cannot write `{}`", args.out.display()))?;
    out::tell(&args.out, preview(&plan, RATE, &config.names.queue))?;
    Ok(Exit::Done)
}
