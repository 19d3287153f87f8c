//! `bwp-sync dead-letters show LETTER…`
//!
//! Not here: reading letters.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::mapping::{mappings, message};
use super::opening::{look, open};
use super::output::Output;
use super::selection::{Selection, check_ids};
use crate::broker::{Place, StoredLetter, Summary};
use crate::cli::exit::Exit;
use crate::cli::terminal::{Form, one_line};
use crate::dead_letters::mapped::{Mappings, Message};
use crate::dead_letters::shown::{is_foreign, shown_body as body};
use crate::settings::Settings;

/// Arguments of `show`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Ids of letters, or how they begin
    #[arg(value_name = "LETTER", required = true)]
    ids: Vec<String>,
    /// Show names, addresses and tokens in the message, and headers of the shop
    #[arg(long)]
    reveal: bool,
    /// Show also the message that a mapping of the settings makes of the body now
    #[arg(long)]
    mapped: bool,
    /// Print JSON, one letter on a line
    #[arg(long)]
    json: bool,
}

/// A letter as it is shown, when it is no longer held.
struct Shown {
    summary: Summary,
    headers: Vec<(String, String)>,
    body: String,
    /// The message that a mapping makes of the body, or why there is none.
    mapped: Option<Result<String, String>>,
}

pub(super) async fn show(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let letters = open(settings).await?;
    let filter = Selection::of_ids(&args.ids).filter();
    let mut mappings = mappings(settings)?;
    let make = |letter| {
        let mapped = args.mapped.then(|| mapped_message(&letter, &mut mappings, args.reveal)).flatten();
        shown(letter, mapped, args.reveal)
    };
    let seen = look(&letters, &filter, make).await?;
    letters.close().await;
    check_ids(&filter, &seen.letters.iter().map(|letter| letter.summary.clone()).collect::<Vec<_>>())?;
    let form = if args.json { Form::Json } else { Form::Text };
    Output::open(form).write(|out| match args.json {
        true => seen.letters.iter().try_for_each(|letter| writeln!(out, "{}", as_json(letter))),
        false => seen.letters.iter().try_for_each(|letter| write(out, letter)),
    })?;
    Ok(Exit::Done)
}

fn shown(letter: StoredLetter, mapped: Option<Result<String, String>>, reveal: bool) -> Shown {
    let headers = letter.headers().into_iter().filter(|(name, _)| reveal || name.starts_with("bwp-"));
    Shown {
        headers: headers.collect(),
        body: body(&letter.text(), is_foreign(&letter), reveal),
        mapped,
        summary: letter.summary,
    }
}

/// The message that a mapping makes of a letter; none where the body is the message.
fn mapped_message(letter: &StoredLetter, mappings: &mut Mappings, reveal: bool) -> Option<Result<String, String>> {
    match message(mappings, letter) {
        Ok(Message { mapping: None, .. }) => None,
        Ok(Message { body: event, .. }) => Some(Ok(body(&event, false, reveal))),
        Err(why) => Some(Err(why.to_string())),
    }
}

fn write(out: &mut dyn Write, letter: &Shown) -> io::Result<()> {
    let Shown { summary, headers, body, mapped } = letter;
    let parked = if summary.place == Place::Parked { ", parked" } else { "" };
    writeln!(out, "letter {}{parked}\n", summary.id)?;
    writeln!(out, "{}: {}", one_line(&summary.code), one_line(&summary.message))?;
    writeln!(out, "what can be done: {}\n", one_line(&summary.action))?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (one_line(name), one_line(value))).collect();
    let width = headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in headers {
        writeln!(out, "  {name:width$}  {value}")?;
    }
    writeln!(out, "\n{body}\n")?;
    match mapped {
        Some(Ok(message)) => writeln!(out, "mapped:\n{message}\n"),
        Some(Err(why)) => writeln!(out, "not mapped: {}\n", one_line(why)),
        None => Ok(()),
    }
}

fn as_json(letter: &Shown) -> Value {
    let headers: serde_json::Map<_, _> =
        letter.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    let mut json =
        json!({ "letter": letter.summary.id, "queue": letter.summary.place, "headers": headers, "body": letter.body });
    match &letter.mapped {
        Some(Ok(message)) => json["mapped"] = json!(message),
        Some(Err(why)) => json["notMapped"] = json!(why),
        None => {}
    }
    json
}
