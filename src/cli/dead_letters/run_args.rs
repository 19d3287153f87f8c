//! Arguments that `replay` and `apply` share: how letters are replayed.
//!
//! Not here: which letters.

use std::path::PathBuf;

use crate::dead_letters::replay::Options;

/// How letters are replayed.
#[derive(Debug, clap::Args)]
pub(super) struct RunArgs {
    /// Letters in a second: 20, 20/s, or 300/m
    #[arg(long, value_name = "RATE", default_value = "10/s", value_parser = rate)]
    pub(super) rate: f64,
    /// End the run after more failures than this; outcomes are awaited every few letters
    #[arg(long, value_name = "N", conflicts_with_all = ["no_wait", "via_exchange"])]
    pub(super) max_failures: Option<usize>,
    /// Publish to the exchange that the shop published to, not to the work queue; outcomes are not waited for then
    #[arg(long)]
    pub(super) via_exchange: bool,
    /// Do not wait for the first letter's outcome before the rest, nor for the others' at the end
    #[arg(long)]
    pub(super) no_wait: bool,
    /// Do not ask Buy with Prime for the orders first
    #[arg(long)]
    pub(super) no_check: bool,
    /// Do not ask before acting
    #[arg(long)]
    pub(super) yes: bool,
    /// Append a line of JSON for each letter, and for each outcome, to this file
    #[arg(long, value_name = "FILE")]
    pub(super) ledger: Option<PathBuf>,
    /// Reason, for the ledger
    #[arg(long, value_name = "TEXT", requires = "ledger")]
    pub(super) reason: Option<String>,
    /// Print the outcome as JSON
    #[arg(long)]
    pub(super) json: bool,
}

impl RunArgs {
    pub(super) fn options(&self) -> Options {
        let Self { rate, via_exchange, max_failures, no_wait, .. } = *self;
        Options { rate, via_exchange, max_failures, await_outcomes: !no_wait, first_decides: max_failures.is_none() }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let (number, seconds) = match text.split_once('/') {
        None | Some((_, "s")) => (text.trim_end_matches("/s"), 1.0),
        Some((number, "m")) => (number, 60.0),
        Some(_) => ("", 1.0),
    };
    let letters: Option<f64> = number.parse().ok().filter(|number: &f64| number.is_finite() && *number > 0.0);
    letters.map(|letters| letters / seconds).ok_or_else(|| "expected letters in a second or minute: 20/s, 300/m".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_in_seconds_unless_it_says_minutes() {
        assert_eq!([rate("20"), rate("20/s"), rate("300/m"), rate("0.5/s")], [20.0, 20.0, 5.0, 0.5].map(Ok));
        for wrong in ["0", "-1", "fast", "1/h", "inf", ""] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
