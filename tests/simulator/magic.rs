//! Faults that an order names by a product identifier.
//! Not here: fault rules (`faults`).

use bwp_sync::simulator::{AliasCheck, Behaviour, Refusal};
use serde_json::json;

use crate::support::{CREATE, Rig, json_of, order, refusal};

#[tokio::test]
async fn every_name_of_the_error_tables_is_answered_each_time() {
    let rig = Rig::start().await;
    let names = Refusal::names();
    assert!(names.len() > 25);
    for name in names.iter().map(String::as_str).chain(["ConflictException"]) {
        for _ in 0..2 {
            let answer = rig.create(&order(name, &format!("sim-{name}"))).await;
            assert_eq!(refusal(&answer), name);
        }
    }
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn a_once_fault_hits_the_first_call_of_each_order() {
    let rig = Rig::start().await;
    for alias in ["SO-1", "SO-2"] {
        assert_eq!(refusal(&rig.create(&order(alias, "sim-ThrottlingError-once")).await), "ThrottlingError");
        assert_eq!(rig.create(&order(alias, "sim-ThrottlingError-once")).await.get("errors"), None);
    }
}

#[tokio::test]
async fn sku_and_external_id_work_as_well() {
    let rig = Rig::start().await;
    for kind in ["sku", "externalId"] {
        let mut input = order("SO-1", "P-1");
        input["lineItems"][0]["product"]["identifier"] = json!({ kind: "sim-ItemOutOfStock" });
        assert_eq!(refusal(&rig.create(&input).await), "ItemOutOfStock");
    }
}

#[tokio::test]
async fn a_misspelt_name_is_refused() {
    let rig = Rig::start().await;
    assert_eq!(refusal(&rig.create(&order("SO-1", "sim-ItemOutOfStok")).await), "UnknownSimulatorFault");
}

#[tokio::test]
async fn update_and_read_faults_leave_the_create_alone() {
    let rig = Rig::start().await;
    for (alias, product) in [("SO-1", "sim-update-ConflictException-once"), ("SO-2", "sim-read-AccessDeniedError")] {
        assert_eq!(rig.create(&order(alias, product)).await.get("errors"), None);
    }
    let start = json!({ "desiredExecutionState": "STARTED" });
    assert_eq!(refusal(&rig.update("SO-1", &start).await), "ConflictException");
    assert_eq!(rig.update("SO-1", &start).await.get("errors"), None);
    assert_eq!(refusal(&rig.read("SO-2").await), "AccessDeniedError");
}

#[tokio::test]
async fn every_name_of_the_error_tables_is_answered_to_updates_and_reads_as_well() {
    let rig = Rig::start().await;
    for name in Refusal::names() {
        for (operation, alias) in [("update", format!("U-{name}")), ("read", format!("R-{name}"))] {
            let created = rig.create(&order(&alias, &format!("sim-{operation}-{name}"))).await;
            assert_eq!(created.get("errors"), None);
            let answer = match operation {
                "update" => rig.update(&alias, &json!({ "desiredExecutionState": "STARTED" })).await,
                _ => rig.read(&alias).await,
            };
            assert_eq!(refusal(&answer), name, "{operation}");
        }
    }
}

#[tokio::test]
async fn an_order_can_be_born_cancelled() {
    let rig = Rig::start().await;
    assert_eq!(rig.create(&order("SO-1", "sim-Cancelled")).await.get("errors"), None);
    let start = rig.update("SO-1", &json!({ "desiredExecutionState": "STARTED" })).await;
    assert_eq!(refusal(&start), "ExecutionCannotBeStartedDueToCancellation");
}

#[tokio::test]
async fn http_faults_have_their_status_and_only_one_has_an_effect() {
    let rig = Rig::start().await;
    for (name, status, retry_after, orders) in
        [("Http429", 429, Some("1"), 0), ("Http500", 500, None, 0), ("Http502AfterEffect", 502, None, 1)]
    {
        let input = json!({ "input": order(name, &format!("sim-{name}")) });
        let response = rig.request(CREATE, &input).send().await.unwrap();
        assert_eq!(response.status(), status);
        assert_eq!(response.headers().get("retry-after").map(|value| value.to_str().unwrap()), retry_after);
        assert_eq!(rig.simulator.ledger().orders_created(), orders);
    }
}

#[tokio::test]
async fn a_body_that_is_not_json_comes_with_status_200() {
    let rig = Rig::start().await;
    let response = rig.request(CREATE, &json!({ "input": order("SO-1", "sim-NonJson") })).send().await.unwrap();
    assert_eq!(response.status(), 200);
    assert!(response.text().await.unwrap().starts_with("<html>"));
    assert_eq!(rig.simulator.ledger().orders_created(), 0);
}

#[tokio::test]
async fn data_and_errors_come_together() {
    let rig = Rig::start().await;
    let request = rig.request(CREATE, &json!({ "input": order("SO-1", "sim-DataAndErrors") }));
    let answer = json_of(request.send().await.unwrap()).await;
    assert_eq!(answer["data"]["createOrder"]["order"]["id"], "322-ABC1-AAAAAA");
    assert_eq!(refusal(&answer), "InternalServerError");
}

#[tokio::test]
async fn a_fault_can_come_before_or_after_the_alias_is_looked_at() {
    for (alias_check, expected) in
        [(AliasCheck::First, "AliasValueAlreadyExists"), (AliasCheck::Last, "ItemOutOfStock")]
    {
        let rig = Rig::behaving(Behaviour { alias_check, ..Behaviour::default() }).await;
        rig.create(&order("SO-1", "P-1")).await;
        assert_eq!(refusal(&rig.create(&order("SO-1", "sim-ItemOutOfStock")).await), expected);
    }
}
