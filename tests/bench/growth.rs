//! How speed, CPU and memory change with the backlog, the prefetch, the size of messages, the number of orders and a mapping.
//! Not here: how one point is measured (`round`); the drawing (`plot`).

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::json;

use crate::messages::What;
use crate::plot::{Curve, Panel, draw};
use crate::report::{Contender, Figures, Run, median};
use crate::round::{Bench, Load, load_average};

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Subjects that are measured.
    #[arg(long, value_delimiter = ',', default_values_t = Axis::value_variants().iter().copied())]
    axes: Vec<Axis>,
    /// Rounds; each has every point once.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Messages that wait in the queue, for `backlog`.
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 10_000, 100_000, 1_000_000])]
    backlogs: Vec<usize>,
    /// Messages in flight, for `prefetch`.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64, 256, 1024, 2048])]
    prefetches: Vec<u16>,
    /// Bytes of a message, for `bytes`.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64, 256].map(|kib| kib * 1024))]
    sizes: Vec<usize>,
    /// Orders that starts are about, for `orders`.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 4, 16, 64, 1024])]
    orders: Vec<usize>,
    /// Messages that are settled at a point, at most.
    #[arg(long, default_value_t = 10_000)]
    measured: usize,
    /// Where the curves go.
    #[arg(long, default_value = "target/growth.svg")]
    plot: PathBuf,
    /// Where the table goes, in Markdown.
    #[arg(long, default_value = "target/growth.md")]
    table: PathBuf,
    #[command(flatten)]
    common: crate::Common,
}

/// The subject that grows.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, ValueEnum)]
enum Axis {
    Backlog,
    Prefetch,
    Bytes,
    Orders,
    Mapping,
}

impl std::fmt::Display for Axis {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.to_possible_value().unwrap().get_name())
    }
}

/// A point that is measured.
#[derive(Clone, Debug, Serialize)]
struct Point {
    #[serde(serialize_with = "by_name")]
    axis: Axis,
    /// Where it lies on the axis.
    at: f64,
    /// That in words.
    named: String,
    figures: Vec<Figures>,
    #[serde(skip)]
    load: Load,
}

fn by_name<S: serde::Serializer>(axis: &Axis, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(axis)
}

/// Messages in flight and bytes of a message where they do not grow: those of the other tables.
const PREFETCH: u16 = 256;
const BYTES: usize = 2_048;

impl Arguments {
    fn points(&self) -> Vec<Point> {
        self.axes.iter().flat_map(|axis| self.points_of(*axis)).collect()
    }

    fn points_of(&self, axis: Axis) -> Vec<Point> {
        let usual = Load {
            what: What::Creates,
            bytes: BYTES,
            backlog: self.measured,
            measured: self.measured,
            prefetch: PREFETCH,
            orders: None,
            half_load: 0,
        };
        let point =
            |at: usize, named: String, load: Load| Point { axis, at: at as f64, named, figures: Vec::new(), load };
        match axis {
            Axis::Backlog => (self.backlogs.iter())
                .map(|&backlog| {
                    let measured = self.measured.min(backlog);
                    point(backlog, format!("{backlog} waiting"), Load { backlog, measured, bytes: 1_024, ..usual })
                })
                .collect(),
            Axis::Prefetch => (self.prefetches.iter())
                .map(|&prefetch| point(prefetch.into(), format!("{prefetch} in flight"), Load { prefetch, ..usual }))
                .collect(),
            Axis::Bytes => (self.sizes.iter())
                .map(|&bytes| {
                    // no more than 256 MiB in all
                    let backlog = self.measured.min((256 << 20) / bytes);
                    let load = Load { bytes, backlog, measured: backlog, ..usual };
                    point(bytes, format!("{} KiB", bytes / 1024), load)
                })
                .collect(),
            Axis::Orders => (self.orders.iter())
                .map(|&orders| {
                    let load = Load { what: What::Starts, orders: Some(orders), ..usual };
                    point(orders, format!("{orders} orders"), load)
                })
                .collect(),
            Axis::Mapping => [("without a mapping", What::Creates), ("with a mapping", What::Mapped)]
                .into_iter()
                .enumerate()
                .map(|(at, (named, what))| point(at, named.to_owned(), Load { what, ..usual }))
                .collect(),
        }
    }
}

/// Measures every point in every round, and writes table, curves and figures.
pub(crate) async fn all(arguments: Arguments) -> ExitCode {
    let bench = Bench::connect(arguments.common.clone()).await;
    let (mut points, before) = (arguments.points(), load_average());
    for round in 0..arguments.rounds {
        for (place, point) in points.iter_mut().enumerate() {
            let queue = format!("growth-{round}-{place}");
            let api = bench.api(0, point.axis == Axis::Orders).await;
            let measured = bench.measure(&api, &point.load, Contender::Worker, &queue).await;
            println!("round {}, {}: {measured}", round + 1, point.named);
            point.figures.push(measured);
        }
    }
    let run = Run {
        versions: arguments.common.version_of.clone(),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        idle_mb: None,
        load: [before, load_average()],
        void: None,
    };
    let table = format!("{}\n{run}", table(&points));
    println!("\n{table}");
    std::fs::write(&arguments.table, table).unwrap();
    std::fs::write(&arguments.plot, draw(&panels(&points))).unwrap();
    let out = &arguments.common.out;
    std::fs::write(out, format!("{:#}\n", json!({ "run": run, "points": points }))).unwrap();
    println!("table: {}, curves: {}, all: {}", arguments.table.display(), arguments.plot.display(), out.display());
    ExitCode::SUCCESS
}

type Field = (&'static str, fn(&Figures) -> f64);

const FIELDS: [Field; 4] = [
    ("messages/s", |it| it.rate),
    ("client CPU, µs/message", |it| it.client_cpu),
    ("broker CPU, µs/message", |it| it.broker_cpu),
    ("peak memory, MiB", |it| it.peak_mib),
];

fn table(points: &[Point]) -> String {
    let header: String = FIELDS.iter().map(|(name, _)| format!(" {name} |")).collect();
    let mut table = format!("| |{header}\n|---|{}\n", "---|".repeat(FIELDS.len()));
    for point in points {
        let cells: String =
            FIELDS.iter().map(|(_, field)| format!(" {:.0} |", median(&point.figures, *field))).collect();
        table += &format!("| {} |{cells}\n", point.named);
    }
    table
}

/// A panel for each axis that has a scale, with speed and memory.
fn panels(points: &[Point]) -> Vec<Panel> {
    let mut by_axis: BTreeMap<Axis, Vec<&Point>> = BTreeMap::new();
    points.iter().for_each(|point| by_axis.entry(point.axis).or_default().push(point));
    by_axis.remove(&Axis::Mapping);
    let panel = |(axis, points): (Axis, Vec<&Point>)| {
        let curve = |(name, field): Field| {
            let values = points.iter().map(|point| (point.at, median(&point.figures, field))).collect();
            Curve { name: name.to_owned(), values }
        };
        Panel { title: axis.to_string(), curves: vec![curve(FIELDS[0]), curve(FIELDS[3])] }
    };
    by_axis.into_iter().map(panel).collect()
}
