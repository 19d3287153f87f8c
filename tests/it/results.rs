//! Results and letters, field by field, as others read them.

use bwp_sync::api::ApiVersion;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::handle;
use serde_json::{Value, json};

use crate::output::assert_settlement_is_clean;
use crate::scenario::context;
use crate::schemas::assert_fits;

/// Settlement of a sample message, its times blanked.
async fn settled(simulator: &Simulator, file: &str, change: impl Fn(&mut Value)) -> Value {
    let path = format!("{}/tests/fixtures/messages/{file}.json", env!("CARGO_MANIFEST_DIR"));
    let mut event: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    change(&mut event);
    let headers = [("traceparent".to_owned(), "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".to_owned())];
    let inbound = Inbound { body: serde_json::to_vec(&event).unwrap(), headers: headers.into(), ..Inbound::default() };
    let settlement = handle(&context(simulator, "sim-secret", ApiVersion::default()), &inbound).await;
    assert_settlement_is_clean(&settlement);
    match settlement {
        Settlement::Done(result) => {
            assert_fits(&result);
            assert_eq!(result.traceparent.as_deref(), inbound.headers.get("traceparent").map(String::as_str));
            blanked(&result)
        }
        Settlement::DeadLetter(letter, result) => {
            assert_fits(&result);
            let letter = json!({
                "id": letter.id, "operation": letter.operation, "type": letter.error_type, "code": letter.code,
                "class": letter.class, "message": letter.message, "suggestedAction": letter.suggested_action,
                "order": letter.order, "attempts": letter.attempts, "replays": letter.replays,
            });
            json!({ "letter": letter, "result": blanked(&result) })
        }
        other => panic!("{other:?}"),
    }
}

fn blanked(result: &bwp_sync::domain::outcome::ResultEvent) -> Value {
    let mut result = serde_json::to_value(result).unwrap();
    result["time"] = json!("[time]");
    result
}

fn pretty(value: &Value) -> String {
    serde_json::to_string_pretty(value).unwrap()
}

#[tokio::test]
async fn an_order_that_was_created_is_told_with_its_lines_and_aliases() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let created = settled(&simulator, "create-external-order-details", |_| {}).await;
    insta::assert_snapshot!("created", pretty(&created));
    let more_dear = |event: &mut Value| {
        event["data"]["total"] = json!("40.00");
        event["data"]["shipTo"]["postalCode"] = json!("98101");
    };
    let existed = settled(&simulator, "create-external-order-details", more_dear).await;
    insta::assert_snapshot!("already_existed_with_differences", pretty(&existed));
    assert_eq!(created["id"], existed["id"], "a repeated result is recognisable");
}

#[tokio::test]
async fn a_start_is_told_with_the_execution_state() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    settled(&simulator, "create-external-order-details", |_| {}).await;
    insta::assert_snapshot!("started", pretty(&settled(&simulator, "trigger-external-order-details", |_| {}).await));
}

#[tokio::test]
async fn a_failure_is_told_with_its_letter() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    insta::assert_snapshot!("failed", pretty(&settled(&simulator, "fail-out-of-stock", |_| {}).await));
}

#[tokio::test]
async fn a_field_that_cannot_be_read_is_named_by_its_path() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    insta::assert_snapshot!("unreadable", pretty(&settled(&simulator, "broken-decimal-comma", |_| {}).await));
}
