//! Ten thousand messages of all kinds, with the pool and the real client, against a simulator with faults of every
//! kind. Each ends as planned, and only planned effects exist.
//! Not here: the plan, the faults.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bwp_sync::api::ApiVersion;
use bwp_sync::simulator::{AliasCheck, Behaviour, Config, Conflict, Simulator, UnknownOrder};

use crate::broker::Broker;
use crate::check::{differences, table};
use crate::faults::rules;
use crate::plan::Plan;
use crate::worker::context;

/// Messages in each version of the API.
const MESSAGES: usize = 5_000;
/// Far longer than a busy machine needs.
const DEADLINE: Duration = Duration::from_secs(1800);

/// A number from the environment.
fn told(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().expect("a whole number"))
}

async fn every_message_ends_as_planned(version: ApiVersion, behaviour: Behaviour) {
    let seed = told("BWP_TEST_SEED")
        .unwrap_or_else(|| u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()));
    let count = told("BWP_TEST_MESSAGES").map_or(MESSAGES, |count| usize::try_from(count).unwrap());
    println!("version {}: BWP_TEST_SEED={seed} BWP_TEST_MESSAGES={count}", version.name());
    let plan = Plan::new(seed, count);
    let faults = rules(count, &plan.lost);
    let simulator = Simulator::start(Config { behaviour, faults, seed, ..Config::default() }).await.unwrap();
    let mut broker = Broker::start(context(&simulator, version), seed);
    let began = Instant::now();
    let delivered = async {
        let mut ended = broker.deliver(plan.owners, || {}).await;
        ended.extend(broker.deliver(plan.messages, || simulator.clear_faults()).await);
        ended
    };
    let Ok(ended) = tokio::time::timeout(DEADLINE, delivered).await else {
        panic!("not all messages ended within {DEADLINE:?}: BWP_TEST_SEED={seed} BWP_TEST_MESSAGES={count}");
    };
    broker.stop().await;
    println!("version {}:\n{}", version.name(), table(&ended, &simulator, began.elapsed()));
    let found = differences(&ended, &plan.effects, &simulator);
    assert!(found.is_empty(), "BWP_TEST_SEED={seed} BWP_TEST_MESSAGES={count}\n{}", found.join("\n"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_ends_as_planned_in_version_2024_11_01() {
    every_message_ends_as_planned(ApiVersion::V2024_11_01, Behaviour::default()).await;
}

/// Also covers the other answers that the API's documents allow.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_message_ends_as_planned_in_version_2024_04_01() {
    let behaviour = Behaviour {
        conflict: Conflict::ConflictError,
        alias_check: AliasCheck::Last,
        unknown_order: UnknownOrder::AccessDenied,
        ..Behaviour::default()
    };
    every_message_ends_as_planned(ApiVersion::V2024_04_01, behaviour).await;
}
