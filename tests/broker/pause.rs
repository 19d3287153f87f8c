//! Results that must not be dropped, while nobody is bound for them.

use crate::admin::{LISTEN, address};
use crate::depths::shows;
use crate::messages::{checkout, checkout_of, outcomes};
use crate::stage::{LETTERS, SOON, Stage};

#[tokio::test]
async fn while_results_have_nowhere_to_go_nothing_is_settled_and_no_letter_is_written_twice() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN, ("BWP__RESULTS__UNROUTABLE", "pause")]).await;
    stage.publish(&checkout("SO-1")).await;
    stage.publish(&checkout_of("SO-2", "sim-ItemOutOfStock")).await;
    worker.says(&["nothing is settled until one is"]).await;
    // the letter is there before its result is tried
    stage.queue(LETTERS, "has the letter", |queue| queue.ready == 1).await;
    stage.queue("bwp.orders", "keeps both messages", |queue| queue.unacknowledged == 2).await;
    shows(&address(&worker).await, "bwp_results_unroutable_total", |times| times >= 2.0).await;
    let mut results = stage.results().await;
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    let expected =
        [("SO-1", "created"), ("SO-2", "ItemOutOfStock")].map(|(order, outcome)| (order.into(), outcome.into()));
    assert_eq!(outcomes(seen), expected);
    assert_eq!(worker.said("not consuming"), 0, "the session goes on");
    assert_eq!(worker.terminated().await, Some(0));
    assert_eq!(stage.left_in(LETTERS).await.len(), 1);
}

#[tokio::test]
async fn a_worker_that_waits_for_results_to_be_taken_can_be_stopped_and_loses_nothing() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[("BWP__RESULTS__UNROUTABLE", "pause")]).await;
    stage.publish(&checkout("SO-1")).await;
    worker.says(&["nothing is settled until one is"]).await;
    assert_eq!(worker.terminated().await, Some(0));
    let mut results = stage.results().await;
    let worker = stage.worker(&[]).await;
    let seen = results.until(SOON, |seen| seen.len() == 1).await;
    assert_eq!(outcomes(seen), [("SO-1".to_owned(), "already-existed".to_owned())]);
    assert_eq!(worker.terminated().await, Some(0));
}
