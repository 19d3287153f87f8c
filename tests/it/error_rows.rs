//! Every row of the catalogue, raised by the simulator over HTTP, ends as `fixtures/error_rows.csv` says. No row can be
//! changed without a test that fails.
//! Not here: the expectations; they are written by hand from the API's documents and the promises, not from the catalogue.

mod case;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bwp_sync::api::ApiVersion;
use bwp_sync::policy::catalogue::{Class, Row, rows};
use strum::IntoEnumIterator;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use case::{Expected, When, run};

/// Cases that run side by side, each with a server and a client.
const SIDE_BY_SIDE: usize = 8;

/// Changes of a row that the worker cannot tell apart, and why.
const EQUIVALENT: &[(&str, &str, Class, &str)] = &[(
    "order",
    "AccessDenied",
    Class::NotThere,
    "a read that is denied while others pass means that there is no such order; `check` alone tells the two apart",
)];

fn expectations() -> Vec<Expected> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/error_rows.csv");
    csv::Reader::from_path(path).unwrap().deserialize().map(Result::unwrap).collect()
}

/// The key of a row, without the end of its type.
fn key(row: &Row) -> (String, String, Option<String>) {
    (row.operation.name().to_owned(), row.error_type.to_owned(), row.code.map(str::to_owned))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn every_row_ends_as_it_is_written_in_every_version() {
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    let expected = expectations();
    for (version, row) in ApiVersion::iter().flat_map(|version| expected.iter().cloned().map(move |r| (version, r))) {
        let places = Arc::clone(&places);
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            run(&row, version, catalogue()).await.map_err(|why| format!("{row} ({}): {why}", version.name()))
        });
    }
    let ended = running.join_all().await;
    println!("{} rows of errors in {} versions", expected.len(), ApiVersion::iter().len());
    let failures: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

#[test]
fn every_row_of_the_catalogue_is_raised_at_every_time_and_nothing_else_is() {
    let mut expected: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for row in expectations() {
        expected.entry(row.key()).or_default().insert(row.when);
    }
    let every_time = BTreeSet::from([When::First, When::Always, When::AfterEffect]);
    for (key, times) in &expected {
        assert_eq!(times, &every_time, "{key:?}");
    }
    let catalogue: BTreeSet<_> = rows().map(key).collect();
    assert_eq!(expected.into_keys().collect::<BTreeSet<_>>(), catalogue);
}

#[test]
fn as_many_rows_are_there_as_in_the_documents() {
    let rows: BTreeSet<_> = expectations().iter().map(Expected::key).collect();
    let count = |operation| rows.iter().filter(|(named, ..)| named == operation).count();
    // "Troubleshoot Order Errors" has 21, 11 and 3. "Best Practices for Orders" adds a refusal without a code to both
    // mutations, and InvalidOrderExecutionState. The pages on refunds add 4.
    assert_eq!((count("createOrder"), count("updateOrder"), count("order")), (21 + 1, 11 + 2 + 4, 3));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn no_row_can_change_its_class_unnoticed() {
    let expectations = Arc::new(expectations());
    let places = Arc::new(Semaphore::new(SIDE_BY_SIDE));
    let mut running = JoinSet::new();
    let changes = rows().enumerate().flat_map(|(index, row)| Class::iter().map(move |class| (index, row, class)));
    for (index, row, class) in changes.filter(|(_, row, class)| row.class != *class && !is_equivalent(row, *class)) {
        let (places, expectations) = (Arc::clone(&places), Arc::clone(&expectations));
        running.spawn(async move {
            let _place = places.acquire().await.unwrap();
            (row, class, survives(index, class, &expectations).await)
        });
    }
    let ended = running.join_all().await;
    let survivors: Vec<_> = ended
        .iter()
        .filter(|(.., survived)| *survived)
        .map(|(row, class, _)| format!("{:?} as {class:?}", key(row)))
        .collect();
    let (tried, killed) = (ended.len(), ended.len() - survivors.len());
    println!("{tried} changes of a row's class tried, {killed} noticed, {} of no effect", EQUIVALENT.len());
    assert!(survivors.is_empty(), "nobody notices:\n{}", survivors.join("\n"));
}

/// Whether every expectation of a row still holds when its class is another.
async fn survives(index: usize, class: Class, expectations: &[Expected]) -> bool {
    let mut changed = catalogue();
    changed[index].class = class;
    for expected in expectations.iter().filter(|expected| expected.key() == key(&changed[index])) {
        if run(expected, ApiVersion::default(), changed.clone()).await.is_err() {
            return false;
        }
    }
    true
}

fn catalogue() -> Vec<Row> {
    rows().copied().collect()
}

fn is_equivalent(row: &Row, class: Class) -> bool {
    EQUIVALENT.iter().any(|(operation, error_type, equivalent, _)| {
        (*operation, *error_type, *equivalent) == (row.operation.name(), row.error_type, class)
    })
}
