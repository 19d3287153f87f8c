//! Publishes the batch as an operator would, with `bwp-sync publish FILE…`, or as a shop does that has its own JSON.
//!
//! Not here: the choice of files.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};
use bwp_sync::broker::{BrokerConfig, Outbox, json_properties};

use crate::batch::Message;

/// Publishes foreign bodies as a shop does, with the routing key of its topic. Returns the time of each confirm.
pub(crate) async fn publish_foreign(config: &BrokerConfig, batch: &[Message]) -> anyhow::Result<Vec<Instant>> {
    const TOPIC: &str = "orders/create";
    let outbox = Outbox::open(config).await.context("cannot reach the broker")?;
    let mut confirmed = Vec::new();
    for message in batch {
        let body = message.foreign.as_deref().unwrap_or_default();
        let properties = json_properties().with_message_id(message.id.as_str().into());
        outbox.publish(&config.names.events, TOPIC, properties, body).await.context("a message was not taken")?;
        confirmed.push(Instant::now());
    }
    outbox.close().await;
    Ok(confirmed)
}

/// Publishes the files in sequence. Returns the time of the broker's confirm for each.
pub(crate) async fn publish(files: Vec<PathBuf>) -> anyhow::Result<Vec<Instant>> {
    tokio::task::spawn_blocking(move || run(&files)).await.context("publishing was cut off")?
}

fn run(files: &[PathBuf]) -> anyhow::Result<Vec<Instant>> {
    let program = std::env::current_exe().context("cannot find this program")?.with_file_name("bwp-sync");
    let mut command = Command::new(&program);
    command.arg("publish").args(files).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("cannot run `{}`", program.display()))?;
    let output = child.stdout.take().context("`bwp-sync publish` has no output")?;
    // one line is printed for each message, after the broker's confirm
    let lines = BufReader::new(output).lines().map(|line| line.map(|_| Instant::now()));
    let confirmed = lines.collect::<Result<Vec<_>, _>>().context("cannot read what `bwp-sync publish` says")?;
    let status = child.wait().context("cannot wait for `bwp-sync publish`")?;
    ensure!(status.success(), "`bwp-sync publish` failed: {status}");
    ensure!(confirmed.len() == files.len(), "`bwp-sync publish` confirmed {} of {}", confirmed.len(), files.len());
    Ok(confirmed)
}
