//! A plan is what is done, not what happens to be there when it is done.
//! Not here: plans as data; see `src/dead_letters/plan.rs`.

use lapin::options::BasicGetOptions;

use crate::messages::{checkout, checkout_of};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::tool::{REFUSED, field, path};

#[tokio::test]
async fn a_plan_is_applied_to_exactly_its_letters_once() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(4).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = path(&folder, "plan");
    insta::assert_snapshot!("plan", stage.tool(&["plan", "--all", "--out", &plan]).await.shown());
    let planned = field(&stage.listed().await, "order");
    let of_others = [("BWP__DEAD_LETTERS__QUEUE", "other.letters")];
    let refused = stage.tool_with(&["apply", &plan, "--yes", "--no-check", "--no-wait"], &of_others).await;
    let said = "is for the letters of `bwp.dead-letters`, the settings name `other.letters`";
    assert!(refused.code == Some(1) && refused.stderr.contains(said), "{refused:?}");

    // one is gone, one has another body under its id, and one was not there when the plan was made
    let gone = stage.tool(&["discard", "--order", &planned[0], "--reason", "test", "--yes"]).await;
    assert_eq!(gone.code, Some(0), "{gone:?}");
    for at in 0..3 {
        let taken = stage.shop.channel.basic_get(LETTERS.into(), BasicGetOptions { no_ack: true }).await.unwrap();
        let letter = taken.expect("three letters are left").delivery;
        let body = if at == 0 { b"{}".to_vec() } else { letter.data };
        stage.shop.publish("", LETTERS, letter.properties, &body).await;
    }
    stage.written_follower("SO-late").await;

    let apply = ["apply", &plan, "--yes", "--no-check", "--no-wait"];
    insta::assert_snapshot!("apply", stage.tool(&apply).await.shown());
    insta::assert_snapshot!("apply_again", stage.tool(&apply).await.shown());
    assert_eq!(field(&stage.listed().await, "order"), [&planned[1], "SO-late"]);
    let left = stage.left_in(ORDERS).await;
    let expected = [&planned[2], &planned[3]].map(|order| checkout_of(order, REFUSED).body);
    assert_eq!(left, expected);
}

#[tokio::test]
async fn a_letter_that_was_published_before_a_crash_is_only_taken_out() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(2).await;
    let folder = tempfile::tempdir().unwrap();
    let (plan, done) = (path(&folder, "plan"), path(&folder, "plan.done"));
    stage.tool(&["plan", "--all", "--out", &plan]).await;
    let letter = &stage.listed().await[0];
    // as it is when the process dies between the broker's confirm and its own acknowledgement
    std::fs::write(&done, format!("[{},{}]\n", letter["letter"], letter["body"])).unwrap();
    let applied = stage.tool(&["apply", &plan, "--yes", "--no-check", "--no-wait"]).await;
    insta::assert_snapshot!("apply_resumed", applied.shown());
    assert_eq!(stage.left_in(ORDERS).await.len(), 1);
    assert!(stage.left_in(LETTERS).await.is_empty());
}

#[tokio::test]
async fn what_is_no_plan_is_refused() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().unwrap();
    let plan = path(&folder, "plan");
    std::fs::write(&plan, checkout("SO-1").body).unwrap();
    let refused = stage.tool(&["apply", &plan, "--yes"]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("plan`: line 1: "), "{refused:?}");
}

#[tokio::test]
async fn a_plan_and_letters_that_go_to_stdout_are_what_a_file_would_hold() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    stage.written_letters(2).await;
    let folder = tempfile::tempdir().unwrap();
    let (file, plan) = (path(&folder, "letters"), path(&folder, "plan"));
    stage.tool(&["export", "--all", "--out", &file]).await;
    // letters hold names and addresses, which the tool must print nowhere else
    let mut export = tokio::process::Command::new(env!("CARGO_BIN_EXE_bwp-sync"));
    export.args(["dead-letters", "export", "--all", "--out", "-"]).envs(stage.tool_settings());
    let exported = export.output().await.unwrap();
    assert!(exported.status.success());
    assert_eq!(exported.stdout, std::fs::read(&file).unwrap());

    let planned = stage.tool(&["plan", "--all", "--out", "-"]).await;
    assert!(planned.stderr.contains("2 letters to bwp.orders"), "{}", planned.stderr);
    std::fs::write(&plan, planned.stdout).unwrap();
    let applied = stage.tool(&["apply", &plan, "--yes", "--no-check", "--no-wait"]).await;
    assert_eq!(applied.code, Some(0), "{applied:?}");
    assert_eq!(stage.left_in(ORDERS).await.len(), 2);
}

/// The broker writes a letter itself, with the id of the one before, as when a message expires that no worker takes.
#[tokio::test]
async fn a_letter_that_comes_back_after_its_replay_is_not_taken_out_when_the_plan_is_applied_again() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    let checkout = checkout("SO-1");
    stage.shop.publish("", LETTERS, checkout.properties.clone(), &checkout.body).await;
    let folder = tempfile::tempdir().unwrap();
    let plan = path(&folder, "plan");
    stage.tool(&["plan", "--all", "--out", &plan]).await;
    let apply = ["apply", &plan, "--yes", "--no-check", "--no-wait"];
    assert_eq!(stage.tool(&apply).await.code, Some(0));
    let mut sent = stage.shop.collect(ORDERS).await;
    let message = &sent.until(SOON, |seen| seen.len() == 1).await[0];
    stage.shop.publish("", LETTERS, message.properties.clone(), &message.data).await;

    let again = stage.tool(&apply).await;
    assert!(again.code == Some(1) && again.stdout.contains("failed again: order SO-1"), "{again:?}");
    assert_eq!(field(&stage.listed().await, "order"), ["SO-1"]);
    assert_eq!(stage.rest_of(ORDERS, &mut sent).await.len(), 1, "it was not sent again");
}

/// Nobody knows which fields of another program's JSON are personal.
#[tokio::test]
async fn a_letter_that_is_no_message_of_ours_is_masked_whole_also_where_no_mapping_is_named() {
    let stage = Stage::new().await;
    stage.worker(&[]).await.terminated().await;
    let body = br#"{"customer":{"email":"ada@lovelace.example"},"total_price":"38.79"}"#;
    stage.shop.publish("", LETTERS, lapin::BasicProperties::default(), body).await;
    let letter = field(&stage.listed().await, "letter").remove(0);
    let shown = stage.tool(&["show", &letter]).await;
    assert!(shown.code == Some(0) && shown.stdout.contains("\"email\": \"[…]\""), "{shown:?}");
    assert!(!shown.stdout.contains("lovelace") && !shown.stdout.contains("38.79"), "{shown:?}");
}
