//! Several tools at the same letters, and a person who stops one.
//! Not here: one tool alone.

use std::collections::BTreeSet;

use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::support::amqp::Client;
use crate::support::process::Process;
use crate::support::until::until;
use crate::tool::{Ran, path};

/// Starts a slow replay of all letters, and waits until it has begun.
async fn slow_replay(stage: &Stage, ledger: &str) -> Process {
    let replay = ["replay", "--all", "--yes", "--no-check", "--no-wait", "--rate", "20/s", "--ledger", ledger];
    let tool = stage.starting_tool(&replay);
    let began = async || std::fs::read_to_string(ledger).is_ok_and(|text| !text.is_empty());
    until("a letter is replayed", SOON, began, |began| *began).await;
    tool
}

fn ran(tool: &Process, code: Option<i32>) -> Ran {
    let text = |lines: Vec<String>| lines.iter().map(|line| format!("{line}\n")).collect();
    Ran { code, stdout: text(tool.stdout()), stderr: text(tool.stderr()) }
}

#[tokio::test]
async fn two_tools_replay_nothing_twice_and_a_reader_disturbs_neither() {
    // fifteen seconds, in which five other tools run
    const LETTERS_WRITTEN: usize = 300;
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(LETTERS_WRITTEN).await;
    let folder = tempfile::tempdir().unwrap();
    let mut first = slow_replay(&stage, &path(&folder, "ledger")).await;

    insta::assert_snapshot!("locked", stage.tool(&["replay", "--all", "--yes", "--no-check"]).await.shown());
    let discard = stage.tool(&["discard", "--all", "--reason", "none", "--yes"]).await;
    assert!(discard.code == Some(1) && discard.stderr.contains("`replay` by operator on"), "{discard:?}");
    // a letter that comes meanwhile is nobody's yet
    stage.written_follower("SO-late").await;
    insta::assert_snapshot!("list_during_replay", stage.tool(&["list"]).await.shown());
    let folder_of_export = tempfile::tempdir().unwrap();
    let file = path(&folder_of_export, "letters");
    stage.tool(&["export", "--all", "--out", &file]).await;
    let import = stage.tool(&["import", &file]).await;
    assert!(import.code == Some(1) && import.stderr.contains("hint: wait, or `--again`"), "{import:?}");
    assert_eq!(first.wait(SOON).await.code(), Some(0), "{:?}", first.stderr());
    let replayed = stage.left_in(ORDERS).await;
    assert_eq!(replayed.len(), LETTERS_WRITTEN);
    assert_eq!(replayed.into_iter().collect::<BTreeSet<_>>().len(), LETTERS_WRITTEN);
    assert_eq!(stage.left_in(LETTERS).await.len(), 1);
}

#[tokio::test]
async fn ctrl_c_stops_between_two_letters_and_the_rest_stays() {
    const LETTERS_WRITTEN: usize = 100;
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(LETTERS_WRITTEN).await;
    let before = crate::tool::field(&stage.listed().await, "letter");
    let folder = tempfile::tempdir().unwrap();
    let mut tool = slow_replay(&stage, &path(&folder, "ledger")).await;
    tool.sigint();
    let code = tool.wait(SOON).await.code();
    let said = ran(&tool, code);
    assert_eq!(said.code, Some(1));
    let replayed = stage.left_in(ORDERS).await.len();
    let left = LETTERS_WRITTEN - replayed;
    assert!(said.stdout.contains(&format!("stopped by a signal: {left} letters not replayed")), "{said:?}");
    assert_eq!(crate::tool::field(&stage.listed().await, "letter"), before[replayed..]);
}

#[tokio::test]
async fn letters_that_a_reader_holds_are_waited_for_and_then_said_to_be_in_use() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(3).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = path(&folder, "plan");
    stage.tool(&["plan", "--all", "--out", &plan]).await;
    let reader = Client::connect(&stage.vhost.amqp_uri(), "a reader").await;
    let none = lapin::types::FieldTable::default();
    let reading = reader.channel.basic_consume(LETTERS.into(), "".into(), <_>::default(), none);
    let _reading = reading.await.unwrap();
    let apply = ["apply", &plan, "--yes", "--no-check", "--no-wait"];
    insta::assert_snapshot!("in_use", stage.tool(&apply).await.shown());

    let apply = stage.tool(&apply);
    let give_back = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        reader.connection.close(200, "OK".into()).await.unwrap();
    };
    let (applied, ()) = tokio::join!(apply, give_back);
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!(stage.left_in(ORDERS).await.len(), 3);
}
