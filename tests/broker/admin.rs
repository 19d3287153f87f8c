//! Probes and metrics of the real worker.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};
use jiff::Timestamp;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::messages::{checkout, checkout_of};
use crate::stage::{SOON, Stage, Worker, call_of};
use crate::support::broker::Broker;
use crate::support::private::assert_nothing_private;
use crate::support::program::bwp_sync;
use crate::support::relay::Relay;
use crate::support::until::until;

pub(crate) const LISTEN: (&str, &str) = ("BWP__ADMIN__LISTEN", "127.0.0.1:0");

/// Where a worker serves its probes.
pub(crate) async fn address(worker: &Worker) -> String {
    let line: Value = serde_json::from_str(&worker.says(&["probes and metrics"]).await).expect("a log line is JSON");
    line["address"].as_str().expect("it says where").to_owned()
}

/// Status and body of an answer, which is searched for private data.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.expect("somebody listens");
    stream.write_all(format!("GET {path} HTTP/1.0\r\n\r\n").as_bytes()).await.expect("a request goes out");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("an answer comes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head and a body");
    assert_nothing_private(path, body);
    let status = head.split_whitespace().nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, body.to_owned())
}

/// The messages that wait in the worker, with their reasons.
pub(crate) async fn held(address: &str) -> Vec<Value> {
    serde_json::from_str(&get(address, "/held").await.1).expect("a list in JSON")
}

/// Whether a message has waited for this reason, and for longer, by what `/held` says.
pub(crate) fn has_waited(held: &Value, reason: &str, longer: Duration) -> bool {
    let since: Timestamp = held["since"].as_str().expect("a time").parse().expect("a time");
    held["reason"] == reason && Timestamp::now().duration_since(since).unsigned_abs() > longer
}

pub(crate) async fn ready(address: &str) -> (u16, Value) {
    let (status, body) = get(address, "/readyz").await;
    (status, serde_json::from_str(&body).expect("the body is JSON"))
}

#[tokio::test]
pub(crate) async fn ready_means_that_a_consumer_is_registered_with_its_prefetch() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN, ("BWP__BROKER__PREFETCH", "7")]).await;
    let address = address(&worker).await;
    let (status, body) = ready(&address).await;
    assert_eq!((status, &body["ready"], &body["broker"]["prefetch"]), (200, &true.into(), &7.into()));
    assert!(body["api"].get("cause").is_none(), "{body}");
    assert_eq!(get(&address, "/livez").await, (200, "ok\n".into()));
}

#[tokio::test]
async fn a_worker_is_not_ready_before_the_broker_has_its_request_for_a_consumer() {
    const TAG: &str = "asks-for-a-consumer";
    let broker = Broker::shared();
    let (relay, stage) = (Relay::start(&broker.address()), Stage::on(&broker).await);
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    // from that request on nothing reaches the broker
    let mut asked = relay.trip_on_bytes(&[TAG.as_bytes()]);
    let worker = stage.starting_worker(&[LISTEN, ("BWP__BROKER__URI", &uri), ("BWP__BROKER__CONSUMER_TAG", TAG)]);
    let address = address(&worker).await;
    timeout(SOON, asked.recv()).await.expect("it asks").expect("the relay tells");
    let (status, body) = ready(&address).await;
    assert_eq!((status, &body["ready"], &body["broker"]["prefetch"]), (503, &false.into(), &Value::Null), "{body}");
    drop(asked);
    relay.cut().await;
    until("it is ready", SOON, async || ready(&address).await, |(status, _)| *status == 200).await;
    stage.active(TAG).await;
}

#[tokio::test]
async fn a_broker_that_is_not_there_shows_with_its_cause_and_the_next_try() {
    let stage = Stage::new().await;
    let worker = stage.starting_worker(&[LISTEN, ("BWP__BROKER__URI", "amqp://guest:gu3st@127.0.0.1:1/%2f")]);
    let address = address(&worker).await;
    let look = async || ready(&address).await;
    let (status, body) =
        until("the worker says why", SOON, look, |(_, body)| !body["broker"]["nextTry"].is_null()).await;
    let cause = body["broker"]["cause"].as_str().expect("a cause");
    assert_eq!((status, &body["ready"]), (503, &false.into()));
    assert!(cause.starts_with("cannot connect: guest at 127.0.0.1:1, virtual host /: "), "{cause}");
    assert!(!cause.contains("gu3st"), "{cause}");
    assert_eq!(get(&address, "/livez").await.0, 200, "it waits, and is alive");
    let (_, metrics) = get(&address, "/metrics").await;
    assert!(metrics.contains(r#"bwp_sessions_lost_total{cause="not-connected"}"#), "{metrics}");
    assert!(metrics.contains("bwp_consumer_prefetch 0"), "{metrics}");
    assert_eq!(worker.terminated().await, Some(0), "it can be stopped while it waits");
}

#[tokio::test]
async fn what_the_api_does_is_unknown_until_a_token_was_had() {
    let stage = Stage::new().await;
    stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::Token));
    let long = [("BWP__API__TIMEOUT", "60s"), ("BWP__BROKER__MAX_HOLD", "10m"), ("BWP__SHUTDOWN__GRACE", "2m")];
    let worker = stage.worker(&[&[LISTEN][..], &long].concat()).await;
    let address = address(&worker).await;
    let (status, body) = ready(&address).await;
    assert_eq!((status, &body["api"]["status"]), (200, &"unknown".into()), "{body}");
}

#[tokio::test]
async fn a_worker_without_messages_shows_why_it_gets_no_token_until_it_gets_one() {
    let stage = Stage::new().await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(407)).on(Operation::Token));
    let worker = stage.worker(&[LISTEN]).await;
    let address = address(&worker).await;
    let look = async || ready(&address).await;
    let (_, body) = until("it has no token", SOON, look, |(_, body)| body["api"]["status"] == "fails").await;
    assert_eq!(body["api"]["cause"], "NoToken: HTTP 407", "{body}");
    worker.says(&["the API fails", "NoToken: HTTP 407"]).await;
    stage.simulator.clear_faults();
    until("it has a token", SOON, look, |(_, body)| body["api"]["status"] == "works").await;
}

#[tokio::test]
async fn an_api_that_fails_shows_with_its_cause_until_it_works_again() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN]).await;
    let address = address(&worker).await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(503)));
    stage.publish(&checkout("SO-1")).await;
    let look = async || ready(&address).await;
    let (status, body) = until("the API fails", SOON, look, |(_, body)| body["api"]["status"] == "fails").await;
    assert_eq!(status, 200, "a failing API is no reason to take the worker out");
    let (cause, since) = (&body["api"]["cause"], &body["api"]["since"]);
    assert_eq!(*cause, "Http503: HTTP 503 without a GraphQL answer: not JSON");
    assert!(since.is_string(), "{body}");
    stage.simulator.clear_faults();
    until("the API works again", SOON, look, |(_, body)| body["api"]["status"] == "works").await;
    worker.says(&["the API works again"]).await;
    assert_eq!((worker.said("the API fails"), worker.said("the API works again")), (1, 1), "said once at each change");
}

#[tokio::test]
async fn a_worker_says_whether_it_is_the_one_that_is_fed_and_a_standby_is_ready() {
    let stage = Stage::new().await;
    let says = async |worker: &Worker, line: &str| {
        let address = address(worker).await;
        let look = async || get(&address, "/metrics").await.1;
        until(line, SOON, look, |text| text.lines().any(|it| it == line)).await;
    };
    let settings = [LISTEN, ("BWP__API__TIMEOUT", "10s"), ("BWP__SHUTDOWN__GRACE", "15s")];
    let first = stage.worker(&settings).await;
    says(&first, "bwp_active 0").await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    says(&first, "bwp_active 1").await;
    let second = stage.worker(&settings).await;
    says(&second, "bwp_active 0").await;
    let (status, body) = ready(&address(&second).await).await;
    assert_eq!((status, &body["ready"], &body["broker"]["prefetch"]), (200, &true.into(), &20.into()), "{body}");

    stage.simulator.add_fault(FaultRule::first(1, Fault::Hang { after_effect: false }).on(Operation::CreateOrder));
    let mut calls = stage.simulator.subscribe();
    stage.publish(&checkout("SO-2")).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, "SO-2").await;
    first.killed().await;
    says(&second, "bwp_active 1").await;
    says(&second, "bwp_takeovers_total 1").await;
    results.until(SOON, |seen| seen.len() == 2).await;
}

#[tokio::test]
async fn what_became_of_messages_can_be_counted() {
    let stage = Stage::new().await;
    let mut results = stage.results().await;
    let worker = stage.worker(&[LISTEN]).await;
    let address = address(&worker).await;
    let fresh = series(&get(&address, "/metrics").await.1);
    stage.publish(&checkout("SO-1")).await;
    stage.publish(&checkout_of("SO-2", "sim-ItemOutOfStock")).await;
    results.until(SOON, |results| results.len() == 2).await;
    let settled = async || get(&address, "/metrics").await.1;
    let lines = [
        r#"bwp_messages_settled_total{kind="order-created",outcome="created",code=""} 1"#,
        r#"bwp_messages_settled_total{kind="order-failed",outcome="dead-lettered",code="ItemOutOfStock"} 1"#,
        r#"bwp_api_call_seconds_count{operation="createOrder",class="ok"} 1"#,
        r#"bwp_api_call_seconds_count{operation="createOrder",class="rejected"} 1"#,
        r#"bwp_token_renewals_total{outcome="ok"} 1"#,
        "bwp_consumer_prefetch 20",
        "bwp_bytes_in_hand 0",
        "bwp_stale_acks_total 0",
        concat!(r#"bwp_build_info{version=""#, env!("CARGO_PKG_VERSION"), r#""} 1"#),
        "# TYPE bwp_confirm_seconds histogram",
        "\nbwp_messages_in_hand 0\n",
    ];
    // a settlement is counted when it has been carried out
    let text = until("all is counted", SOON, settled, |text| lines.iter().all(|line| text.contains(line))).await;
    assert_eq!(series(&text), fresh, "each was there from the start");
}

/// Names and labels of all series, without their values.
fn series(metrics: &str) -> BTreeSet<String> {
    let samples = metrics.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once(' ')?.0.to_owned())).collect()
}

#[tokio::test]
async fn the_health_check_asks_the_worker_itself() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN]).await;
    let address = address(&worker).await;
    let check = || bwp_sync(&["check", "--live"], &[("BWP__ADMIN__LISTEN", &address)]);
    assert_eq!(check().wait(SOON).await.code(), Some(0));
    worker.killed().await;
    assert_eq!(check().wait(SOON).await.code(), Some(1));
}
