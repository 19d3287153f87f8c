//! While no call is of use, a few messages are held and all others wait in the broker. Nothing is spent on them, and work
//! comes back by itself.
//! Not here: which failures mean that; see `src/policy/breaker.rs` and `tests/it/scenarios/pauses.json`.

use bwp_sync::simulator::{Fault, FaultRule, Operation, Refusal};
use serde_json::Value;

use crate::admin::{LISTEN, address, get, ready};
use crate::messages::{amendment, checkout, fulfillment, json, outcomes};
use crate::stage::{LETTERS, ORDERS, PREFETCH, SOON, Stage};
use crate::support::broker::Queue;
use crate::support::until::until;

/// A pause that probes often, so that the tests need not wait.
const PROBES: [(&str, &str); 3] =
    [LISTEN, ("BWP__PAUSE__FIRST_PROBE", "200ms"), ("BWP__PAUSE__LONGEST_PROBE", "400ms")];
/// Several times the prefetch.
const WAITING: u64 = 200;

/// Publishes many orders to a worker whose calls all fail by this rule. They must wait in the work queue until the rule
/// goes, and then all be done.
async fn wait_it_out(outage: FaultRule, cause: &str, answer: &str) {
    let stage = Stage::new().await;
    stage.simulator.add_fault(outage);
    let mut results = stage.results().await;
    let worker = stage.worker(&PROBES).await;
    let address = address(&worker).await;
    let channel = stage.consumer(PREFETCH, &[]).await;
    for order in 0..WAITING {
        stage.publish(&checkout(&format!("SO-{order}"))).await;
    }
    let look = async || ready(&address).await;
    let is_paused = |(_, body): &(u16, Value)| body["pause"]["nextProbe"].is_string();
    let (status, body) = until("the pause shows", SOON, look, is_paused).await;
    assert_eq!((status, &body["ready"], &body["pause"]["cause"]), (200, &true.into(), &cause.into()), "{body}");
    assert!(body["pause"]["since"].is_string(), "{body}");
    assert_eq!(body["pause"]["answer"], answer, "{body}");
    worker.says(&["paused: ", cause, answer]).await;
    let paused = format!("bwp_paused{{cause=\"{cause}\"}} 1");
    assert!(get(&address, "/metrics").await.1.contains(&paused));
    // messages in flight are held, by the same consumer; all others wait in the queue
    assert_eq!(body["broker"]["prefetch"], PREFETCH, "{body}");
    let held = |queue: &Queue| queue.ready >= WAITING - PREFETCH && (1..=PREFETCH).contains(&queue.unacknowledged);
    stage.queue(ORDERS, "keeps the messages", held).await;
    let metrics = get(&address, "/metrics").await.1;
    assert!(metrics.contains("bwp_held{reason="), "{metrics}");
    let calls: u64 = stage.simulator.ledger().calls.values().sum();
    assert!(stage.consumers().await.iter().all(|it| it.channel == channel), "nobody else consumes");

    stage.simulator.clear_faults();
    let seen = results.until(SOON, |seen| seen.len() as u64 == WAITING).await;
    assert!(outcomes(seen).iter().all(|(_, outcome)| outcome == "created"), "{:?}", outcomes(seen));
    assert_eq!(stage.consumer(PREFETCH, &[]).await, channel, "one consumer, one prefetch");
    until("the worker says so", SOON, look, |(_, body)| body["pause"].is_null()).await;
    assert_eq!((worker.said("paused: "), worker.said("the pause is over")), (1, 1));
    assert_eq!((worker.said("not consuming"), worker.said(r#""message":"consuming""#)), (0, 1), "the session went on");
    assert!(calls < WAITING, "{calls} calls for an API that does not work");
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(LETTERS).await.is_empty());
    assert_eq!(stage.simulator.ledger().orders_created() as u64, WAITING);
}

#[tokio::test]
async fn while_the_api_is_down_messages_wait_in_the_broker_and_all_are_done_after() {
    wait_it_out(FaultRule::always(Fault::status(503)), "api-down", "NoToken").await;
}

#[tokio::test]
async fn while_credentials_are_refused_messages_wait_in_the_broker_and_all_are_done_after() {
    wait_it_out(FaultRule::always(Fault::status(401)).on(Operation::Token), "credentials-refused", "NoToken").await;
}

#[tokio::test]
async fn while_the_api_answers_as_no_document_lists_messages_wait_in_the_broker_and_all_are_done_after() {
    let body = Some(r#"{"errors":[{"message":"no","extensions":{"code":"INTERNAL_SERVER_ERROR"}}]}"#.to_owned());
    let unclear = Fault::Http { status: 200, retry_after: None, body, after_effect: false };
    let rule = FaultRule::always(unclear).on(Operation::CreateOrder);
    wait_it_out(rule, "api-unclear", "HTTP 200 INTERNAL_SERVER_ERROR").await;
}

#[tokio::test]
async fn a_worker_that_pauses_can_be_stopped_and_the_next_one_takes_up_its_messages() {
    let stage = Stage::new().await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(401)).on(Operation::Token));
    let mut results = stage.results().await;
    let worker = stage.worker(&PROBES).await;
    for order in 0..30 {
        stage.publish(&checkout(&format!("SO-{order}"))).await;
    }
    worker.says(&["paused: "]).await;
    assert_eq!(worker.terminated().await, Some(0));
    stage.simulator.clear_faults();
    let worker = stage.worker(&[]).await;
    results.until(SOON, |seen| seen.len() == 30).await;
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_lost_connection_during_a_pause_is_opened_again_and_the_pause_goes_on() {
    let stage = Stage::new().await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(401)).on(Operation::Token));
    let mut results = stage.results().await;
    let worker = stage.worker(&PROBES).await;
    stage.publish(&checkout("SO-1")).await;
    worker.says(&["paused: "]).await;
    let shown = async || stage.vhost.connections().await;
    until("the connections are shown", SOON, shown, |seen| {
        seen.iter().filter(|connection| connection.client_name.starts_with("bwp-sync")).count() == 2
    })
    .await;
    stage.vhost.close_connections_of("bwp-sync").await;
    worker.says(&["not consuming"]).await;
    stage.simulator.clear_faults();
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.consumer(PREFETCH, &[]).await;
    assert_eq!(worker.said("paused: "), 1);
}

#[tokio::test]
async fn an_early_fulfillment_in_hand_during_a_pause_does_not_block_its_own_create() {
    let stage = Stage::new().await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(503)));
    let mut results = stage.results().await;
    let worker = stage.worker(&PROBES).await;
    for order in 0..10 {
        stage.publish(&fulfillment(&format!("SO-{order}"))).await;
    }
    worker.says(&["paused: "]).await;
    for order in 0..10 {
        stage.publish(&checkout(&format!("SO-{order}"))).await;
    }
    stage.simulator.clear_faults();
    let seen = results.until(SOON, |seen| seen.len() == 20).await;
    let ends = outcomes(seen);
    for outcome in ["created", "updated"] {
        assert_eq!(ends.iter().filter(|(_, it)| it == outcome).count(), 10, "{ends:?}");
    }
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn while_creates_are_denied_updates_go_on_and_no_attempt_is_spent() {
    const DENIED: usize = 30;
    let stage = Stage::new().await;
    let mut results = stage.results().await;
    let worker = stage.worker(&PROBES).await;
    stage.publish(&checkout("there")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    let denied = Fault::refuse(Refusal::codeless("AccessDeniedError"));
    stage.simulator.add_fault(FaultRule::always(denied).on(Operation::CreateOrder));
    // more than may be in flight, so that updates behind them come only when these are let go
    for order in 0..DENIED {
        stage.publish(&checkout(&format!("SO-{order}"))).await;
    }
    worker.says(&["creates-denied"]).await;
    stage.publish(&fulfillment("there")).await;
    results.until(SOON, |seen| outcomes(seen).contains(&("there".into(), "updated".into()))).await;
    for number in 1..=5 {
        stage.publish(&amendment("there", &format!("{}.00", 50 + number))).await;
        results.until(SOON, |seen| seen.len() == 2 + number).await;
    }
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    stage.simulator.clear_faults();
    let seen = results.until(SOON, |seen| seen.len() == 7 + DENIED).await;
    assert!(seen.iter().map(json).all(|result| result["data"]["attempts"].as_u64().is_none_or(|it| it <= 3)));
    assert!(stage.left_in(LETTERS).await.is_empty());
    assert_eq!(worker.terminated().await, Some(0));
}
