//! Equal messages have equal results over both APIs.
//! Not here: the results themselves.

use bwp_sync::api::Client;
use bwp_sync::ports::Settlement;
use bwp_sync::simulator::{Config, Simulator};
use bwp_sync::worker::{Context, handle};
use serde_json::{Value, json};

use crate::messages::{EXAMPLES, inbound};
use crate::server::http::Server;
use crate::settings::{context, for_second, for_simulator};

/// Messages of a shop: each twice, triggers before and after their creates, and one for an order that does not exist.
fn deliveries() -> Vec<String> {
    let twice = |kind: &str| EXAMPLES.map(|example| vec![format!("{kind}-{example}"); 2]).concat();
    let early = vec!["trigger-lwa".to_owned()];
    let unknown = vec!["trigger-by-buy-with-prime-id".to_owned()];
    [early, twice("create"), twice("trigger"), unknown].concat()
}

/// Results of the messages, without values that each API generates.
async fn results(context: &Context<Client>) -> Vec<(String, Value)> {
    let mut results = Vec::new();
    for message in deliveries() {
        let result = match handle(context, &inbound(&message)).await {
            Settlement::Done(event) => without_ids(serde_json::to_value(event.data).unwrap()),
            Settlement::Later(later) => json!({ "later": later.queue, "awaitsCreate": later.awaits_create }),
            other => panic!("{message}: expected a result or a later attempt, got {other:?}"),
        };
        results.push((message, result));
    }
    results
}

/// Removes Buy with Prime's ids, and lines that consist of nothing else.
fn without_ids(mut data: Value) -> Value {
    assert!(data["buyWithPrimeId"].take().is_string());
    let Some(lines) = data.as_object_mut().unwrap().remove("lines") else { return data };
    let ours = lines.as_array().unwrap().iter().filter_map(|line| line.get("lineId"));
    let ours: Vec<Value> = ours.cloned().collect();
    if !ours.is_empty() {
        data["lines"] = ours.into();
    }
    data
}

#[tokio::test]
async fn both_apis_lead_to_the_same_results() {
    let second = Server::start().await;
    let simulator = Simulator::start(Config::default()).await.unwrap();

    let from_second = results(&context(&for_second(&second))).await;
    let from_simulator = results(&context(&for_simulator(&simulator))).await;

    let outcome = |wanted: &str| from_second.iter().filter(|(_, data)| data["outcome"] == wanted).count();
    for wanted in ["created", "already-existed", "updated", "already-started"] {
        assert_eq!(outcome(wanted), EXAMPLES.len(), "{wanted}");
    }
    assert!(from_second.iter().any(|(_, data)| data["lines"].is_array()));
    for ((message, second), (_, simulated)) in from_second.iter().zip(&from_simulator) {
        assert_eq!(second, simulated, "{message}");
    }
    simulator.shutdown().await;
}

#[tokio::test]
async fn a_line_without_the_shops_id_is_found_again_only_where_the_api_tells_products() {
    let second = Server::start().await;
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let mut found = Vec::new();
    for settings in [for_second(&second), for_simulator(&simulator)] {
        let context = context(&settings);
        let message = inbound("create-minimum-fulfillable");
        handle(&context, &message).await;
        match handle(&context, &message).await {
            Settlement::Done(event) => found.push(event.data.lines.len()),
            other => panic!("expected a result, got {other:?}"),
        }
    }
    assert_eq!(found, [0, 1]);
    simulator.shutdown().await;
}
