//! The list of metrics is the truth: what the code records is in it, and nothing else.

use std::collections::BTreeSet;
use std::path::Path;

use bwp_sync::api::ApiVersion;
use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Refusal, Simulator};
use bwp_sync::telemetry::metrics::{Kind, METRICS};
use bwp_sync::worker::handle;
use metrics_exporter_prometheus::PrometheusBuilder;

use crate::scenario::{context, event, plain_checkout};

#[test]
fn every_recorded_metric_is_in_the_list_and_every_listed_one_is_recorded() {
    let mut recorded = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut recorded);
    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(recorded, listed);
}

#[test]
fn names_follow_prometheus_conventions() {
    for metric in METRICS {
        assert!(metric.name.starts_with("bwp_"), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        if metric.kind == Kind::Histogram {
            assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}

// one thread, so that all of it is recorded here
#[tokio::test]
async fn only_an_error_that_no_document_lists_is_counted_as_such() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    for (order, code) in [("SO-1", "NewRule"), ("SO-2", "ItemOutOfStock")] {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        simulator.add_fault(FaultRule::always(Fault::refuse(Refusal::validation(code))).on(Operation::CreateOrder));
        let context = context(&simulator, "sim-secret", ApiVersion::default());
        handle(&context, &event(order, "checkout-completed", &plain_checkout(order))).await;
    }
    let figures = recorder.handle().render();
    let counted: Vec<_> = figures.lines().filter(|line| line.starts_with("bwp_unlisted_errors_total")).collect();
    // with the two repeated calls of one stay
    assert_eq!(counted, ["bwp_unlisted_errors_total{operation=\"createOrder\"} 3"], "{figures}");
}

/// Names that stand in a recording macro anywhere but in the list itself.
fn collect(path: &Path, names: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), names);
        }
        return;
    }
    let text = std::fs::read_to_string(path).unwrap();
    for recording in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
        for (at, _) in text.match_indices(recording) {
            let name: String = text[at + recording.len()..].chars().take_while(|c| *c != '"').collect();
            names.insert(name);
        }
    }
}
