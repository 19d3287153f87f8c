//! `bwp-sync check`: a preflight, and the container's health check.
//!
//! Not here: how the broker and the API are looked at.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, bail};
use comfy_table::{ContentArrangement, Table, presets};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::args::Check;
use super::{Exit, check_api, say};
use crate::broker::inspect::inspect;
use crate::ports::{Finding, Verdict};
use crate::settings::Settings;

/// How long `/livez` may take.
const LIVE_TIMEOUT: Duration = Duration::from_secs(3);

pub(super) async fn check(settings: &Settings, args: &Check) -> anyhow::Result<Exit> {
    if args.live {
        return live(settings).await;
    }
    // settings that do not hold have ended the program before
    let mut findings =
        vec![Finding::holds("settings", "readable, complete, without contradiction", "nothing starts half set up")];
    findings.extend(check_api::findings(settings).await?);
    findings.extend(inspect(&settings.broker()).await);
    show(&findings, args.json)?;
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fails);
    Ok(if failed { Exit::Failed } else { Exit::Done })
}

fn show(findings: &[Finding], json: bool) -> anyhow::Result<()> {
    if json {
        return Ok(say(serde_json::to_string_pretty(findings)?)?);
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

/// Asks `/livez` of the worker that runs here. One request of one line: no HTTP client is worth its weight for it.
async fn live(settings: &Settings) -> anyhow::Result<Exit> {
    let Some(address) = settings.admin() else { bail!("admin.listen: nothing is served, so nothing can be asked") };
    let host = if address.ip().is_unspecified() { IpAddr::V4(Ipv4Addr::LOCALHOST) } else { address.ip() };
    let address = SocketAddr::new(host, address.port());
    let asked = async {
        let mut stream = TcpStream::connect(address).await?;
        stream.write_all(b"GET /livez HTTP/1.0\r\n\r\n").await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    let answer = tokio::time::timeout(LIVE_TIMEOUT, asked).await.context("no answer in time")?;
    let answer = answer.with_context(|| format!("cannot ask {address}"))?;
    match answer.split_whitespace().nth(1) {
        Some("200") => Ok(Exit::Done),
        _ => bail!("not alive: {}", answer.lines().last().unwrap_or("no answer")),
    }
}
