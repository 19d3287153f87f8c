//! The two versions of the API over one store: inputs that only one of them accepts.
//! Not here: their common parts.

use std::path::{Path, PathBuf};

use bwp_sync::simulator::{Config, Effect};
use serde_json::{Value, json};

use crate::support::{CREATE, READ, Rig, UPDATE, by_alias, classification, order};

const OLD: &str = "2024-04-01";
const NEW: &str = "2024-11-01";

/// `updateOrder` in version [`OLD`].
const UPDATE_OLD: &str = "mutation($input: UpdateOrderInput!) { updateOrder(input: $input) { order { id } } }";

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn root() -> PathBuf {
    env!("CARGO_MANIFEST_DIR").into()
}

/// The input of [`order`] in version [`OLD`].
fn order_old(alias: &str) -> Value {
    let text = order(alias, "P-1").to_string();
    serde_json::from_str(&text.replace("\"AMAZON\"", "\"BUY_WITH_PRIME\"")).unwrap()
}

#[tokio::test]
async fn the_published_updates_are_answered_as_published() {
    for name in ["trigger-fulfillment", "update-order-level-attributes"] {
        let rig = Rig::with(Config { order_ids: vec!["example-order-id".to_owned()], ..Config::default() }).await;
        rig.create(&order("SO-1", "P-1")).await;
        let file = |kind| text(&root().join("tests/simulator/examples").join(OLD).join(format!("{name}.{kind}")));
        let variables = serde_json::from_str(&file("variables.json")).unwrap();
        let answer = rig.call_in(OLD, &file("graphql"), &variables).await;
        assert_eq!(answer, serde_json::from_str::<Value>(&file("json")).unwrap(), "{name}");
        assert_eq!(rig.simulator.ledger().effects.len(), 2, "the order was created and changed");
    }
}

#[tokio::test]
async fn each_version_refuses_what_only_the_other_takes() {
    let rig = Rig::start().await;
    rig.create(&order("SO-1", "P-1")).await;
    let by_id = json!({ "orderId": "322-ABC1-AAAAAA" });
    let read_old = READ.replace("packageInformation", "deliveryInformation");
    let read = json!({ "orderIdentifier": by_alias("SO-1") });
    for (version, query, variables) in [
        (OLD, UPDATE, json!({ "orderIdentifier": by_id, "input": by_id })),
        (OLD, UPDATE_OLD, json!({ "input": {} })),
        (OLD, CREATE, json!({ "input": order("SO-2", "P-1") })),
        (OLD, READ, read.clone()),
        (NEW, UPDATE_OLD, json!({ "input": by_id })),
        (NEW, UPDATE, json!({ "orderIdentifier": by_id, "input": by_id })),
        (NEW, CREATE, json!({ "input": order_old("SO-2") })),
        (NEW, &read_old, read),
    ] {
        let answer = rig.call_in(version, query, &variables).await;
        assert_eq!(classification(&answer), "ValidationError", "{query} in {version}: {answer}");
    }
    assert_eq!(rig.simulator.ledger().effects.len(), 1, "the order of the beginning is all there is");
}

#[tokio::test]
async fn both_versions_speak_of_the_same_orders() {
    let rig = Rig::start().await;
    let created = rig.call_in(OLD, CREATE, &json!({ "input": order_old("SO-1") })).await;
    let id = created["data"]["createOrder"]["order"]["id"].as_str().unwrap();
    let start = json!({ "input": { "orderId": id, "desiredExecutionState": "STARTED" } });
    rig.call_in(OLD, UPDATE_OLD, &start).await;

    let read = rig.read("SO-1").await;
    assert_eq!(read["data"]["order"]["packageInformation"]["summary"]["state"], "PENDING");
    let read_old = READ.replace("packageInformation", "deliveryInformation");
    let read_old = rig.call_in(OLD, &read_old, &json!({ "orderIdentifier": { "orderId": id } })).await;
    assert_eq!(read_old["data"]["order"]["deliveryInformation"]["summary"]["state"], "PENDING");
    assert_eq!(rig.simulator.ledger().effects[1], Effect::Started { order: id.to_owned() });
}

#[tokio::test]
async fn the_rules_of_prime_lines_hold_in_both_versions() {
    let rig = Rig::start().await;
    for (version, mut input) in [(NEW, order("SO-1", "P-1")), (OLD, order_old("SO-1"))] {
        input["lineItems"][0]["amount"]["value"] = json!(21);
        let answer = rig.call_in(version, CREATE, &json!({ "input": input })).await;
        let code = &answer["errors"][0]["extensions"]["classification"]["code"];
        assert_eq!(code, "OrderQuantityLimitExceeded", "{version}");
    }
}
