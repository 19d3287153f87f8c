//! `bwp-sync dead-letters show LETTER…`
//!
//! Not here: reading letters.

use std::io::{self, Write};

use serde_json::{Value, json};

use super::opening::{look, open};
use super::output::Output;
use super::selection::{Selection, check_ids};
use crate::broker::{Place, StoredLetter, Summary};
use crate::cli::exit::Exit;
use crate::cli::terminal::{Form, one_line};
use crate::domain::privacy::{all_masked, masked};
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
    /// Print JSON, one letter on a line
    #[arg(long)]
    json: bool,
}

/// A letter as it is shown, when it is no longer held.
struct Shown {
    summary: Summary,
    headers: Vec<(String, String)>,
    body: String,
}

pub(super) async fn show(settings: &Settings, args: &Args) -> anyhow::Result<Exit> {
    let letters = open(settings).await?;
    let filter = Selection::of_ids(&args.ids).filter();
    let seen = look(&letters, &filter, |letter| shown(letter, args.reveal)).await?;
    letters.close().await;
    check_ids(&filter, &seen.letters.iter().map(|letter| letter.summary.clone()).collect::<Vec<_>>())?;
    let form = if args.json { Form::Json } else { Form::Text };
    Output::open(form).write(|out| match args.json {
        true => seen.letters.iter().try_for_each(|letter| writeln!(out, "{}", as_json(letter))),
        false => seen.letters.iter().try_for_each(|letter| write(out, letter)),
    })?;
    Ok(Exit::Done)
}

fn shown(letter: StoredLetter, reveal: bool) -> Shown {
    let headers = letter.headers().into_iter().filter(|(name, _)| reveal || name.starts_with("bwp-"));
    Shown {
        headers: headers.collect(),
        body: body(&letter.text(), letter.mapping().is_some(), reveal),
        summary: letter.summary,
    }
}

/// The body of a letter; of a foreign one nobody knows which field is personal, so all are masked.
fn body(body: &[u8], is_foreign: bool, reveal: bool) -> String {
    if reveal {
        return String::from_utf8_lossy(body).into_owned();
    }
    let readable = serde_json::from_slice::<Value>(body).ok().filter(Value::is_object);
    let mask = if is_foreign { all_masked } else { masked };
    let masked = readable.and_then(|message| serde_json::to_string_pretty(&mask(message)).ok());
    masked.unwrap_or_else(|| format!("({} bytes that are no message; `--reveal` shows them)", body.len()))
}

fn write(out: &mut dyn Write, letter: &Shown) -> io::Result<()> {
    let Shown { summary, headers, body } = letter;
    let parked = if summary.place == Place::Parked { ", parked" } else { "" };
    writeln!(out, "letter {}{parked}\n", summary.id)?;
    writeln!(out, "{}: {}", one_line(&summary.code), one_line(&summary.message))?;
    writeln!(out, "what can be done: {}\n", one_line(&summary.action))?;
    let headers: Vec<_> = headers.iter().map(|(name, value)| (one_line(name), one_line(value))).collect();
    let width = headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in headers {
        writeln!(out, "  {name:width$}  {value}")?;
    }
    writeln!(out, "\n{body}\n")
}

fn as_json(letter: &Shown) -> Value {
    let headers: serde_json::Map<_, _> =
        letter.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({ "letter": letter.summary.id, "queue": letter.summary.place, "headers": headers, "body": letter.body })
}
