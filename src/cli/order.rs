//! `bwp-sync order ID`: one order as the API has it, its dead letters, and the replays of them.
//!
//! Not here: reading the API, letters or the ledger; any change.

use std::collections::BTreeSet;
use std::io::{self, Write};

use anyhow::Context;
use serde_json::{Value, json};

use super::args::Order;
use super::dead_letters::list::summary_json;
use super::dead_letters::opening::{look, open};
use super::dead_letters::output::Output;
use super::exit::Exit;
use super::terminal::{Form, one_line};
use crate::api::Client;
use crate::broker::{Place, Summary};
use crate::dead_letters::filter::Filter;
use crate::dead_letters::found::{Found, find};
use crate::dead_letters::ledger::{self, Action, By};
use crate::dead_letters::stored::Shown;
use crate::domain::stored::StoredOrder;
use crate::settings::Settings;

/// A letter of the order, when it is no longer held.
struct Letter {
    summary: Summary,
    first_failed_at: Option<String>,
    worker_version: Option<String>,
}

/// Everything that is known of the order. A part that could not be read has its reason instead.
struct Known {
    id: String,
    api: Found,
    letters: Result<Vec<Letter>, String>,
    /// Lines of the ledger, if one is given.
    actions: Option<Vec<Action>>,
}

pub(super) async fn order(settings: &Settings, args: &Order) -> anyhow::Result<Exit> {
    let api = read(settings, &args.id).await?;
    let names = names(settings, &args.id, &api);
    let letters = letters(settings, &names).await.map_err(|error| format!("{error:#}"));
    let actions = match &args.ledger {
        Some(path) => {
            let actions = ledger::actions_of(path, &names);
            Some(actions.with_context(|| format!("cannot read `{}`", path.display()))?)
        }
        None => None,
    };
    let known = Known { id: args.id.clone(), api, letters, actions };
    let form = if args.json { Form::Json } else { Form::Text };
    Output::open(form).write(|out| match args.json {
        true => writeln!(out, "{:#}", known.json()),
        false => known.write(out),
    })?;
    Ok(if known.is_whole() { Exit::Done } else { Exit::Failed })
}

/// Reads the order, with the fields that the API does not know.
async fn read(settings: &Settings, id: &str) -> anyhow::Result<Found> {
    let client = Client::new(settings.api()).context("cannot set up the API client")?;
    let mut found = find(&client, settings.conventions().aliases.order, id).await;
    if let Found::Order(order) = &mut found {
        order.unknown = client.unknown_fields();
    }
    Ok(found)
}

/// Every name by which a letter or the ledger may call the order.
fn names(settings: &Settings, id: &str, api: &Found) -> BTreeSet<String> {
    let mut names = BTreeSet::from([id.to_owned()]);
    if let Found::Order(order) = api {
        let order_type = settings.conventions().aliases.order;
        let aliases = order.aliases.iter().flatten().filter(|alias| alias.alias_type == order_type);
        names.extend(aliases.map(|alias| alias.alias_id.clone()));
        names.insert(order.id.clone());
    }
    names
}

async fn letters(settings: &Settings, names: &BTreeSet<String>) -> anyhow::Result<Vec<Letter>> {
    let filter = Filter { orders: names.iter().cloned().collect(), ..Filter::default() };
    let letter_box = open(settings).await?;
    let seen = look(&letter_box, &filter, |letter| Letter {
        first_failed_at: letter.first_failed_at(),
        worker_version: letter.worker_version(),
        summary: letter.summary,
    })
    .await;
    letter_box.close().await;
    Ok(seen?.letters)
}

impl Known {
    /// Whether API and letters could be read.
    fn is_whole(&self) -> bool {
        !matches!(self.api, Found::Unclear(_)) && self.letters.is_ok()
    }

    fn json(&self) -> Value {
        let api = match &self.api {
            Found::Order(order) => json!({ "state": "found", "order": Shown::of(order) }),
            Found::Absent => json!({ "state": "absent" }),
            Found::Unclear(why) => json!({ "state": "unknown", "why": why }),
        };
        let mut known = json!({ "id": self.id, "api": api });
        match &self.letters {
            Ok(letters) => known["letters"] = letters.iter().map(Letter::json).collect(),
            Err(why) => known["lettersUnknown"] = json!(why),
        }
        if let Some(actions) = &self.actions {
            known["ledger"] = json!(actions);
        }
        known
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "order {}\n\nBuy with Prime", one_line(&self.id))?;
        match &self.api {
            Found::Order(order) => rows(out, order)?,
            Found::Absent => writeln!(out, "  has no such order")?,
            Found::Unclear(why) => writeln!(out, "  unknown: {}", one_line(why))?,
        }
        writeln!(out, "\ndead letters")?;
        match &self.letters {
            Ok(letters) if letters.is_empty() => writeln!(out, "  none")?,
            Ok(letters) => letters.iter().try_for_each(|letter| letter.write(out))?,
            Err(why) => writeln!(out, "  unknown: {}", one_line(why))?,
        }
        match &self.actions {
            Some(actions) if actions.is_empty() => writeln!(out, "\nledger\n  nothing of this order"),
            Some(actions) => {
                writeln!(out, "\nledger")?;
                actions.iter().try_for_each(|action| write_action(out, action))
            }
            None => Ok(()),
        }
    }
}

fn rows(out: &mut dyn Write, order: &StoredOrder) -> io::Result<()> {
    let rows = Shown::of(order).rows();
    rows.iter().try_for_each(|(what, text)| writeln!(out, "  {what:12}  {}", one_line(text)))
}

impl Letter {
    fn json(&self) -> Value {
        let mut json = summary_json(&self.summary);
        json["firstFailedAt"] = json!(self.first_failed_at);
        json["workerVersion"] = json!(self.worker_version);
        json
    }

    fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        let Self { summary, first_failed_at, worker_version } = self;
        let parked = if summary.place == Place::Parked { ", parked" } else { "" };
        let why = if summary.message.is_empty() { "no reason is given" } else { &summary.message };
        writeln!(out, "  {}{parked}  {} {}", summary.id, one_line(&summary.operation), one_line(&summary.code))?;
        writeln!(out, "    why               {}", one_line(why))?;
        writeln!(out, "    what can be done  {}", one_line(&summary.action))?;
        let mut history = Vec::new();
        history.extend(first_failed_at.as_ref().map(|at| format!("failed first {at}")));
        history.extend(summary.dead_lettered_at.map(|at| format!("written {at}")));
        history.extend(worker_version.as_ref().map(|version| format!("by version {version}")));
        history.push(format!("after {}", times(summary.attempts, "attempt")));
        writeln!(out, "    history           {}", one_line(&history.join(", ")))?;
        match (&summary.replay_id, summary.replays) {
            (_, 0) => writeln!(out, "    replays           none"),
            (None, count) => writeln!(out, "    replays           {count}"),
            (Some(run), count) => writeln!(out, "    replays           {count}, the last by run {}", one_line(run)),
        }
    }
}

fn write_action(out: &mut dyn Write, action: &Action) -> io::Result<()> {
    let Action { by: By { at, user, host, command, why }, outcome, replay_id, edited, letter, .. } = action;
    let mut line = format!("{at}  {outcome}  letter {letter}, {command} by {user} on {host}");
    line.extend(replay_id.map(|run| format!(", run {run}")));
    line.extend(why.as_ref().map(|why| format!(", because: {why}")));
    if !edited.is_empty() {
        line.push_str(&format!(", changed {}", edited.join(", ")));
    }
    writeln!(out, "  {}", one_line(&line))
}

fn times(count: u32, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}
