//! `bwp-sync held`: which messages wait in the worker on this machine, and why.
//!
//! Not here: messages that wait in queues, which RabbitMQ shows.

use anyhow::{Context, bail};
use comfy_table::{ContentArrangement, Table, presets};

use super::args::Held;
use super::exit::Exit;
use super::terminal::say;
use super::worker::ask;
use crate::admin;
use crate::settings::Settings;

pub(super) async fn held(settings: &Settings, args: &Held) -> anyhow::Result<Exit> {
    let (status, body) = ask(settings, "/held").await?;
    if status != 200 {
        bail!("the worker answered with HTTP {status}: is it of this version?");
    }
    if args.json {
        say(body.trim_end())?;
        return Ok(Exit::Done);
    }
    let held: Vec<admin::Held> = serde_json::from_str(&body).context("the worker's answer cannot be read")?;
    if held.is_empty() {
        say("no message waits in the worker")?;
        return Ok(Exit::Done);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["order", "message", "since", "reason", "why"]);
    for admin::Held { order, message_id, reason, words, since } in held {
        let unknown = || "-".to_owned();
        let since = since.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        table.add_row([order.unwrap_or_else(unknown), message_id.unwrap_or_else(unknown), since, reason, words]);
    }
    say(table)?;
    Ok(Exit::Done)
}
