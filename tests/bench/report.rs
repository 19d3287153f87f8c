//! The figures of a run: medians with their spread, and each contender beside the loop with single acknowledgements.

use std::collections::BTreeMap;
use std::fmt::{Display, Formatter, Result};
use std::path::Path;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use crate::bare::Difference;

/// Who is measured.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
pub(crate) enum Contender {
    /// The loop in Rust; it acknowledges each message.
    LoopSingle,
    /// The loop in Rust; it acknowledges all up to the highest that is settled without a gap.
    LoopMultiple,
    /// The loop in Node.
    Node,
    /// The worker.
    Worker,
    /// Another build of the worker, to compare with.
    Before,
    /// The loop with a connection of its own for publishing.
    TwoConnections,
    /// The loop with small frames on the publishing connection.
    SmallFrames,
    /// The loop without `mandatory`.
    NotMandatory,
    /// The loop with properties, headers and a body like the worker's.
    LikeResults,
    /// The loop with a classic queue for results.
    ClassicResults,
    /// The loop at the speed of `--rate`.
    Slow,
}

impl Contender {
    /// The loop's arguments; none where it is no loop in Rust.
    pub(crate) fn differs(self, rate: u32) -> Option<Vec<String>> {
        let by = |difference: Difference| vec!["--difference".to_owned(), difference.to_string()];
        Some(match self {
            Self::Node | Self::Worker | Self::Before => return None,
            Self::LoopSingle | Self::ClassicResults => Vec::new(),
            Self::LoopMultiple => by(Difference::MultipleAcks),
            Self::TwoConnections => by(Difference::TwoConnections),
            Self::SmallFrames => by(Difference::SmallFrames),
            Self::NotMandatory => by(Difference::NotMandatory),
            Self::LikeResults => by(Difference::LikeResults),
            Self::Slow => vec!["--rate".to_owned(), rate.to_string()],
        })
    }
}

impl Display for Contender {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        to.write_str(self.to_possible_value().unwrap().get_name())
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

/// All figures of one case, by contender.
pub(crate) type OfCase = BTreeMap<Contender, Vec<Figures>>;

/// The circumstances of a run.
#[derive(Debug, Serialize)]
pub(crate) struct Run {
    /// Versions of what was measured and of the machine.
    pub(crate) versions: Vec<String>,
    /// Processors.
    pub(crate) processors: usize,
    /// Load averages before the run and after it.
    pub(crate) load: [String; 2],
    /// Why the run tells nothing about messages a second; none where it does.
    pub(crate) void: Option<String>,
}

/// Prints a table for each case, and writes all figures as JSON.
pub(crate) fn report(out: &Path, run: &Run, cases: &BTreeMap<String, OfCase>) {
    for (case, figures) in cases {
        println!("\n{case}\n\n{}", table(figures));
    }
    run.versions.iter().for_each(|version| println!("{version}"));
    println!("{} processors, load {} before and {} after", run.processors, run.load[0], run.load[1]);
    if let Some(why) = &run.void {
        println!("VOID: {why}");
    }
    let named = |figures: &OfCase| figures.iter().map(|(who, all)| (who.to_string(), json!(all))).collect();
    let cases: serde_json::Map<String, serde_json::Value> =
        cases.iter().map(|(case, figures)| (case.clone(), serde_json::Value::Object(named(figures)))).collect();
    std::fs::write(out, format!("{:#}\n", json!({ "run": run, "cases": cases }))).unwrap();
    println!("all figures: {}", out.display());
}

fn table(figures: &OfCase) -> String {
    let header: Vec<_> = FIELDS.iter().map(|(name, _)| format!(" {name} |")).collect();
    let mut table = format!("| |{}\n|---|{}\n", header.concat(), "---|".repeat(FIELDS.len()));
    let beside = figures.get(&Contender::LoopSingle);
    for (contender, all) in figures {
        let cells = FIELDS.iter().map(|(_, field)| {
            let (low, median, high) = spread(all, *field);
            let ratio = beside.map(|of_loop| format!(", {:.2} ×", median / spread(of_loop, *field).1));
            format!(" {median:.1} ({low:.1}–{high:.1}){} |", ratio.unwrap_or_default())
        });
        table += &format!("| {contender} |{}\n", cells.collect::<String>());
    }
    table
}

/// The lowest, the median and the highest.
pub(crate) fn spread(all: &[Figures], field: fn(&Figures) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = all.iter().map(field).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
