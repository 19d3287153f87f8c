//! `bwp-sync check`: a preflight, and the container's health check.
//!
//! Not here: how the broker is looked at.

use anyhow::{Context, bail};
use comfy_table::{ContentArrangement, Table, presets};

use super::args::Check;
use super::worker::ask;
use super::{Exit, say, say_json};
use crate::api::Client;
use crate::broker::inspect::inspect;
use crate::domain::order::{Alias, OrderIdentifier};
use crate::policy::catalogue::Class;
use crate::policy::classify::classify;
use crate::ports::{Finding, Operation, OrderApi, Verdict};
use crate::settings::Settings;

pub(super) async fn check(settings: &Settings, args: &Check) -> anyhow::Result<Exit> {
    if args.live {
        return live(settings).await;
    }
    // settings that do not hold have ended the program before
    let mut findings =
        vec![Finding::holds("settings", "readable, complete, without contradiction", "nothing starts half set up")];
    findings.push(api(settings).await?);
    findings.extend(inspect(&settings.broker()).await);
    show(&findings, args.json)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fails);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

/// Gets a token, and reads an order that cannot be there: the one call that changes nothing.
async fn api(settings: &Settings) -> anyhow::Result<Finding> {
    const PROMISE: &str = "orders are created, and looked for before a letter is written";
    let client = Client::new(settings.api()).context("cannot set up the API client")?;
    let nobodys = Alias::new(settings.conventions().aliases.order, "bwp-sync check, an order that cannot be there");
    let answer = client.order(&OrderIdentifier::Alias(nobodys)).await;
    let (verdict, detail) = match answer {
        Ok(None) => (Verdict::Holds, "token given; an unknown order is answered with nothing".to_owned()),
        Ok(Some(_)) => (Verdict::Unknown, "token given; the API knows an order that cannot be there".to_owned()),
        Err(error) => {
            let failure = classify(Operation::Order, &error);
            match failure.class {
                Class::NotThere => (Verdict::Holds, "token given; an unknown order is said to be unknown".to_owned()),
                Class::Denied if !failure.systemic => (
                    Verdict::Unknown,
                    "token given; an unknown order is denied, as one without access would be".to_owned(),
                ),
                Class::Denied
                | Class::MaybeAlreadyDone
                | Class::AlreadyDone
                | Class::Throttled
                | Class::Transient
                | Class::OutcomeUnknown
                | Class::Rejected
                | Class::QueryRefused
                | Class::Unlisted => (Verdict::Fails, format!("{error}; hint: {}", failure.action)),
            }
        }
    };
    Ok(Finding { subject: "api".into(), verdict, detail, promise: PROMISE })
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
