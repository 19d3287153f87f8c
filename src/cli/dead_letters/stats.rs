//! `bwp-sync dead-letters stats`
//!
//! Not here: counting.

use std::io::{self, Write};

use jiff::Timestamp;

use super::opening::{look, open};
use super::output::Output;
use super::selection::{Selection, check_ids};
use super::table::{Table, letters};
use crate::cli::exit::Exit;
use crate::cli::terminal::{Form, say_json, width};
use crate::dead_letters::shown::age;
use crate::dead_letters::stats::{Group, Stats, count};
use crate::settings::Settings;

/// Arguments of `stats`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

pub(super) async fn stats(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let letters = open(settings).await?;
    let filter = args.selection.filter();
    let seen = look(&letters, &filter, |letter| letter.summary).await?;
    letters.close().await;
    check_ids(&filter, &seen.letters)?;
    let now = Timestamp::now();
    let stats = count(&seen.letters, now);
    if args.json {
        say_json(serde_json::to_string_pretty(&stats)?)?;
    } else {
        Output::open(Form::Text).write(|out| show(out, &stats, now))?;
    }
    Ok(Exit::Done)
}

/// Characters of the longest bar.
const BAR: usize = 20;

fn show(out: &mut dyn Write, stats: &Stats, now: Timestamp) -> io::Result<()> {
    let parked = if stats.parked == 0 { String::new() } else { format!(", {} of them parked", stats.parked) };
    write!(out, "{}{parked}", letters(stats.letters))?;
    if stats.oldest.is_some() {
        write!(out, "; the oldest {} old, the newest {}", age(stats.oldest, now), age(stats.newest, now))?;
    }
    writeln!(out)?;
    let sections = [
        ("code", &stats.codes),
        ("operation", &stats.operations),
        ("class", &stats.classes),
        ("age", &stats.ages),
        ("replayed", &stats.replays),
    ];
    for (heading, groups) in sections.into_iter().filter(|(_, groups)| !groups.is_empty()) {
        writeln!(out)?;
        let row = |group: &Group| {
            let bar = "█".repeat((group.letters * BAR).div_ceil(stats.letters.max(1)));
            let action = group.suggested_action.clone().unwrap_or_default();
            [group.name.clone(), group.letters.to_string(), bar, action]
        };
        let what = if heading == "code" { "what can be done" } else { "" };
        let headings = [heading, "letters", "", what];
        let table = Table::of(headings, [false, true, false, false], groups.iter().map(row), width());
        table.head(out)?;
        groups.iter().try_for_each(|group| table.row(out, row(group)))?;
    }
    Ok(())
}
