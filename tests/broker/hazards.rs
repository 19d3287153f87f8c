//! Whatever destroys a promise behind the worker's back is found by `bwp-sync check`, with the promise, and left as it is.
//! Not here: missing queues and credentials; see `check`.

use lapin::ExchangeKind;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::{Value, json};

use crate::check::{findings, management};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::support::program::bwp_sync;
use crate::support::until::until;

const NOTHING_LOST: &str = "every message ends as a result, a letter, or still in a queue";
const NO_COUNT: &str = "no count of deliveries decides over an order";
const TOLD: &str = "what became of a message is told";
const KEPT: &str = "what cannot be done is kept with its code";

/// A virtual host in which a worker has declared everything.
async fn declared() -> Stage {
    let stage = Stage::new().await;
    // the delays of the settings that `check` is given
    let worker = stage.worker(&[("BWP__RETRY__DELAYS", "5s,30s,2m,10m,1h")]).await;
    worker.terminated().await;
    stage
}

async fn check(stage: &Stage, settings: &[(&str, &str)]) -> (Option<i32>, Vec<Value>) {
    let management = management();
    findings(stage, &[&[("BWP__BROKER__MANAGEMENT_URI", management.as_str())][..], settings].concat()).await
}

/// Waits until `check` has this verdict on a subject; returns detail and promise. The broker applies policies soon.
async fn said(stage: &Stage, settings: &[(&str, &str)], subject: &str, verdict: &str) -> (String, String) {
    said_of(stage, settings, subject, verdict, &[]).await
}

/// As [`said`], and until the detail has all of these parts.
async fn said_of(
    stage: &Stage,
    settings: &[(&str, &str)],
    subject: &str,
    verdict: &str,
    parts: &[&str],
) -> (String, String) {
    let has = |it: &Value, part: &str| it["detail"].as_str().is_some_and(|detail| detail.contains(part));
    let is_it =
        |it: &Value| it["subject"] == subject && it["verdict"] == verdict && parts.iter().all(|part| has(it, part));
    let what = format!("check says that {subject} {verdict} of {parts:?}");
    let look = async || check(stage, settings).await;
    let (code, found) = until(&what, SOON, look, |(_, found)| found.iter().any(is_it)).await;
    let fails = found.iter().any(|it| it["verdict"] == "fails");
    assert_eq!(code, Some(i32::from(fails)), "{found:#?}");
    let it = found.iter().find(|it| is_it(it)).expect("it was waited for");
    let text = |field: &str| it[field].as_str().expect("a text").to_owned();
    (text("detail"), text("promise"))
}

async fn fails(stage: &Stage, subject: &str) -> (String, String) {
    said(stage, &[], subject, "fails").await
}

#[tokio::test]
async fn a_good_broker_has_no_hazard_and_all_is_known() {
    let stage = declared().await;
    let (code, found) = check(&stage, &[]).await;
    assert_eq!(code, Some(0), "{found:#?}");
    let others: Vec<_> = found.iter().filter(|it| it["verdict"] != "holds").collect();
    assert!(others.is_empty(), "{others:#?}");
    let subjects: Vec<_> = found.iter().filter_map(|it| it["subject"].as_str()).collect();
    for subject in ["policies", "extra arguments", "exchange types", "clock of the broker", "clock of the API"] {
        assert!(subjects.contains(&subject), "{subject} in {subjects:?}");
    }
}

#[tokio::test]
async fn without_the_management_api_nothing_of_it_is_said_to_hold() {
    let stage = declared().await;
    let (code, found) = findings(&stage, &[]).await;
    assert_eq!(code, Some(0), "{found:#?}");
    for subject in ["policies", "extra arguments", "bindings of the work queue", "binding of dead letters"] {
        let it = found.iter().find(|it| it["subject"] == subject).expect("it is named");
        assert_eq!(it["verdict"], "unknown", "{it}");
    }
}

#[tokio::test]
async fn a_policy_that_destroys_messages_is_named_with_its_promise() {
    let stage = declared().await;
    for (definition, key, promise) in [
        (json!({ "delivery-limit": 5 }), "delivery-limit", NO_COUNT),
        (json!({ "message-ttl": 3000 }), "message-ttl", NOTHING_LOST),
        (json!({ "max-length": 10, "overflow": "drop-head" }), "max-length", NOTHING_LOST),
        (json!({ "max-length": 10, "overflow": "drop-head" }), "overflow", NOTHING_LOST),
        (json!({ "expires": 60_000 }), "expires", NOTHING_LOST),
        (json!({ "dead-letter-exchange": "amq.topic" }), "dead-letter-exchange", KEPT),
    ] {
        stage.vhost.set_policy("^bwp\\.", definition).await;
        // the broker applies it to one queue after the other
        let parts = [ORDERS, LETTERS, "bwp.dead-letters.parked", "policy `test`"];
        let (_, broken) = said_of(&stage, &[], &format!("policy {key}"), "fails", &parts).await;
        assert_eq!(broken, promise, "{key}");
    }
    assert!(stage.vhost.queue(LETTERS).await.is_some(), "nothing was changed");
}

#[tokio::test]
async fn an_operators_policy_counts_too_and_one_that_breaks_nothing_does_not() {
    let stage = declared().await;
    stage.vhost.set_policy("^bwp\\.", json!({ "delivery-limit": 2_000_000 })).await;
    said(&stage, &[], "policies", "holds").await;
    stage.vhost.set_operator_policy("^bwp\\.orders$", json!({ "max-length": 10 })).await;
    let parts = ["operator policy `operators`"];
    let (detail, promise) = said_of(&stage, &[], "policy max-length", "fails", &parts).await;
    assert!(detail.starts_with("10 on bwp.orders by "), "{detail}");
    assert_eq!(promise, NOTHING_LOST);
}

#[tokio::test]
async fn policies_that_wait_for_queues_are_found_before_a_worker_declares_them() {
    let stage = Stage::new().await;
    said(&stage, &[], "policies", "holds").await;
    stage.vhost.set_policy("^bwp\\.orders$", json!({ "delivery-limit": 5 })).await;
    stage.vhost.set_operator_policy("^bwp\\.dead-letters$", json!({ "message-ttl": 3000 })).await;
    let (detail, promise) = fails(&stage, "policy delivery-limit").await;
    assert_eq!(detail, "5 on bwp.orders (not there yet) by policy `test`, operator policy `operators`");
    assert_eq!(promise, NO_COUNT);
    let (detail, promise) = fails(&stage, "policy message-ttl").await;
    assert!(detail.starts_with("3000 on bwp.dead-letters (not there yet)"), "{detail}");
    assert_eq!(promise, NOTHING_LOST);
    assert!(stage.vhost.queues().await.is_empty(), "nothing was declared");
}

#[tokio::test]
async fn bindings_that_are_gone_are_named_by_their_keys() {
    let stage = declared().await;
    stage.vhost.delete_exchange("shop.events").await;
    declare(&stage, "shop.events", ExchangeKind::Topic).await;
    for declare in ["true", "false"] {
        let settings = [("BWP__BROKER__DECLARE", declare)];
        let (detail, promise) = said(&stage, &settings, "bindings of the work queue", "fails").await;
        for key in ["checkout-completed", "checkout.completed", "refund.updated"] {
            assert!(detail.contains(key), "{key} in {detail}");
        }
        assert_eq!(promise, NOTHING_LOST);
    }
    stage.bind(ORDERS, "shop.events", "#").await;
    said(&stage, &[], "bindings of the work queue", "holds").await;
}

#[tokio::test]
async fn letters_that_have_no_way_to_their_queue_are_told() {
    let stage = declared().await;
    stage.vhost.bind("bwp.dead", LETTERS, false).await;
    let (detail, promise) = fails(&stage, "binding of dead letters").await;
    assert!(detail.contains("nowhere to go"), "{detail}");
    assert_eq!(promise, KEPT);
    // letters of one kind have a way, others have none
    stage.bind(LETTERS, "bwp.dead", "createOrder.*").await;
    fails(&stage, "binding of dead letters").await;
}

#[tokio::test]
async fn exchanges_of_ours_that_are_of_another_type_are_named() {
    let stage = declared().await;
    for (exchange, promise) in [("bwp.dead", KEPT), ("bwp.results", TOLD)] {
        stage.vhost.delete_exchange(exchange).await;
        declare(&stage, exchange, ExchangeKind::Fanout).await;
        let said = fails(&stage, &format!("type of {exchange}")).await;
        assert_eq!(said, ("fanout, expected topic".to_owned(), promise.to_owned()));
    }
}

#[tokio::test]
async fn what_the_workers_user_may_not_do_is_named() {
    let stage = declared().await;
    let uri = stage.vhost.user().await;
    let user = [("BWP__BROKER__URI", uri.as_str())];
    stage.vhost.user_may("^$", "^bwp\\.dead$", "^bwp\\.orders$").await;
    let (detail, promise) = said(&stage, &user, "permissions", "fails").await;
    let lacks = ["configure on bwp.orders", "write on bwp.results", "write on amq.default", "read on bwp.orders.tries"];
    for lacking in lacks {
        assert!(detail.contains(&format!("no {lacking}")), "{lacking} in {detail}");
    }
    for allowed in ["write on bwp.dead;", "read on bwp.orders;"] {
        assert!(!detail.contains(allowed), "{allowed} in {detail}");
    }
    assert_eq!(promise, NOTHING_LOST);
    said(&stage, &user, "publishing", "fails").await;
}

#[tokio::test]
async fn the_active_worker_is_told_with_those_that_stand_by() {
    let stage = declared().await;
    let told = async || said(&stage, &[], "active worker", "holds").await.0;
    assert_eq!(told().await, "none: no worker consumes");
    let _first = stage.tagged("first", &[]).await;
    until("the first is told", SOON, told, |told| told == "first; no standby").await;
    let _second = stage.tagged("second", &[]).await;
    until("the second is told", SOON, told, |told| told == "first; standing by: second").await;
}

#[tokio::test]
async fn results_without_a_queue_fail_only_where_they_stop_the_worker() {
    let stage = declared().await;
    said(&stage, &[], "bindings for results", "holds").await;
    said(&stage, &[("BWP__RESULTS__UNROUTABLE", "pause")], "bindings for results", "fails").await;
}

#[tokio::test]
async fn the_shops_exchange_is_missed_where_it_is_misspelt_and_named_where_it_is_of_another_type() {
    let stage = declared().await;
    let (detail, promise) =
        said(&stage, &[("BWP__BROKER__EVENTS", "shop.evnets")], "type of shop.evnets", "fails").await;
    assert!(detail.contains("spelt") && detail.contains("shop.events"), "{detail}");
    assert_eq!(promise, NOTHING_LOST);
    let exchanges = stage.vhost.exchanges().await;
    assert!(exchanges.iter().all(|(name, _)| name != "shop.evnets"), "nothing was declared");

    stage.vhost.delete_exchange("shop.events").await;
    declare(&stage, "shop.events", ExchangeKind::Fanout).await;
    stage.bind(ORDERS, "shop.events", "").await;
    let (detail, promise) = fails(&stage, "type of shop.events").await;
    assert!(detail.starts_with("fanout, expected topic"), "{detail}");
    assert_eq!(promise, KEPT);
    // it ignores keys, so everything comes
    said(&stage, &[], "bindings of the work queue", "holds").await;

    stage.vhost.delete_exchange("shop.events").await;
    declare(&stage, "shop.events", ExchangeKind::Headers).await;
    assert_eq!(fails(&stage, "type of shop.events").await.1, NOTHING_LOST);

    stage.vhost.delete_exchange("shop.events").await;
    declare(&stage, "shop.events", ExchangeKind::Direct).await;
    said(&stage, &[], "exchange types", "holds").await;
    let (detail, _) = said(&stage, &[("BWP__BROKER__BINDINGS", "order-*")], "type of shop.events", "fails").await;
    assert!(detail.starts_with("direct, expected topic"), "{detail}");
}

#[tokio::test]
async fn a_binding_whose_queue_nobody_makes_is_not_said_to_hold() {
    let stage = Stage::new().await;
    for subject in ["bindings of the work queue", "binding of dead letters"] {
        said(&stage, &[], subject, "holds").await;
        said(&stage, &[("BWP__BROKER__DECLARE", "false")], subject, "unknown").await;
    }
}

#[tokio::test]
async fn an_argument_too_many_and_a_classic_queue_are_named() {
    let stage = Stage::new().await;
    let more = [("x-delivery-limit", AMQPValue::LongLongInt(1_000_000)), ("x-message-ttl", AMQPValue::LongInt(3000))];
    stage.shop.declare_quorum_queue_with("bwp.dead-letters.parked", &more).await;
    let (detail, promise) = fails(&stage, "extra argument message-ttl").await;
    assert_eq!((detail.as_str(), promise.as_str()), ("3000 on bwp.dead-letters.parked", NOTHING_LOST));

    let (channel, none) = (&stage.shop.channel, FieldTable::default());
    channel.queue_declare(ORDERS.into(), QueueDeclareOptions::durable(), none).await.expect("it can be declared");
    let (detail, _) = fails(&stage, "queue arguments").await;
    assert!(detail.contains("bwp.orders: x-queue-type is "), "{detail}");
}

#[tokio::test]
async fn a_queue_of_a_former_delay_is_told_while_messages_wait_in_it() {
    let stage = declared().await;
    let former = [("x-delivery-limit", AMQPValue::LongLongInt(1_000_000))];
    stage.shop.declare_quorum_queue_with("bwp.orders.retry.7s", &former).await;
    stage.shop.publish("", "bwp.orders.retry.7s", lapin::BasicProperties::default(), b"waits").await;
    let (detail, _) = said(&stage, &[], "former retry queues", "unknown").await;
    assert!(detail.starts_with("1 in bwp.orders.retry.7s"), "{detail}");
}

#[tokio::test]
async fn one_name_for_two_things_is_refused_before_anything_is_connected() {
    for (key, value, expected) in [
        (
            "BWP__RESULTS__EXCHANGE",
            "bwp.dead",
            "dead_letters.exchange: expected another exchange than that of results.exchange",
        ),
        ("BWP__DEAD_LETTERS__QUEUE", ORDERS, "dead_letters.queue: expected another queue than that of broker.queue"),
    ] {
        for command in ["check", "run"] {
            let mut process = bwp_sync(&[command], &[(key, value)]);
            assert_eq!(process.wait(SOON).await.code(), Some(64));
            let stderr = process.stderr().join("\n");
            assert!(stderr.contains(expected), "{stderr}");
        }
    }
}

#[tokio::test]
async fn a_port_that_another_program_has_is_told() {
    let stage = declared().await;
    let other = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let address = other.local_addr().expect("it has an address").to_string();
    let (detail, _) = said(&stage, &[("BWP__ADMIN__LISTEN", &address)], "admin port", "fails").await;
    assert_eq!(detail, format!("{address} is in use by another program"));
    drop(other);
    said(&stage, &[("BWP__ADMIN__LISTEN", &address)], "admin port", "holds").await;
}

#[tokio::test]
async fn a_worker_says_at_its_start_what_destroys_a_promise_and_works_all_the_same() {
    let stage = declared().await;
    stage.vhost.set_policy("^bwp\\.", json!({ "delivery-limit": 5 })).await;
    fails(&stage, "policy delivery-limit").await;
    let management = management();
    let worker = stage.worker(&[("BWP__BROKER__MANAGEMENT_URI", management.as_str())]).await;
    worker.says(&["a promise is at risk", "policy delivery-limit", NO_COUNT]).await;
}

async fn declare(stage: &Stage, name: &str, kind: ExchangeKind) {
    let options = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let declared = stage.shop.channel.exchange_declare(name.into(), kind, options, FieldTable::default());
    declared.await.expect("the exchange can be declared");
}
