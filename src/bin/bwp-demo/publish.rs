//! Publishes the batch as an operator would: with `bwp-sync publish FILE…`.
//!
//! Not here: the choice of files.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, ensure};

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
