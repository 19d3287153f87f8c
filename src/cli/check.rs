//! `bwp-sync check`: a preflight, and the container's health check.
//!
//! Not here: how the broker and the API are looked at.

use anyhow::bail;
use comfy_table::{ContentArrangement, Table, presets};

use super::args::Check;
use super::worker::ask;
use super::{Exit, check_api, map_check, say, say_json};
use crate::broker::inspect::inspect;
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
    findings.extend(check_api::findings(settings).await?);
    findings.extend(inspect(&settings.broker()).await);
    show(&findings, args.json)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fails);
    Ok(if failed { Exit::Failed } else { Exit::Done })
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
