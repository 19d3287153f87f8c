//! `bwp-sync check`: a preflight, and the container's health check.
//!
//! Not here: how the broker and the API are looked at.

use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::{ContentArrangement, Table, presets};

use super::args::Check;
use super::exit::Exit;
use super::terminal::{say, say_json};
use super::worker::ask;
use super::{check_api, check_port, map_check};
use crate::api::Client;
use crate::broker::preflight::inspect;
use crate::broker::{clocks, find_hazards};
use crate::ports::{Finding, Verdict};
use crate::settings::Settings;

pub(super) async fn check(settings: &Settings, args: &Check) -> anyhow::Result<Exit> {
    if args.live {
        return live(settings).await;
    }
    // settings that do not hold have ended the program before
    let mut findings =
        vec![Finding::holds("settings", "readable, complete, without contradiction", "nothing starts half set up")];
    findings.extend(map_check::findings(settings).await?);
    let broker = settings.broker();
    let (api, clock, inspected, hazards, port) = tokio::join!(
        within("api", Finding::fails, check_api::findings(settings)),
        within("clock of the API", Finding::unknown, clock(settings)),
        within("broker", Finding::fails, async { Ok(inspect(&broker).await) }),
        within("management API", Finding::unknown, async { Ok(find_hazards(&broker).await) }),
        check_port::findings(settings),
    );
    for found in [api?, clock?, inspected?, hazards?, port] {
        findings.extend(found);
    }
    show(&findings, args.json)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fails);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// A look that takes longer ends unfinished: a preflight is waited for. Without API and broker no worker can work; other
/// answers may be missing.
const WITHIN: Duration = Duration::from_secs(9);

async fn within(
    subject: &'static str,
    unfinished: fn(&'static str, String, &'static str) -> Finding,
    look: impl Future<Output = anyhow::Result<Vec<Finding>>>,
) -> anyhow::Result<Vec<Finding>> {
    let unfinished = || {
        let detail = format!("no answer to all questions within {} s", WITHIN.as_secs());
        vec![unfinished(subject, detail, "nothing is begun that cannot be done")]
    };
    tokio::time::timeout(WITHIN, look).await.unwrap_or_else(|_elapsed| Ok(unfinished()))
}

async fn clock(settings: &Settings) -> anyhow::Result<Vec<Finding>> {
    const CLOCK: &str = "clock of the API";
    let client = Client::new(settings.api()).context("cannot set up the API client")?;
    let unknown = || Finding::unknown(CLOCK, "no answer that tells the time", "no offer is refused for its time");
    Ok(vec![client.date().await.map_or_else(unknown, |theirs| clocks(CLOCK, theirs))])
}

fn show(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(say_json(serde_json::to_string_pretty(findings)?)?);
    }
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(["", "what", "found", "what hangs on it"]);
    for Finding { subject, verdict, detail, promise } in findings {
        let verdict = match verdict {
            Verdict::Holds => "ok",
            Verdict::Fails => "FAILS",
            Verdict::Unknown => "unknown",
        };
        table.add_row([verdict, subject, detail, promise]);
    }
    Ok(say(table)?)
}

/// Asks `/livez` of the worker that runs here.
async fn live(settings: &Settings) -> anyhow::Result<Exit> {
    match ask(settings, "/livez").await? {
        (200, _) => Ok(Exit::Done),
        (_, body) => bail!("not alive: {}", body.lines().last().unwrap_or("no answer")),
    }
}
