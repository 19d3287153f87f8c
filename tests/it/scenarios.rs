//! Runs every scenario of `scenarios/` in every version of the API, each against a simulator of its own.

use std::path::Path;
use std::sync::Arc;

use bwp_sync::api::ApiVersion;
use strum::IntoEnumIterator;
use tokio::sync::Semaphore;

use crate::output::assert_log_is_clean;
use crate::scenario::{Scenario, run};

/// Scenarios that run side by side. Each starts a server and a client: all at once, a busy machine would be slower than
/// the clients' patience.
const SIDE_BY_SIDE: usize = 16;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_scenario_ends_as_it_says_in_every_version() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/scenarios");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = tokio::task::JoinSet::new();
    for (version, file) in ApiVersion::iter().flat_map(|version| files.iter().map(move |file| (version, file))) {
        let scenarios: Vec<Scenario> = serde_json::from_slice(&std::fs::read(file).unwrap())
            .unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        for scenario in scenarios {
            let places = Arc::clone(&places);
            running.spawn(async move {
                let _place = places.acquire().await.unwrap();
                let ended = run(&scenario, version).await;
                ended.map_err(|why| format!("{} ({}): {why}", scenario.about, version.name()))
            });
        }
    }
    let ended = running.join_all().await;
    let (versions, count) = (ApiVersion::iter().len(), ended.len() / ApiVersion::iter().len());
    println!("{count} scenarios in {versions} versions");
    let failures: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
    assert_log_is_clean();
    assert!(count >= 40, "scenarios are missing: only {count} were found");
}
