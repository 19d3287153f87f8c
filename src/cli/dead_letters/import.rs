//! `bwp-sync dead-letters import FILE`
//!
//! Not here: the form of a line.

use std::path::PathBuf;

use anyhow::{Context, bail};

use super::opening::{look, open};
use super::table::letters as number_of_letters;
use crate::broker::{Outbox, StoredLetter};
use crate::cli::exit::Exit;
use crate::cli::terminal::say;
use crate::dead_letters::archive::{self, Imported, Present};
use crate::dead_letters::filter::Filter;
use crate::settings::Settings;

/// Arguments of `import`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// File that `export` wrote
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Put also the letters into the queue that are in it already
    #[arg(long)]
    again: bool,
}

pub(super) async fn import(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let config = settings.broker();
    let present = if args.again { Present::new() } else { present(settings).await? };
    let outbox = Outbox::open(&config).await.context("cannot reach the broker")?;
    let (mut imported, name) = (Imported::default(), args.file.display());
    let put_back = archive::import(&args.file, &outbox, &config.names.dead_letters, present, &mut imported).await;
    outbox.close().await;
    let Imported { put, present } = imported;
    say(format_args!("{} put into `{}`", number_of_letters(put), config.names.dead_letters))?;
    if present > 0 {
        say(format_args!("{present:9}  there already, so not put there; `--again` does"))?;
    }
    put_back.with_context(|| format!("`{name}`"))?;
    Ok(Exit::Done)
}

/// The letters in the queues. Those that another reader holds cannot be seen, so that they might come twice.
async fn present(settings: &Settings) -> anyhow::Result<Present> {
    let letter_box = open(settings).await?;
    let id = |letter: StoredLetter| (letter.summary.id, letter.summary.body_hash);
    let seen = look(&letter_box, &Filter::default(), id).await?;
    letter_box.close().await;
    if seen.elsewhere.is_some() {
        bail!(
            "nothing is imported: letters that nobody can see now may be among those of the file\nhint: wait, or `--again`"
        );
    }
    let mut present = Present::new();
    seen.letters.into_iter().for_each(|letter| *present.entry(letter).or_default() += 1);
    Ok(present)
}
