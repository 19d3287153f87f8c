//! The ledger over HTTP, and its counts.
//! Not here: the effects of each operation (`orders`, `updates`).

use bwp_sync::simulator::Operation;
use serde_json::{Value, json};

use crate::support::{Rig, json_of, order};

async fn page(rig: &Rig, path: &str) -> Value {
    let url = rig.simulator.endpoint().replace("/graphql", path);
    json_of(rig.client.get(url).send().await.unwrap()).await
}

#[tokio::test]
async fn a_create_without_an_alias_stands_out() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    input["aliases"] = Value::Null;
    rig.create(&input).await;
    rig.create(&order("SO-2", "P-1")).await;
    let ledger = rig.simulator.ledger();
    assert_eq!((ledger.orders_created(), ledger.creates_without_alias()), (2, 1));
}

#[tokio::test]
async fn the_ledger_and_the_orders_can_be_read_over_http() {
    let rig = Rig::start().await;
    let mut input = order("SO-1", "P-1");
    input["desiredExecutionState"] = json!("STARTED");
    rig.create(&input).await;
    let ledger = page(&rig, "/_simulator/ledger").await;
    assert_eq!(ledger["effects"][0]["effect"], "created");
    assert_eq!(ledger["effects"][0]["has_alias"], true);
    assert_eq!(ledger["effects"][1], json!({ "effect": "started", "order": "322-ABC1-AAAAAA" }));
    assert_eq!(ledger["calls"], json!({ "token": 1, "createOrder": 1 }));
    let orders = page(&rig, "/_simulator/orders").await;
    assert_eq!(orders[0]["json"]["totalPrice"]["value"]["amount"], 10);
}

#[tokio::test]
async fn refused_calls_are_counted_too() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "sim-ItemOutOfStock")).await;
    let ledger = rig.simulator.ledger();
    assert_eq!(ledger.calls_of(Operation::CreateOrder), 1);
    assert_eq!(ledger.faults.get("refuse"), Some(&1));
    assert_eq!(ledger.orders_created(), 0);
}
