//! Killed at whatever moment and run again, the tool loses no letter, and no order is made twice.
//! Not here: crashes of worker and broker; see `tests/broker/crashes.rs`.

use std::collections::BTreeSet;

use bwp_sync::dead_letters::replay::WINDOW;
use lapin::message::Delivery;

use crate::messages::{checkout, json, outcomes};
use crate::stage::{LETTERS, RESULTS, SOON, Stage};
use crate::support::process::Process;
use crate::support::seed::dice;
use crate::support::until::until;
use crate::tool::{PATIENT, path};

const LETTERS_WRITTEN: usize = 5000;
const KILLS_OF_REPLAY: usize = 3;
const KILLS_OF_APPLY: usize = 3;
/// The last of all messages.
const LAST: &str = "the last order";

#[tokio::test]
#[expect(clippy::print_stderr, reason = "a figure that is wanted")]
async fn a_replay_of_five_thousand_that_is_killed_loses_nothing_and_makes_no_order_twice() {
    let mut dice = dice();
    let stage = Stage::new().await;
    let worker = stage.worker(&PATIENT).await;
    stage.keep_results().await;
    stage.written_letters(LETTERS_WRITTEN).await;
    let folder = tempfile::tempdir().unwrap();
    let (ledger, plan) = (path(&folder, "ledger"), path(&folder, "plan"));
    let run = ["--yes", "--no-check", "--no-wait", "--rate", "100000", "--ledger", &ledger];
    for _ in 0..KILLS_OF_REPLAY {
        let tool = stage.starting_tool(&[&["replay", "--all"], &run[..]].concat());
        kill_after(&stage, tool, &ledger, dice.usize(1..700)).await;
    }
    let planned = stage.tool(&["plan", "--all", "--out", &plan]).await;
    assert_eq!(planned.code, Some(0), "{planned:?}");
    for _ in 0..KILLS_OF_APPLY {
        let tool = stage.starting_tool(&[&["apply", &plan], &run[..]].concat());
        kill_after(&stage, tool, &ledger, dice.usize(1..300)).await;
    }
    // letters that the killed tool held may come back only after the next one has looked
    let applied = async || {
        let applied = stage.tool(&[&["apply", &plan], &run[..]].concat()).await;
        assert_eq!(applied.code, Some(0), "{applied:?}");
        stage.listed().await
    };
    until("all letters of the plan are replayed", SOON * 2, applied, Vec::is_empty).await;

    stage.publish(&checkout(LAST)).await;
    let mut results = stage.results().await;
    results.until(SOON * 5, |seen| seen.last().is_some_and(|result| json(result)["subject"] == LAST)).await;
    assert_eq!(worker.terminated().await, Some(0));
    let seen = stage.rest_of(RESULTS, &mut results).await;
    assert_eq!(messages(seen, |_| String::new()).len(), LETTERS_WRITTEN + 1);
    let twice = messages(seen, |data| data["replayId"].to_string()).len() - LETTERS_WRITTEN - 1;
    eprintln!("published twice: {twice} of {LETTERS_WRITTEN}, after {} kills", KILLS_OF_REPLAY + KILLS_OF_APPLY);
    assert!(twice <= WINDOW * (KILLS_OF_REPLAY + KILLS_OF_APPLY), "{twice}");
    let created = |outcome: &str| ["created", "already-existed"].contains(&outcome);
    let others: Vec<_> = outcomes(seen).into_iter().filter(|(_, outcome)| !created(outcome)).collect();
    assert!(others.is_empty(), "{others:?}");
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (LETTERS_WRITTEN + 1, 0));
}

/// Messages that have a result, and what else tells them apart.
fn messages(results: &[Delivery], apart: impl Fn(&serde_json::Value) -> String) -> BTreeSet<(String, String)> {
    let of_message = |result: &Delivery| {
        let data = json(result)["data"].take();
        (data["causationId"].to_string(), apart(&data))
    };
    results.iter().map(of_message).collect()
}

/// Kills the tool when it has noted so many more letters than there were.
async fn kill_after(stage: &Stage, mut tool: Process, ledger: &str, letters: usize) {
    let lines = || std::fs::read_to_string(ledger).map_or(0, |text| text.lines().count());
    let before = lines();
    let noted = async || (lines(), tool.ended());
    let enough = |(lines, ended): &(usize, Option<_>)| *lines >= before + letters || ended.is_some();
    // a broker whose disk others keep busy confirms late
    let (_, ended) = until("letters are noted", SOON * 3, noted, enough).await;
    assert_eq!(ended, None, "it ended by itself: {:?}", tool.stderr());
    tool.sigkill();
    tool.wait(SOON).await;
    // the next one would find what the broker has not taken back yet in use
    let lock = async || stage.vhost.queue("bwp.dead-letters.lock").await.is_some();
    until("the lock is free", SOON, lock, |is_there| !is_there).await;
    stage.queue(LETTERS, "all are given back", |queue| queue.unacknowledged == 0).await;
}
