//! `bwp-sync dead-letters export FILE`
//!
//! Not here: the form of a line.

use std::path::PathBuf;

use anyhow::Context;

use super::opening::{look, open};
use super::out;
use super::selection::Chosen;
use super::table::letters as number_of_letters;
use crate::cli::exit::Exit;
use crate::dead_letters::archive;
use crate::settings::Settings;

/// Arguments of `export`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A file that is not there yet and is made for its owner alone, or `-` for stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    #[command(flatten)]
    chosen: Chosen,
}

pub(super) async fn export(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let Some(filter) = args.chosen.filter("export")? else { return Ok(Exit::Usage) };
    let letter_box = open(settings).await?;
    let name = args.out.display();
    let mut file = out::open(&args.out).with_context(|| format!("cannot make `{name}`"))?;
    // written as they come: bodies of all letters would not fit into memory
    let seen = look(&letter_box, &filter, |letter| archive::write(&mut file, &letter.exported())).await?;
    letter_box.close().await;
    let number = seen.letters.len();
    let written = seen.letters.into_iter().collect::<Result<(), _>>().and_then(|()| file.flush());
    written.with_context(|| format!("cannot write `{name}`"))?;
    out::tell(&args.out, format_args!("{} in `{name}`; they are in their queue as before", number_of_letters(number)))?;
    Ok(Exit::Done)
}
