//! Troubles while letters are worked on: a queue is gone, a line is cut, a disk is full, no worker runs.
//! Not here: kills of the tool; see `crashes`.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::dead_letters::hold::BATCH;
use bwp_sync::dead_letters::replay::WINDOW;
use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable};
use serde_json::json;
use tokio::time::timeout;

use crate::messages::header;
use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::support::broker::Broker;
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::support::until::until;
use crate::tool::{field, path};

/// The head of a `basic.ack`: length, class and method.
const ACK: &[u8] = &[0, 0, 0, 13, 0, 60, 0, 80];
/// A replay of everything, as fast as it goes.
const REPLAY: [&str; 7] = ["replay", "--all", "--yes", "--no-check", "--no-wait", "--rate", "100000"];

/// A stage with this number of letters and no worker.
async fn with_letters(stage: Stage, letters: usize) -> Stage {
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(letters).await;
    stage
}

#[tokio::test]
async fn a_letter_whose_message_no_queue_takes_stays_where_it_is() {
    let stage = with_letters(Stage::new().await, 3).await;
    let before = field(&stage.listed().await, "letter");
    stage.vhost.delete_queue(ORDERS).await;
    let ran = stage.tool_with(&REPLAY, &[("BWP__BROKER__DECLARE", "false")]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stdout.starts_with("replayed 0 of 3 letters"), "{ran:?}");
    assert!(ran.stderr.contains("hint: letters that were not replayed are in their queue"), "{ran:?}");
    assert_eq!(field(&stage.listed().await, "letter"), before);
}

#[tokio::test]
async fn no_letter_is_removed_that_cannot_be_noted_in_the_ledger() {
    const FULL: [&str; 2] = ["--ledger", "/dev/full"];
    let stage = with_letters(Stage::new().await, 2).await;
    let before = field(&stage.listed().await, "letter");
    for command in [&["discard", "--all", "--yes", "--reason", "test"][..], &REPLAY] {
        let ran = stage.tool(&[command, &FULL].concat()).await;
        assert!(ran.code == Some(1) && ran.stderr.contains("cannot write on: "), "{ran:?}");
        let listed = async || field(&stage.listed().await, "letter");
        until("both are in their places", SOON, listed, |listed| *listed == before).await;
    }
}

/// The queue has no leader that answers. Without a limit an operator would wait for the broker's own, and after it for ever.
#[tokio::test]
async fn letters_whose_queue_does_not_answer_are_not_waited_for_without_end() {
    let node = Node::start().await;
    let stage = with_letters(Stage::on(&node).await, 1).await;
    node.suspend_leader(stage.vhost.name(), LETTERS, Duration::from_secs(50)).await;
    let ran = stage.tool(&["list"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    assert!(ran.stderr.contains("the broker does not answer: has `bwp.dead-letters` a leader?"), "{ran:?}");
}

/// The line of the removals alone: messages are still published.
#[tokio::test]
async fn while_the_broker_hears_of_no_removal_no_more_than_a_window_is_published() {
    let broker = Broker::shared();
    let (relay, stage) = (Relay::start(&broker.address()), Stage::on(&broker).await);
    let stage = with_letters(stage, 4 * WINDOW).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let mut held_back = relay.trip_on_bytes(&[ACK]);
    let mut tool = stage.starting_tool_with(&REPLAY, &[("BWP__BROKER__URI", &uri)]);
    timeout(SOON, held_back.recv()).await.expect("a letter is removed").expect("the relay tells");
    // the broker tells its figures every few seconds
    stage.queue(ORDERS, "a window is published", |queue| queue.ready >= WINDOW as u64).await;
    relay.cut().await;
    assert_eq!(tool.wait(SOON).await.code(), Some(1), "{:?}", tool.stderr());
    assert_eq!(stage.left_in(ORDERS).await.len(), WINDOW);
    let listed = async || stage.listed().await.len();
    until("all letters are back", SOON, listed, |listed| *listed == 4 * WINDOW).await;
}

#[tokio::test]
async fn a_slow_replay_is_stopped_while_it_waits_for_the_next_letter() {
    let stage = with_letters(Stage::new().await, 3).await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = path(&folder, "ledger");
    let slow = ["replay", "--all", "--yes", "--no-check", "--no-wait", "--rate", "1/m", "--ledger", &ledger];
    let mut tool = stage.starting_tool(&slow);
    let began = async || std::fs::read_to_string(&ledger).is_ok_and(|text| !text.is_empty());
    until("a letter is replayed", SOON, began, |began| *began).await;
    tool.sigint();
    assert_eq!(tool.wait(SOON * 3).await.code(), Some(1));
    let said = tool.stdout().join("\n");
    assert!(said.contains("stopped by a signal: 2 letters not replayed"), "{said}");
    assert_eq!((stage.left_in(ORDERS).await.len(), stage.listed().await.len()), (1, 2));
}

/// The test plays the worker, which tells an outcome again after a kill.
#[tokio::test]
async fn an_outcome_that_comes_again_counts_once() {
    let stage = with_letters(Stage::new().await, 2).await;
    let mut tool = stage.starting_tool(&["replay", "--all", "--yes", "--no-check"]);
    let mut work = stage.shop.collect(ORDERS).await;
    let (created, failed) = (json!({ "outcome": "created" }), json!({ "failure": { "code": "ItemOutOfStock" } }));
    for (before, outcomes) in [&[&created, &created][..], &[&failed]].into_iter().enumerate() {
        let message = work.until(SOON, |seen| seen.len() > before).await.last().expect("it has come");
        let of_message = |name| header(message, name).expect("a replayed message tells whose it is");
        let mut headers = FieldTable::default();
        let letter = AMQPValue::LongString(of_message("bwp-replayed-letter").into());
        headers.insert("bwp-replayed-letter".into(), letter);
        let properties = BasicProperties::default().with_headers(headers);
        for outcome in outcomes {
            let result = json!({ "data": outcome }).to_string();
            stage.shop.publish("", &of_message("bwp-replay-to"), properties.clone(), result.as_bytes()).await;
        }
    }
    tool.wait(SOON).await;
    let said = tool.stdout().join("\n");
    for part in ["replayed 2 of 2 letters", " 1  done by the worker", " 1  failed again"] {
        assert!(said.contains(part), "{said}");
    }
}

#[tokio::test]
async fn without_a_worker_a_run_ends_with_its_first_letter() {
    let stage = with_letters(Stage::new().await, 3).await;
    let ran = stage.tool(&["replay", "--all", "--yes", "--no-check"]).await;
    assert_eq!(ran.code, Some(1), "{ran:?}");
    let said = "stopped, since nothing came of the first one in time: 2 letters not replayed";
    assert!(ran.stdout.contains(said) && ran.stdout.contains("hint: does a worker run?"), "{ran:?}");
    assert_eq!((stage.left_in(ORDERS).await.len(), stage.listed().await.len()), (1, 2));
}

#[tokio::test]
async fn more_letters_than_are_held_at_a_time_are_all_replayed_each_once() {
    let stage = with_letters(Stage::new().await, BATCH + 1).await;
    let ran = stage.tool(&REPLAY).await;
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let replayed = stage.left_in(ORDERS).await;
    let different: BTreeSet<_> = replayed.iter().collect();
    assert_eq!((replayed.len(), different.len()), (BATCH + 1, BATCH + 1));
    // a quorum queue that is behind may have lost the last acknowledgements with their channel; those letters come again
    let left = stage.left_in(LETTERS).await;
    assert!(left.len() <= WINDOW && left.iter().all(|body| replayed.contains(body)), "{} are left", left.len());
}
