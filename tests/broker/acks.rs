//! Messages that are acknowledged many at a time, with one among them that is not settled.
//! Not here: a loss between confirm and acknowledgement; see `unacknowledged`.

use std::collections::BTreeMap;

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use futures_util::future::join_all;
use lapin::message::Delivery;

use crate::messages::{checkout, json};
use crate::stage::{ORDERS, RESULTS, SOON, Stage};

const MESSAGES: usize = 300;
/// Its call gets no answer, so it is not settled. Messages before and behind it are.
const HELD: &str = "SO-7";

#[tokio::test]
async fn of_messages_that_are_acknowledged_together_the_one_that_is_not_settled_alone_comes_again() {
    let stage = Stage::new().await;
    let settings = [
        ("BWP__BROKER__PREFETCH", "100"),
        ("BWP__API__TIMEOUT", "100s"),
        ("BWP__BROKER__MAX_HOLD", "900s"),
        ("BWP__SHUTDOWN__GRACE", "110s"),
    ];
    let first = stage.worker(&settings).await;
    let mut results = stage.results().await;
    let hangs = Fault::Hang { after_effect: true };
    stage.simulator.add_fault(FaultRule::first(1, hangs).on(Operation::CreateOrder).for_alias(HELD));
    let checkouts: Vec<_> = (0..MESSAGES).map(|number| checkout(&format!("SO-{number}"))).collect();
    // a channel keeps the order in which they are written
    join_all(checkouts.iter().map(|message| stage.publish(message))).await;
    results.until(SOON, |seen| seen.len() == MESSAGES - 1).await;
    // the broker was told of all others, though they are behind it
    stage.queue(ORDERS, "one is held", |queue| (queue.ready, queue.unacknowledged) == (0, 1)).await;
    first.killed().await;

    let second = stage.worker(&settings).await;
    second.is_active(true).await;
    results.until(SOON, |seen| seen.len() == MESSAGES).await;
    assert_eq!(second.terminated().await, Some(0));
    let told = told(stage.rest_of(RESULTS, &mut results).await);
    assert!(told.len() == MESSAGES && told.values().all(|times| *times == 1), "{told:?}");
    assert_eq!(stage.simulator.ledger().creations_of(HELD), 1);
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// How often the result of each order came.
fn told(results: &[Delivery]) -> BTreeMap<String, usize> {
    let mut told = BTreeMap::new();
    for result in results {
        *told.entry(json(result)["subject"].as_str().unwrap_or_default().to_owned()).or_default() += 1;
    }
    told
}
