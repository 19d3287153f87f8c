//! `bwp-sync dead-letters import FILE`
//!
//! Not here: the form of a line.

use std::path::PathBuf;

use anyhow::Context;

use super::table::letters as number_of_letters;
use crate::broker::Outbox;
use crate::cli::{Exit, say};
use crate::dead_letters::archive;
use crate::settings::Settings;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What `export` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
}

pub(super) async fn import(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let config = settings.broker();
    let outbox = Outbox::open(&config).await.context("cannot reach the broker")?;
    let (mut imported, name) = (0, args.file.display());
    let put_back = archive::import(&args.file, &outbox, &config.names.dead_letters, |_| imported += 1).await;
    outbox.close().await;
    say(format_args!("{} put into `{}`", number_of_letters(imported), config.names.dead_letters))?;
    put_back.with_context(|| format!("`{name}`"))?;
    Ok(Exit::Done)
}
