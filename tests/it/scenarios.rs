//! Runs every scenario of `scenarios/`, each against a simulator of its own.

use std::path::Path;

use crate::scenario::{Scenario, run};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_scenario_ends_as_it_says() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut running = tokio::task::JoinSet::new();
    for file in files {
        let scenarios: Vec<Scenario> = serde_json::from_slice(&std::fs::read(&file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for scenario in scenarios {
            running.spawn(async move {
                let ended = run(&scenario).await;
                (scenario.about, ended)
            });
        }
    }
    let ended = running.join_all().await;
    let failures: Vec<_> =
        ended.iter().filter_map(|(about, ended)| Some(format!("{about}: {}", ended.as_ref().err()?))).collect();
    println!("{} scenarios", ended.len());
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert!(ended.len() >= 40, "scenarios are missing: only {} were found", ended.len());
}
