//! Foreign messages from the shop's exchange to orders and letters, and back by a replay with a mended mapping.
//! Not here: what a mapping can do; see `tests/it/mappings.rs`.

use std::path::Path;

use bwp_sync::simulator::{Fault, FaultRule, Operation, Refusal};
use lapin::BasicProperties;
use lapin::message::Delivery;
use serde_json::{Value, json};

use crate::messages::{Message, checkout};
use crate::stage::{SOON, Stage};

const SETTINGS: &str = r#"
    [[mappings]]
    name = "shop-orders"
    routing_keys = ["orders/create"]
    kind = "checkout-completed"
    file = "shop.jq"
"#;

/// A program that reads the total from a field of this name.
fn program(total: &str) -> String {
    let source = r#"if .cart then null else {
        order: { id: .number }, currency: "USD", total: (.TOTAL // error("no total")),
        shopper: { name: .who, email: .mail },
        shipTo: { name: .who, street: "399 Boren Ave N", city: "Seattle", region: "WA", postalCode: "98109", country: "US" },
        lines: [{ product: { sku: "S-1", title: "Mug" }, unitPrice: "12.50", quantity: 1, delivery: { by: "merchant" } }]
    } end"#;
    source.replace("TOTAL", total)
}

fn foreign(body: &Value) -> Message {
    let properties = BasicProperties::default().with_delivery_mode(2);
    Message { key: "orders/create".into(), properties, body: body.to_string().into_bytes() }
}

fn order(number: &str) -> Value {
    json!({ "number": number, "sum": "12.50", "who": "John Smith", "mail": "john.smith@shop.example" })
}

fn event(delivery: &Delivery) -> Value {
    serde_json::from_slice(&delivery.data).expect("a result is JSON")
}

fn outcomes(seen: &[Delivery], outcome: &str) -> usize {
    seen.iter().filter(|result| event(result)["data"]["outcome"] == outcome).count()
}

#[tokio::test]
async fn foreign_orders_are_created_and_letters_are_mapped_anew_when_they_are_replayed() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |path: &Path, text: &str| std::fs::write(path, text).expect("the folder can be written to");
    write(&path("bwp.toml"), SETTINGS);
    write(&path("shop.jq"), &program("amount"));
    let worker = stage.configured(&path("bwp.toml")).await;
    let mut results = stage.results().await;
    // the mapping reads another field than the shop writes
    stage.publish(&foreign(&order("F-1"))).await;
    stage.publish(&foreign(&json!({ "cart": true }))).await;
    stage.publish(&checkout("SO-1")).await;
    let letter = worker.says(&["dead-lettered", "mapping shop-orders: line 2 column "]).await;
    let letter: Value = serde_json::from_str(&letter).expect("the log is JSON");
    assert_eq!(letter["code"], "InvalidMessage");
    results.until(SOON, |seen| outcomes(seen, "ignored") == 1 && outcomes(seen, "created") == 1).await;
    let config = path("bwp.toml");
    let config = config.to_str().expect("the path is UTF-8");
    let id = letter["letter_id"].as_str().expect("a letter has an id");
    let shown = tool(&stage, &["--config", config, "dead-letters", "show", id]).await;
    assert!(shown.contains("bwp-mapping") && shown.contains("\"who\": \"[…]\"") && !shown.contains("F-1\""), "{shown}");

    // mended, it is mapped anew; retries and replays meet the same mapping by the routing key of the shop
    assert_eq!(worker.terminated().await, Some(0));
    write(&path("shop.jq"), &program("sum"));
    let worker = stage.configured(&path("bwp.toml")).await;
    let replayed = tool(&stage, &["--config", config, "dead-letters", "replay", "--all", "--yes"]).await;
    assert!(replayed.contains("1  done by the worker"), "{replayed}");
    results.until(SOON, |seen| outcomes(seen, "created") == 2).await;
    let ledger = stage.simulator.ledger();
    assert_eq!((ledger.creations_of("F-1"), ledger.creations_of("SO-1")), (1, 1));
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_mapped_letter_shows_its_message_and_an_edit_of_that_message_is_sent_as_one_of_ours() {
    let stage = Stage::new().await;
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let path = |name: &str| folder.path().join(name);
    let write = |name: &str, text: &str| std::fs::write(path(name), text).expect("the folder can be written to");
    write("bwp.toml", SETTINGS);
    write("shop.jq", &program("amount"));
    let (config, configured) = (path("bwp.toml"), path("bwp.toml"));
    let config = config.to_str().expect("the path is UTF-8");
    let dead_letters =
        async |arguments: &[&str]| tool(&stage, &[&["--config", config, "dead-letters"], arguments].concat()).await;
    let worker = stage.configured(&configured).await;
    // one that the mapping cannot read, one that no mapping is for
    write("order.json", &order("F-2").to_string());
    let file = path("order.json");
    let file = file.to_str().expect("the path is UTF-8");
    tool(&stage, &["--config", config, "publish", "--routing-key", "orders/create", file]).await;
    let letter = worker.says(&["dead-lettered", "mapping shop-orders: line 2 column "]).await;
    let id = serde_json::from_str::<Value>(&letter).expect("the log is JSON")["letter_id"].to_string();
    let id = id.trim_matches('"');
    stage.publish(&Message { key: "checkout-completed".into(), ..foreign(&json!({ "order": {} })) }).await;
    worker.says(&["dead-lettered", "order.id: missing"]).await;
    let shown = dead_letters(&["show", "--mapped", id]).await;
    assert!(shown.contains("not mapped: mapping shop-orders: line 2 column "), "{shown}");
    assert!(shown.contains("what can be done: mend the mapping"), "{shown}");
    let shown = tool(&stage, &["dead-letters", "show", "--mapped", id]).await;
    assert!(
        shown.contains("not mapped: these settings have no mappings") && shown.contains("--config FILE"),
        "{shown}"
    );
    assert_eq!(worker.terminated().await, Some(0));

    // mended, with an id of its own: the outcome is heard all the same
    let mended = program("sum")
        .replace("null else {", "null else { kind: \"checkout-completed\", id: \"own-\\(.number)\", data: {");
    let price = mended.replace("} end", "} } end").replace("\"USD\"", "\"usd\"");
    write("shop.jq", &price);
    let worker = stage.configured(&configured).await;
    let shown = dead_letters(&["show", "--mapped", id]).await;
    assert!(shown.contains("mapped:\n") && shown.contains("\"currency\": \"usd\""), "{shown}");
    assert!(shown.contains("\"id\": \"own-F-2\"") && !shown.contains("John"), "{shown}");
    let mut failing = stage.program(&["--config", config, "dead-letters", "replay", "--all", "--yes"], &[]);
    assert!(!failing.wait(SOON).await.success());
    assert!(failing.stdout().join("\n").contains("failed again: order –: InvalidMessage"), "{:?}", failing.stdout());

    // the edit is one of the mapped message, and no mapping is for what is sent then, nor for a letter of it
    let edit = |total| {
        [
            "replay",
            "--code",
            "InvalidMessage",
            "--mapping",
            "shop-orders",
            "--yes",
            "--set",
            "currency=USD",
            "--set",
            total,
        ]
    };
    let refused = ["--config", config, "dead-letters"].into_iter().chain(edit("total=1")).chain(["--via-exchange"]);
    let mut refused = stage.program(&refused.collect::<Vec<_>>(), &[]);
    assert!(!refused.wait(SOON).await.success());
    assert!(refused.stderr().join("\n").contains("cannot go through the shop's exchange"), "{:?}", refused.stderr());
    stage.simulator.add_fault(
        FaultRule::first(1, Fault::refuse(Refusal::validation("ItemOutOfStock")))
            .on(Operation::CreateOrder)
            .for_alias("F-2"),
    );
    let edited = edit("total=12.75");
    let edited = ["--config", config, "dead-letters"].into_iter().chain(edited).collect::<Vec<_>>();
    let mut edited = stage.program(&edited, &[]);
    assert!(!edited.wait(SOON).await.success());
    let said = [edited.stdout(), edited.stderr()].concat().join("\n");
    assert!(said.contains("order F-2, as mapping shop-orders makes it") && said.contains("data.total"), "{said}");
    assert!(said.contains("failed again: order F-2: ItemOutOfStock"), "{said}");
    let replayed = dead_letters(&["replay", "--code", "ItemOutOfStock", "--yes"]).await;
    assert!(replayed.contains("replayed 1 of 1 letter") && replayed.contains("1  done by the worker"), "{replayed}");
    let stored = stage.simulator.order_by_alias("EXTERNAL_ID", "F-2").expect("the order is there");
    assert!(stored.json["totalPrice"].to_string().contains("12.75"), "{}", stored.json["totalPrice"]);
    assert_eq!(stage.simulator.ledger().creations_of("F-2"), 1);
    assert_eq!(worker.terminated().await, Some(0));
}

/// Output of an operator's command that ends well.
async fn tool(stage: &Stage, arguments: &[&str]) -> String {
    let mut tool = stage.program(arguments, &[]);
    let status = tool.wait(SOON).await;
    let output = tool.stdout().join("\n");
    assert!(status.success(), "{arguments:?}: {output}\n{}", tool.stderr().join("\n"));
    output
}
