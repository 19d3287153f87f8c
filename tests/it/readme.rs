//! What the README says is so, as far as a program can see: proofs, metrics, error codes, files.

use std::path::Path;

use bwp_sync::policy::catalogue::ROWS;
use bwp_sync::ports::WaitReason;
use bwp_sync::telemetry::metrics::METRICS;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn readme() -> String {
    std::fs::read_to_string(root().join("README.md")).unwrap()
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let (readme, mut file, mut proofs) = (readme(), String::new(), 0);
    let promises = readme.split("## What it promises").nth(1).unwrap().split("\n## ").next().unwrap();
    for line in promises.lines() {
        let Some(quoted) = line.split('`').nth(1) else { continue };
        if line.starts_with("  - ") {
            // scenarios are data; what runs them stands beside them
            file = if quoted.contains("/scenarios/") { "tests/it/scenarios.rs".into() } else { quoted.into() };
        } else if line.starts_with("    - ") {
            let text = std::fs::read_to_string(root().join(&file)).unwrap_or_else(|error| panic!("{file}: {error}"));
            assert!(text.contains(&format!("fn {quoted}(")), "{quoted} in {file}");
            proofs += 1;
        }
    }
    assert!(proofs > 30, "only {proofs} proofs were found");
}

#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    let readme = readme();
    let table: Vec<_> = readme.lines().filter(|line| line.starts_with("| `bwp_")).collect();
    let described: Vec<_> = METRICS
        .iter()
        .map(|metric| {
            let labels: Vec<_> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
            let kind = format!("{:?}", metric.kind).to_lowercase();
            format!("| `{}` | {kind} | {} |", metric.name, labels.join(", "))
        })
        .collect();
    assert_eq!(table.len(), described.len());
    for (line, expected) in table.iter().zip(described) {
        assert!(line.starts_with(&expected), "{line}\nshould begin with {expected}");
    }
}

#[test]
fn the_table_of_reasons_is_that_of_the_code() {
    let readme = readme();
    let section = readme.split("### Why a message waits").nth(1).unwrap().split("\n## ").next().unwrap();
    let table: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(table, WaitReason::ALL.map(|reason| format!("| `{}` | {} |", reason.name(), reason.words())));
}

#[test]
fn every_link_to_a_file_leads_somewhere() {
    let readme = readme();
    for link in
        readme.split("](").skip(1).filter_map(|rest| rest.split(')').next()).filter(|link| !link.starts_with('#'))
    {
        assert!(root().join(link).exists(), "{link}");
    }
}

#[test]
fn every_code_that_is_not_a_plain_refusal_is_in_the_table_of_classes() {
    let readme = readme();
    let special = ROWS.iter().filter(|row| row.class.name() != "rejected").filter_map(|row| row.code);
    for code in special {
        assert!(readme.contains(&format!("`{code}`")), "{code}");
    }
}
