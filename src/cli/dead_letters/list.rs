//! `bwp-sync dead-letters list`
//!
//! Not here: reading letters.

use std::io::{self, Write};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::opening::{look, open};
use super::output::Output;
use super::selection::{Selection, check_ids};
use super::table::{Table, letters};
use crate::broker::{StoredLetter, Summary};
use crate::cli::exit::Exit;
use crate::cli::terminal::{Form, width};
use crate::dead_letters::shown::age;
use crate::settings::Settings;

/// Arguments of `list`.
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    selection: Selection,
    /// Show names and cities
    #[arg(long)]
    reveal: bool,
    /// Print JSON, one letter on a line
    #[arg(long)]
    json: bool,
}

/// A letter, and the person who ordered, where that is to be shown.
struct Entry {
    summary: Summary,
    person: Option<Box<str>>,
}

pub(super) async fn list(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let letters = open(settings).await?;
    let filter = args.selection.filter();
    let entry = |letter: StoredLetter| Entry {
        person: args.reveal.then(|| person(&letter.text()).into()),
        summary: letter.summary,
    };
    let seen = look(&letters, &filter, entry).await?;
    letters.close().await;
    if !filter.ids.is_empty() {
        check_ids(&filter, &seen.letters.iter().map(|entry| entry.summary.clone()).collect::<Vec<_>>())?;
    }
    let form = if args.json { Form::Json } else { Form::Text };
    Output::open(form).write(|out| match args.json {
        true => seen.letters.iter().try_for_each(|entry| writeln!(out, "{}", as_json(entry))),
        false => show(out, &seen.letters, seen.all, args.reveal),
    })?;
    Ok(Exit::Done)
}

fn show(out: &mut dyn Write, entries: &[Entry], all: usize, reveal: bool) -> io::Result<()> {
    if entries.is_empty() {
        writeln!(out, "no letter is like that; there are {}", letters(all))?;
    } else if reveal {
        let headings = ["letter", "order", "operation", "code", "age", "replays", "who", "why"];
        table(out, headings, entries, |entry, cells| {
            let [letter, order, operation, code, age, replays, why] = cells;
            let who = entry.person.as_deref().unwrap_or_default().to_owned();
            [letter, order, operation, code, age, replays, who, why]
        })?;
    } else {
        let headings = ["letter", "order", "operation", "code", "age", "replays", "why"];
        table(out, headings, entries, |_, cells| cells)?;
    }
    Ok(())
}

fn table<const N: usize>(
    out: &mut dyn Write,
    headings: [&'static str; N],
    entries: &[Entry],
    columns: impl Fn(&Entry, [String; 7]) -> [String; N],
) -> io::Result<()> {
    let now = Timestamp::now();
    let row = |entry: &Entry| columns(entry, cells(&entry.summary, now));
    let numbers = headings.map(|heading| matches!(heading, "age" | "replays"));
    let table = Table::of(headings, numbers, entries.iter().map(row), width());
    table.head(out)?;
    entries.iter().try_for_each(|entry| table.row(out, row(entry)))
}

fn cells(letter: &Summary, now: Timestamp) -> [String; 7] {
    [
        letter.id.to_string()[..8].to_owned(),
        letter.order.as_deref().unwrap_or("–").to_owned(),
        letter.operation.to_string(),
        letter.code.to_string(),
        age(letter.dead_lettered_at, now),
        letter.replays.to_string(),
        letter.message.to_string(),
    ]
}

/// Name and city of the delivery, or of the shopper.
fn person(body: &[u8]) -> String {
    let message: Value = serde_json::from_slice(body).unwrap_or_default();
    let data = message.get("data").unwrap_or(&message);
    let texts = ["/shipTo/name", "/shipTo/city"].map(|path| data.pointer(path).and_then(Value::as_str));
    let shopper = data.pointer("/shopper/name").and_then(Value::as_str);
    match texts {
        [None, None] => shopper.unwrap_or_default().to_owned(),
        [name, city] => [name.or(shopper), city].into_iter().flatten().collect::<Vec<_>>().join(", "),
    }
}

fn as_json(entry: &Entry) -> Value {
    let mut json = summary_json(&entry.summary);
    if let Some(person) = &entry.person {
        json["who"] = json!(person);
    }
    json
}

/// A letter as JSON, without its body.
pub(crate) fn summary_json(letter: &Summary) -> Value {
    json!({
        "letter": letter.id, "queue": letter.place, "operation": &*letter.operation, "type": &*letter.error_type,
        "code": &*letter.code, "class": &*letter.class, "message": &*letter.message,
        "suggestedAction": &*letter.action, "order": letter.order.as_deref(), "attempts": letter.attempts,
        "replays": letter.replays, "replayId": letter.replay_id.as_deref(), "deadLetteredAt": letter.dead_lettered_at,
        "bytes": letter.bytes, "body": letter.body_hash,
    })
}
