//! Alerts and dashboard name only metrics that the code records, and every alert has its test and its runbook.
//! Not here: when an alert fires; `promtool` shows that by `deploy/alerts.test.yaml`.

use std::collections::BTreeSet;
use std::path::Path;

use bwp_sync::telemetry::metrics::{Kind, METRICS};
use regex::Regex;

fn read(file: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap_or_else(|e| panic!("{file}: {e}"))
}

/// Names and labels in expressions of Prometheus that no series of the worker has.
fn unknown(text: &str) -> BTreeSet<String> {
    let mut unknown = BTreeSet::new();
    let compared = Regex::new(r"([a-z_]+)\s*(?:=|!)").unwrap();
    for used in Regex::new(r"(bwp_[a-z_]+)(?:\{([^}]*)\})?").unwrap().captures_iter(text) {
        let name = &used[1];
        let of_histogram = ["_bucket", "_count", "_sum"].iter().find_map(|end| name.strip_suffix(end));
        let metric = METRICS.iter().find(|metric| match metric.kind {
            Kind::Histogram => of_histogram == Some(metric.name),
            Kind::Counter | Kind::Gauge => metric.name == name,
        });
        let Some(metric) = metric else {
            unknown.insert(name.to_owned());
            continue;
        };
        let matchers = used.get(2).map_or("", |matchers| matchers.as_str());
        // of a series of a test, or of a pod: what the scrape adds
        let added = ["namespace", "job", "pod", "le"];
        for label in compared.captures_iter(matchers) {
            if !metric.labels.contains(&&label[1]) && !added.contains(&&label[1]) {
                unknown.insert(format!("{name}{{{}}}", &label[1]));
            }
        }
    }
    unknown
}

/// The names of all alerts.
fn alerts() -> Vec<String> {
    let text = read("deploy/alerts.yaml");
    let names: Vec<_> =
        text.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).map(String::from).collect();
    assert!(names.len() >= 10, "{names:?}");
    names
}

#[test]
fn alerts_and_dashboard_name_only_metrics_and_labels_that_the_code_records() {
    for file in ["deploy/alerts.yaml", "deploy/alerts.test.yaml", "deploy/dashboard.json"] {
        let text = read(file).replace("\\\"", "\"");
        assert!(text.contains("bwp_"), "{file}");
        assert_eq!(unknown(&text), BTreeSet::new(), "{file}");
    }
}

#[test]
fn a_metric_or_a_label_that_is_not_recorded_is_found() {
    let found: Vec<_> = unknown(r#"bwp_paused{cause="x"} + bwp_nothing + bwp_active{cause="x"} + bwp_message_seconds"#)
        .into_iter()
        .collect();
    assert_eq!(
        found,
        ["bwp_active{cause}", "bwp_message_seconds", "bwp_nothing"],
        "a histogram has no series of its own name"
    );
}

#[test]
fn every_alert_has_a_test_that_fires_it_and_a_runbook() {
    let (page, tests, rules) = (read("docs/operating.md"), read("deploy/alerts.test.yaml"), read("deploy/alerts.yaml"));
    let runbook = page.split("\n## Runbook\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let headings: Vec<_> = runbook.lines().filter_map(|line| line.strip_prefix("### ")).collect();
    assert_eq!(headings, alerts(), "the sections of the runbook, in the order of the alerts");
    for alert in alerts() {
        assert!(rules.contains(&format!("runbook: docs/operating.md#{}\n", alert.to_lowercase())), "{alert}");
        let fires = format!("alertname: {alert}\n        exp_alerts:\n");
        let rests = format!("alertname: {alert}\n        exp_alerts: []\n");
        assert!(tests.contains(&fires), "{alert} is not shown firing");
        assert!(tests.matches(&rests).count() >= 2, "{alert} is not shown before and after");
    }
}
