//! The operator's page, docs/operating.md, shows what the tool prints.
//! Not here: what else the documentation says; see `tests/it/docs.rs`.

use serde_json::json;

use crate::messages::{checkout_event, structured};
use crate::stage::{SOON, Stage};
use crate::tool::stable;

const PAGE: &str = include_str!("../../docs/operating.md");

#[tokio::test]
async fn the_operators_page_is_what_the_tool_prints() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    stage.letters_of(&["SO-10042", "SO-10043", "SO-10044"]).await;
    let mut results = stage.shop.listen("bwp.results", "#").await;
    let mut wrong = checkout_event("SO-10045");
    wrong["data"]["total"] = json!("38,79");
    stage.publish(&structured(&wrong)).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.mend();

    let page = stable(PAGE);
    let mut missing = Vec::new();
    let folder = tempfile::tempdir().unwrap();
    let ledger = crate::tool::path(&folder, "ledger.jsonl");
    for command in [
        "dead-letters stats",
        "dead-letters list --code ItemOutOfStock",
        "dead-letters show c38e7ad0",
        "dead-letters replay --code ItemOutOfStock --dry-run",
        "dead-letters replay --order SO-10042 --set lines[0].product.productId=mug-2 --yes --ledger ledger.jsonl --reason re-stocked",
        "dead-letters replay --code ItemOutOfStock --yes",
        "dead-letters list",
        "order SO-10042 --ledger ledger.jsonl",
    ] {
        let arguments: Vec<&str> =
            command.split(' ').map(|word| if word == "ledger.jsonl" { ledger.as_str() } else { word }).collect();
        let ran = stage.bwp_sync(&arguments, &[]).await;
        // of a letter the page shows the first part
        let printed = format!("{}{}", ran.stderr, ran.stdout);
        let printed = printed.split("\n\n{").next().unwrap().trim_end();
        let shown =
            format!("$ bwp-sync {}\n{printed}\n", command.replace("lines[0]", "'lines[0]").replace("mug-2", "mug-2'"));
        if !page.contains(&stable(&shown)) {
            missing.push(shown);
        }
    }
    assert!(missing.is_empty(), "not in docs/operating.md:\n{}", missing.join("\n"));
    assert_eq!(worker.terminated().await, Some(0));
}
