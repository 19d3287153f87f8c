//! The figures of a run: medians with their spread, and each contender beside the loop with single acknowledgements.

use std::collections::HashMap;
use std::fmt::{Display, Formatter, Result};
use std::path::Path;

use serde::Serialize;
use serde_json::json;

/// Who is measured.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Contender {
    LoopSingle,
    LoopMultiple,
    Node,
    Worker,
}

impl Display for Contender {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        to.write_str(match self {
            Self::LoopSingle => "loop-single-acks",
            Self::LoopMultiple => "loop-multiple-acks",
            Self::Node => "loop-in-node",
            Self::Worker => "bwp-sync",
        })
    }
}

/// Figures of one contender in one round.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    /// Messages a second.
    pub(crate) rate: f64,
    /// Its CPU time, in microseconds a message.
    pub(crate) client_cpu: f64,
    /// The broker's.
    pub(crate) broker_cpu: f64,
    /// The most memory that it had.
    pub(crate) peak_mib: f64,
    /// Milliseconds from publication to result at half of that rate, of half of the messages.
    pub(crate) p50: f64,
    /// Of 99 % of the messages.
    pub(crate) p99: f64,
}

impl Display for Figures {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        let Self { rate, client_cpu, broker_cpu, peak_mib, p50, p99 } = self;
        write!(
            to,
            "{rate:.0}/s, client {client_cpu:.0} µs, broker {broker_cpu:.0} µs, {peak_mib:.0} MiB, p50 {p50:.1} ms, p99 {p99:.1} ms"
        )
    }
}

type Field = (&'static str, fn(&Figures) -> f64);

const FIELDS: [Field; 6] = [
    ("msg/s", |it| it.rate),
    ("client CPU, µs/msg", |it| it.client_cpu),
    ("broker CPU, µs/msg", |it| it.broker_cpu),
    ("peak memory, MiB", |it| it.peak_mib),
    ("p50 at half load, ms", |it| it.p50),
    ("p99 at half load, ms", |it| it.p99),
];

/// Prints a table, and writes all figures as JSON.
pub(crate) fn report(out: &Path, contenders: &[Contender], figures: &HashMap<Contender, Vec<Figures>>) {
    let header: Vec<_> = FIELDS.iter().map(|(name, _)| format!(" {name} |")).collect();
    println!("| |{}\n|---|{}", header.concat(), "---|".repeat(FIELDS.len()));
    for contender in contenders {
        let cells: Vec<_> = FIELDS
            .iter()
            .map(|(_, field)| {
                let (low, median, high) = spread(&figures[contender], *field);
                let (_, of_loop, _) = spread(&figures[&Contender::LoopSingle], *field);
                format!(" {median:.1} ({low:.1}–{high:.1}), {:.2} × |", median / of_loop)
            })
            .collect();
        println!("| {contender} |{}", cells.concat());
    }
    let all: HashMap<String, &Vec<Figures>> = figures.iter().map(|(who, all)| (who.to_string(), all)).collect();
    std::fs::write(out, json!(all).to_string()).unwrap();
    println!("all figures: {}", out.display());
}

/// The lowest, the median and the highest.
fn spread(all: &[Figures], field: fn(&Figures) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = all.iter().map(field).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
