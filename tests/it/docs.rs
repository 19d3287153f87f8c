//! Checks of README, docs and comments against the code: proofs, metrics, error codes, links, and plain English.

use std::path::{Path, PathBuf};

use bwp_sync::policy::catalogue::rows;
use bwp_sync::ports::WaitReason;
use bwp_sync::telemetry::metrics::METRICS;
use strum::IntoEnumIterator;

use crate::english;

/// Files and folders with comments in plain English; to be extended until all of `tests` is among them.
const PLAIN: [&str; 3] = ["config/default.toml", "src", "tests"];

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(page: &str) -> String {
    std::fs::read_to_string(root().join(page)).unwrap_or_else(|error| panic!("{page}: {error}"))
}

/// Every page for people, by its path from the root.
fn pages() -> Vec<PathBuf> {
    let mut pages: Vec<PathBuf> = ["README.md", "CHANGELOG.md"].iter().map(PathBuf::from).collect();
    for folder in ["docs", "docs/decisions", ".github"] {
        let entries = std::fs::read_dir(root().join(folder)).unwrap();
        let names = entries.map(|entry| Path::new(folder).join(entry.unwrap().file_name()));
        pages.extend(names.filter(|path| path.extension().is_some_and(|it| it == "md")));
    }
    assert!(pages.len() > 10, "{pages:?}");
    pages
}

#[test]
fn every_promise_names_tests_that_are_there() {
    let (promises, mut file, mut proofs) = (read("docs/promises.md"), String::new(), 0);
    for line in promises.lines() {
        let Some(quoted) = line.split('`').nth(1) else { continue };
        if line.starts_with("  - ") {
            // scenarios are data; what runs them stands beside them
            file = if quoted.contains("/scenarios/") { "tests/it/scenarios.rs".into() } else { quoted.into() };
        } else if line.starts_with("    - ") {
            assert!(read(&file).contains(&format!("fn {quoted}(")), "{quoted} in {file}");
            proofs += 1;
        }
    }
    assert!(proofs > 30, "only {proofs} proofs were found");
}

#[test]
fn the_table_of_metrics_is_that_of_the_code() {
    let page = read("docs/operating.md");
    let table: Vec<_> = page.lines().filter(|line| line.starts_with("| `bwp_")).collect();
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
    let page = read("docs/operating.md");
    let section = page.split("Why a message waits").nth(1).unwrap().split("\n## ").next().unwrap();
    let table: Vec<_> = section.lines().filter(|line| line.starts_with("| `")).collect();
    let reasons = WaitReason::iter().map(|reason| format!("| `{}` | {} |", reason.name(), reason.words()));
    assert_eq!(table, reasons.collect::<Vec<_>>());
}

#[test]
fn every_link_leads_to_a_file_or_a_heading() {
    for page in pages() {
        let text = read(page.to_str().unwrap());
        let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for link in links.filter(|link| !link.starts_with("https://")) {
            let (file, heading) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            assert!(root().join(&target).exists(), "{}: {link}", page.display());
            let headings = || read(target.to_str().unwrap()).lines().filter_map(anchor).collect::<Vec<_>>();
            assert!(heading.is_empty() || headings().iter().any(|it| it == heading), "{}: {link}", page.display());
        }
    }
}

/// The anchor that a heading gets.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').strip_prefix(' ')?;
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    Some(kept.collect::<String>().to_lowercase().replace(' ', "-"))
}

#[test]
fn the_readme_is_short() {
    assert!(read("README.md").lines().count() <= 250);
}

#[test]
fn every_code_that_is_not_a_plain_refusal_is_in_the_table_of_classes() {
    let page = read("docs/errors.md");
    let special = rows().filter(|row| row.class.name() != "rejected").filter_map(|row| row.code);
    for code in special {
        assert!(page.contains(&format!("`{code}`")), "{code}");
    }
}

#[test]
fn a_stranger_reads_every_sentence_once() {
    let mut wrong = Vec::new();
    for page in pages() {
        let text = read(page.to_str().unwrap());
        wrong.extend(english::faults(&text).map(|fault| format!("{}: {fault}", page.display())));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_stranger_reads_every_comment_once() {
    let mut wrong = Vec::new();
    for place in PLAIN {
        let files = sources(&root().join(place));
        assert!(!files.is_empty(), "no source in {place}");
        for file in files {
            let comments = english::comments(&std::fs::read_to_string(&file).unwrap());
            let path = file.strip_prefix(root()).unwrap().display().to_string();
            wrong.extend(english::faults(&comments).map(|fault| format!("{path}: {fault}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A file itself, or the sources in Rust and GraphQL below a folder.
fn sources(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let read = entries.filter(|path| path.is_dir() || path.extension().is_some_and(|it| it == "rs" || it == "graphql"));
    read.flat_map(|path| sources(&path)).collect()
}
