//! `bwp-sync dead-letters replay`
//!
//! Not here: replaying; progress.

use std::path::PathBuf;

use anyhow::{Context, bail};
use jiff::Timestamp;
use uuid::Uuid;

use super::file::read_file;
use super::mapping::{mappings, wait};
use super::opening::{look, open, open_and_lock};
use super::run_args::RunArgs;
use super::running::{Task, preview, run};
use super::selection::{Chosen, check_ids};
use super::table::letters as number_of_letters;
use crate::broker::Summary;
use crate::cli::exit::Exit;
use crate::cli::holder::holder;
use crate::cli::terminal::{note, one_line, say};
use crate::dead_letters::edit::{Change, Edit, Set};
use crate::dead_letters::journal::Journal;
use crate::dead_letters::plan::Plan;
use crate::dead_letters::trial::{Tried, try_edit};
use crate::settings::Settings;

/// Arguments of `replay`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    chosen: Chosen,
    /// Say what would be replayed, and replay nothing
    #[arg(long)]
    dry_run: bool,
    /// Change a field of the message's data first, as in `lines[0].quantity=1`; may be repeated
    ///
    /// Of a foreign body, the message that its mapping makes is changed, and sent as that message.
    #[arg(long, value_name = "PATH=VALUE")]
    set: Vec<Set>,
    /// Change the message by this JSON Patch (RFC 6902) first
    ///
    /// Of a foreign body, the event that its mapping makes is changed, and sent as that event.
    #[arg(long, value_name = "FILE")]
    patch: Option<PathBuf>,
    /// Show names, addresses and tokens in what is changed
    #[arg(long)]
    reveal: bool,
    #[command(flatten)]
    run: RunArgs,
}

pub(super) async fn replay(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let Some(filter) = args.chosen.filter("replay")? else { return Ok(Exit::Usage) };
    let edit = edit(args)?;
    let (cut_off, conventions, who) = (Timestamp::now(), settings.conventions(), holder("replay"));
    let mut mappings = mappings(settings)?;
    let make = |letter| {
        let changes = (!edit.is_empty())
            .then(|| wait(try_edit(&letter, &edit, &mut mappings, &conventions, args.run.via_exchange)));
        (letter.summary, changes)
    };
    // a command that only looks need not wait for others
    let (seen, letter_box) = if args.dry_run {
        let letter_box = open(settings).await?;
        (look(&letter_box, &filter, make).await?, None)
    } else {
        let letter_box = open_and_lock(settings, &who).await?;
        (look(&letter_box, &filter, make).await?, Some(letter_box))
    };
    let (summaries, edits): (Vec<_>, Vec<_>) = seen.letters.into_iter().unzip();
    check_ids(&filter, &summaries)?;
    if summaries.is_empty() {
        say(format_args!("nothing to replay: no letter is like that; there are {}", number_of_letters(seen.all)))?;
        return Ok(Exit::Done);
    }
    if !edit.is_empty() {
        show_edits(&summaries, edits, args.reveal)?;
    }
    let config = settings.broker();
    let plan = Plan::of(summaries, Uuid::new_v4(), &config.names.dead_letters, cut_off);
    let target = if args.run.via_exchange { "the exchange that they came from" } else { &config.names.queue };
    let preview = preview(&plan, args.run.rate, target);
    let Some(letter_box) = letter_box else {
        say(preview)?;
        return Ok(Exit::Done);
    };
    note(preview)?;
    let task = Task { who, plan: &plan, edit: &edit, journal: Journal::default(), args: &args.run };
    run(settings, letter_box, task).await
}

fn edit(args: &Args) -> anyhow::Result<Edit> {
    let patch = args.patch.as_deref().map(|path| {
        let text = read_file(path)?;
        let not_a_patch = || format!("`{}`: expected a JSON Patch, a list of operations", path.display());
        serde_json::from_str(&text).with_context(not_a_patch)
    });
    Ok(Edit { sets: args.set.clone(), patch: patch.transpose()? })
}

/// Shows the changes. One message that cannot be changed, or would not be valid, keeps all letters from being replayed.
fn show_edits(letters: &[Summary], edits: Vec<Option<Result<Tried, String>>>, reveal: bool) -> anyhow::Result<()> {
    const SHOWN: usize = 10;
    let mut wrong = Vec::new();
    for (at, (letter, edit)) in letters.iter().zip(edits.into_iter().flatten()).enumerate() {
        match edit {
            Err(why) => wrong.push(format!("letter {}: {}", letter.id, one_line(&why))),
            Ok(_) if at >= SHOWN => {}
            Ok(Tried { changes, mapping }) => {
                let order = one_line(letter.order.as_deref().unwrap_or("–"));
                let mapped = mapping.map(|name| format!(", as mapping {} makes it", one_line(&name)));
                note(format_args!("letter {}, order {order}{}", letter.id, mapped.unwrap_or_default()))?;
                for change in changes {
                    note(one_line(&difference(&change, reveal)))?;
                }
            }
        }
    }
    if letters.len() > SHOWN {
        note(format_args!("and the same for {} more", letters.len() - SHOWN))?;
    }
    if !wrong.is_empty() {
        let more = if wrong.len() > SHOWN { format!("\nand {} more", wrong.len() - SHOWN) } else { String::new() };
        wrong.truncate(SHOWN);
        bail!("nothing is replayed: the change does not fit\n{}{more}", wrong.join("\n"));
    }
    Ok(())
}

fn difference(change: &Change, reveal: bool) -> String {
    let shown = |value: &Option<serde_json::Value>| match value {
        None => "(absent)".to_owned(),
        Some(_) if change.private && !reveal => "[…]".to_owned(),
        Some(value) => value.to_string(),
    };
    format!("  {}: {} -> {}", change.path, shown(&change.from), shown(&change.to))
}
