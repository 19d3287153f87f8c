//! `bwp-sync order ID` tells all that is known of an order, and what it could not read.
//! Not here: the reading of letters; see `browse`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use serde_json::{Value, json};

use crate::messages::{amendment, checkout};
use crate::stage::{SOON, Stage};
use crate::tool::{Ran, path};

async fn order(stage: &Stage, arguments: &[&str]) -> Ran {
    stage.bwp_sync(&[&["order"], arguments].concat(), &[]).await
}

async fn told(stage: &Stage, arguments: &[&str]) -> (Option<i32>, Value) {
    let ran = order(stage, &[arguments, &["--json"]].concat()).await;
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {ran:?}")))
}

#[tokio::test]
async fn an_order_is_told_with_its_letters_and_replays_under_each_of_its_names() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[]).await;
    let folder = tempfile::tempdir().unwrap();
    let ledger = path(&folder, "ledger.jsonl");
    stage.letters_of(&["SO-2"]).await;
    let replay = ["replay", "--order", "SO-2", "--yes", "--ledger", &ledger, "--reason", "re-stocked"];
    // it fails again
    stage.tool(&replay).await;
    let (code, known) = told(&stage, &["SO-2", "--ledger", &ledger]).await;
    assert_eq!((code, &known["api"]), (Some(0), &json!({ "state": "absent" })), "{known:#}");
    assert_eq!(known["letters"].as_array().map(Vec::len), Some(1), "{known:#}");
    let letter = &known["letters"][0];
    assert_eq!((&letter["order"], &letter["code"]), (&json!("SO-2"), &json!("ItemOutOfStock")));
    assert_eq!((&letter["replays"], &letter["workerVersion"]), (&json!(1), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(letter["firstFailedAt"].is_string(), "{letter:#}");
    let outcomes = |known: &Value| -> Vec<String> {
        let lines = known["ledger"].as_array().unwrap().iter();
        lines.map(|line| line["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(outcomes(&known).first().map(String::as_str), Some("published"), "{known:#}");
    assert_eq!(known["ledger"][0]["replayId"], letter["replayId"]);

    stage.mend();
    assert_eq!(stage.tool(&replay).await.code, Some(0));
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    stage.publish(&amendment("SO-1", "52.00")).await;
    results.until(SOON, |seen| seen.len() == 2).await;
    let (code, known) = told(&stage, &["SO-2", "--ledger", &ledger]).await;
    assert_eq!((code, &known["letters"]), (Some(0), &json!([])), "{known:#}");
    let order = &known["api"]["order"];
    assert_eq!(order["fulfillment"], "not started", "{known:#}");
    assert!(order["lines"][0]["id"].is_string() && order["total"].is_string(), "{order:#}");
    assert_eq!(outcomes(&known).len(), 4, "{known:#}");
    // of one order alone
    let (_, other) = told(&stage, &["SO-1", "--ledger", &ledger]).await;
    assert_eq!((&other["ledger"], &other["api"]["order"]["total"]), (&json!([]), &json!("52.00 USD")));
    let id = order["id"].as_str().unwrap();
    let (_, by_id) = told(&stage, &[id, "--ledger", &ledger]).await;
    assert_eq!((&by_id["api"], &by_id["ledger"]), (&known["api"], &known["ledger"]));

    let shown = self::order(&stage, &["SO-2", "--ledger", &ledger]).await;
    for part in ["order SO-2", "EXTERNAL_ID SO-2", "fulfillment   not started", "dead letters\n  none", "re-stocked"] {
        assert!(shown.stdout.contains(part), "{part} in {}", shown.stdout);
    }
}

#[tokio::test]
async fn a_part_that_cannot_be_read_is_called_unknown_and_the_other_is_told() {
    let stage = Stage::new().await;
    let (code, known) = told(&stage, &["SO-1"]).await;
    assert_eq!((code, &known["api"]["state"]), (Some(1), &json!("absent")), "{known:#}");
    assert!(known["lettersUnknown"].as_str().unwrap().contains("bwp.dead-letters"), "{known:#}");

    let _worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-1"]).await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(503)).on(Operation::Order));
    let (code, known) = told(&stage, &["SO-1"]).await;
    assert_eq!((code, &known["api"]["state"]), (Some(1), &json!("unknown")), "{known:#}");
    assert!(known["api"]["why"].as_str().unwrap().contains("503"), "{known:#}");
    assert_eq!(known["letters"][0]["code"], "ItemOutOfStock");
    let shown = order(&stage, &["SO-1"]).await;
    for part in ["unknown: HTTP 503", "why               the simulator refused", "replays           none"] {
        assert!(shown.stdout.contains(part), "{part} in {}", shown.stdout);
    }
}
