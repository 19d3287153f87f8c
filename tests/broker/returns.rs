//! Messages that no queue takes: each is matched to its own publication, however many are under way.
//! Not here: what a letter says; see `letters`.

use std::collections::BTreeSet;
use std::ops::Range;

use lapin::message::Delivery;
use lapin::types::FieldTable;

use crate::messages::{checkout_of, header};
use crate::stage::{LETTERS, ORDERS, RESULTS, SOON, Stage, Worker};

const LETTERS_OF_ALL: usize = 3_000;

/// Publishes messages that all fail.
async fn publish_failures(stage: &Stage, numbers: Range<usize>) {
    for number in numbers {
        stage.publish(&checkout_of(&format!("SO-{number}"), "sim-ItemOutOfStock")).await;
    }
}

/// Waits until each of all messages has its letter.
async fn each_has_one_letter(stage: &Stage, worker: &Worker) {
    let mut letters = stage.letters().await;
    let seen = letters.until(SOON * 3, |seen| ids(seen).len() == LETTERS_OF_ALL).await;
    assert_eq!(seen.len(), LETTERS_OF_ALL, "letters that were written twice");
    stage.queue(ORDERS, "nothing is left", |queue| queue.ready + queue.unacknowledged == 0).await;
    assert_eq!(worker.said(r#""message":"not consuming""#), 0, "sessions were lost");
}

fn ids(letters: &[Delivery]) -> BTreeSet<String> {
    letters.iter().map(|letter| header(letter, "bwp-letter-id").expect("a letter has an id")).collect()
}

#[tokio::test]
async fn of_three_thousand_failures_each_has_one_letter_where_nobody_is_bound_for_results() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    publish_failures(&stage, 0..LETTERS_OF_ALL).await;
    each_has_one_letter(&stage, &worker).await;
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn of_three_thousand_failures_each_is_told_where_one_type_of_result_alone_is_bound() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.shop.declare_quorum_queue(RESULTS).await;
    stage.bind(RESULTS, "bwp.results", "order-failed").await;
    for number in 0..50 {
        stage.publish(&checkout_of(&format!("created-{number}"), "mug")).await;
    }
    publish_failures(&stage, 0..LETTERS_OF_ALL).await;
    each_has_one_letter(&stage, &worker).await;
    assert_eq!(worker.terminated().await, Some(0));
    let told: BTreeSet<_> = stage.left_in(RESULTS).await.into_iter().collect();
    assert_eq!(told.len(), LETTERS_OF_ALL, "every failure, and no creation");
}

#[tokio::test]
async fn of_three_thousand_failures_each_has_one_letter_though_letters_have_nowhere_to_go_meanwhile() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[("BWP__BROKER__DECLARE", "true")]).await;
    publish_failures(&stage, 0..LETTERS_OF_ALL / 2).await;
    let unbound = stage.shop.channel.queue_unbind(LETTERS.into(), "bwp.dead".into(), "#".into(), FieldTable::default());
    unbound.await.expect("the queue of letters can be unbound");
    publish_failures(&stage, LETTERS_OF_ALL / 2..LETTERS_OF_ALL).await;
    worker.says(&["is not settled until a queue takes its letter"]).await;
    each_has_one_letter(&stage, &worker).await;
    assert_eq!(worker.terminated().await, Some(0));
}
