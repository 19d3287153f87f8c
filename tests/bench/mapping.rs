//! How long a mapping takes for an order of ten lines, as the worker has it: through the child, one at a time.
//! Not here: the worker's throughput.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use bwp_sync::domain::envelope::mapped::Answer;
use bwp_sync::mapper::{Foreign, Mapper, Mapping};
use bwp_sync::mapping::PRESETS;
use serde_json::{Value, json};

/// Bound on the median.
const MEDIAN: Duration = Duration::from_millis(3);

#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Orders of each preset.
    #[arg(long, default_value_t = 5_000)]
    orders: usize,
    /// The worker's release build.
    #[arg(long, default_value = "target/release/bwp-sync")]
    worker: PathBuf,
}

pub(crate) async fn run(arguments: Arguments) {
    let mut slow = Vec::new();
    for (preset, source) in PRESETS {
        let body = ten_lines(preset);
        let mapping = Mapping {
            name: preset.into(),
            routing_keys: Vec::new(),
            types: Vec::new(),
            kind: "checkout-completed".into(),
            source: source.into(),
            variables: BTreeMap::new(),
            examples: None,
        };
        let mut mapper = Mapper::new(arguments.worker.clone(), vec![mapping]);
        let headers = BTreeMap::new();
        let mut times = Vec::new();
        for _ in 0..arguments.orders {
            let foreign = Foreign { body: &body, headers: &headers, routing_key: "orders/create" };
            let began = Instant::now();
            let answer = mapper.map(0, foreign).await.unwrap();
            times.push(began.elapsed());
            assert!(matches!(answer, Answer::Message(_)), "{preset}: {answer:?}");
        }
        times.sort_unstable();
        let at = |part: f64| times[((times.len() - 1) as f64 * part) as usize];
        println!("{preset}: {} bytes, median {:?}, 99 % {:?}", body.len(), at(0.5), at(0.99));
        if at(0.5) >= MEDIAN {
            slow.push(preset);
        }
    }
    assert!(slow.is_empty(), "the median is to be below {MEDIAN:?}: {}", slow.join(", "));
}

/// The plain order of a preset with ten lines.
fn ten_lines(preset: &str) -> Vec<u8> {
    let path = format!("{}/config/mappings/{preset}/plain-order.in.json", env!("CARGO_MANIFEST_DIR"));
    let mut order: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let name = ["line_items", "lineItems"].into_iter().find(|name| order.get(*name).is_some()).unwrap();
    let line = order[name][0].clone();
    let lines = (1..=10).map(|number| {
        let mut line = line.clone();
        line["id"] = json!(number.to_string());
        line
    });
    order[name] = lines.collect();
    serde_json::to_vec(&order).unwrap()
}
