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
    /// The API alone, called at half of that speed, and what its latency allows; measured where it has one.
    #[value(skip)]
    Direct,
}

impl Contender {
    /// The loop's arguments; none where it is no loop in Rust.
    pub(crate) fn differs(self, rate: u32) -> Option<Vec<String>> {
        let by = |difference: Difference| vec!["--difference".to_owned(), difference.to_string()];
        Some(match self {
            Self::Node | Self::Worker | Self::Before | Self::Direct => return None,
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
        match self.to_possible_value() {
            Some(named) => to.write_str(named.get_name()),
            None => to.write_str("the API alone"),
        }
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
        write!(to, "{rate:.0}/s")?;
        if !client_cpu.is_nan() {
            write!(to, ", client {client_cpu:.0} µs, broker {broker_cpu:.0} µs, {peak_mib:.0} MiB")?;
        }
        // without messages at half load there is no latency
        if p50.is_nan() { Ok(()) } else { write!(to, ", p50 {p50:.1} ms, p99 {p99:.1} ms") }
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
    /// Memory of a worker that has nothing to do, in MB.
    pub(crate) idle_mb: Option<f64>,
    /// Load averages before the run and after it.
    pub(crate) load: [String; 2],
    /// Why the run tells nothing about messages a second; none where it does.
    pub(crate) void: Option<String>,
}

impl Display for Run {
    fn fmt(&self, to: &mut Formatter<'_>) -> Result {
        self.versions.iter().try_for_each(|version| writeln!(to, "- {version}"))?;
        writeln!(to, "- {} processors, load {} before and {} after", self.processors, self.load[0], self.load[1])?;
        self.idle_mb.iter().try_for_each(|idle| writeln!(to, "- an idle worker: {idle:.1} MB"))?;
        self.void.iter().try_for_each(|why| writeln!(to, "- VOID: {why}"))
    }
}

/// Prints a table for each case, and writes all figures as JSON and the tables as Markdown.
pub(crate) fn report(out: &Path, run: &Run, cases: &BTreeMap<String, OfCase>) {
    let mut text: String = cases.iter().map(|(case, figures)| format!("\n{case}\n\n{}", table(figures))).collect();
    text += &format!("\n{run}");
    println!("{text}");
    std::fs::write(out.with_extension("md"), text.trim_start()).unwrap();
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
            if median.is_nan() {
                return " – |".to_owned();
            }
            let ratio = beside.map(|of_loop| format!(", {:.2} ×", median / spread(of_loop, *field).1));
            format!(" {median:.1} ({low:.1}–{high:.1}){} |", ratio.unwrap_or_default())
        });
        table += &format!("| {contender} |{}\n", cells.collect::<String>());
    }
    table
}

/// The median.
pub(crate) fn median(all: &[Figures], field: fn(&Figures) -> f64) -> f64 {
    spread(all, field).1
}

/// The lowest, the median and the highest.
pub(crate) fn spread(all: &[Figures], field: fn(&Figures) -> f64) -> (f64, f64, f64) {
    let mut values: Vec<f64> = all.iter().map(field).collect();
    values.sort_by(f64::total_cmp);
    (values[0], values[values.len() / 2], values[values.len() - 1])
}
