//! The list of metrics is the truth: what the code records is in it, and nothing else.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;

use bwp_sync::api::ApiVersion;
use bwp_sync::domain::outcome::{Outcome, ResultKind};
use bwp_sync::policy::catalogue::{Class, codes};
use bwp_sync::policy::sign::Cause;
use bwp_sync::ports::{Operation as Called, WaitReason};
use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Refusal, Simulator};
use bwp_sync::telemetry::metrics::{Kind, METRICS};
use bwp_sync::worker::handle;
use metrics_exporter_prometheus::PrometheusBuilder;
use strum::IntoEnumIterator;

use crate::cli::{SETTINGS, bwp_sync};
use crate::scenario::{context, event, plain_checkout};

#[test]
fn every_recorded_metric_is_in_the_list_and_every_listed_one_is_recorded() {
    let mut recorded = BTreeSet::new();
    collect(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut recorded);
    let listed: BTreeSet<_> = METRICS.iter().map(|metric| metric.name.to_owned()).collect();
    assert_eq!(recorded, listed);
}

#[test]
fn names_follow_prometheus_conventions() {
    for metric in METRICS {
        assert!(metric.name.starts_with("bwp_"), "{}", metric.name);
        assert_eq!(metric.name.ends_with("_total"), metric.kind == Kind::Counter, "{}", metric.name);
        if metric.kind == Kind::Histogram {
            assert!(metric.name.ends_with("_seconds"), "{}", metric.name);
        }
    }
}

// one thread, so that all of it is recorded here
#[tokio::test]
async fn only_an_error_that_no_document_lists_is_counted_as_such() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let _here = metrics::set_default_local_recorder(&recorder);
    for (order, code) in [("SO-1", "NewRule"), ("SO-2", "ItemOutOfStock")] {
        let simulator = Simulator::start(Config::default()).await.unwrap();
        simulator.add_fault(FaultRule::always(Fault::refuse(Refusal::validation(code))).on(Operation::CreateOrder));
        let context = context(&simulator, "sim-secret", ApiVersion::default());
        handle(&context, &event(order, "checkout-completed", &plain_checkout(order))).await;
    }
    let figures = recorder.handle().render();
    let counted: Vec<_> = figures.lines().filter(|line| line.starts_with("bwp_unlisted_errors_total")).collect();
    // with the two repeated calls of one stay
    assert_eq!(counted, ["bwp_unlisted_errors_total{operation=\"createOrder\"} 3"], "{figures}");
}

/// The metrics of a process that has done nothing yet, and cannot reach its broker.
fn of_a_fresh_process() -> String {
    let none = [("BWP__ADMIN__LISTEN", "127.0.0.1:0"), ("BWP__BROKER__URI", "amqp://guest:guest@127.0.0.1:1/%2f")];
    let mut command = bwp_sync(&["run"]);
    // a token is asked for at the start: nothing comes of that yet
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let token_endpoint = ("BWP__API__TOKEN_ENDPOINT", format!("http://{}/token", silent.local_addr().unwrap()));
    let mut worker = command.envs(SETTINGS).envs(none).envs([token_endpoint]).stderr(Stdio::piped()).spawn().unwrap();
    // open until its end: it goes on to log
    let mut said = BufReader::new(worker.stderr.take().unwrap()).lines().map(Result::unwrap);
    let line = said.by_ref().find(|line| line.contains("probes and metrics")).unwrap();
    let line: serde_json::Value = serde_json::from_str(&line).unwrap();
    let mut stream = TcpStream::connect(line["address"].as_str().unwrap()).unwrap();
    stream.write_all(b"GET /metrics HTTP/1.0\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    worker.kill().unwrap();
    worker.wait().unwrap();
    drop(said);
    answer
}

#[test]
fn every_series_is_there_from_the_start() {
    let text = of_a_fresh_process();
    let has = |series: &str| assert!(text.contains(&format!("\n{series} 0\n")), "{series} in\n{text}");
    for reason in WaitReason::iter() {
        has(&format!(r#"bwp_held{{reason="{}"}}"#, reason.name()));
    }
    for cause in Cause::iter().map(Cause::name).chain(["broker-blocked"]) {
        has(&format!(r#"bwp_paused{{cause="{cause}"}}"#));
    }
    for operation in Called::iter().map(Called::name) {
        has(&format!(r#"bwp_unlisted_errors_total{{operation="{operation}"}}"#));
        for class in Class::iter().map(Class::name).chain(["ok"]) {
            has(&format!(r#"bwp_api_call_seconds_count{{operation="{operation}",class="{class}"}}"#));
        }
    }
    for kind in ResultKind::iter().map(ResultKind::name).chain(["later"]) {
        has(&format!(r#"bwp_message_seconds_count{{kind="{kind}"}}"#));
    }
    let settled = |kind: &str, outcome: &str, code: &str| {
        has(&format!(r#"bwp_messages_settled_total{{kind="{kind}",outcome="{outcome}",code="{code}"}}"#));
    };
    Outcome::iter().for_each(|outcome| settled(outcome.kind().name(), outcome.name(), ""));
    codes().chain(["other"]).for_each(|code| settled("order-failed", "dead-lettered", code));
    settled("later", "", "");
    for outcome in ["ok", "refused", "throttled", "unavailable"] {
        has(&format!(r#"bwp_token_renewals_total{{outcome="{outcome}"}}"#));
    }
    // it may have been lost already for one of the causes
    assert!(text.matches("\nbwp_sessions_lost_total{cause=").count() >= 11, "{text}");
    // of every queue, though nobody has been asked for its depth yet
    let retries = ["5s", "30s", "2m", "10m", "1h"].map(|delay| ("retry", format!("bwp.orders.retry.{delay}")));
    let others = [("work", "bwp.orders"), ("letters", "bwp.dead-letters"), ("parked", "bwp.dead-letters.parked")];
    for (role, queue) in retries.into_iter().chain(others.map(|(role, queue)| (role, queue.to_owned()))) {
        let series = format!("\nbwp_queue_messages{{role=\"{role}\",queue=\"{queue}\"}} NaN\n");
        assert!(text.contains(&series), "{series} in\n{text}");
    }
    // and every metric of the README has one
    for metric in METRICS {
        let name = format!("\n{}", metric.name);
        let series = match (metric.kind, metric.labels) {
            (Kind::Histogram, []) => format!("{name}_count "),
            (Kind::Histogram, [first, ..]) => format!("{name}_count{{{first}="),
            (Kind::Counter | Kind::Gauge, []) => format!("{name} "),
            (Kind::Counter | Kind::Gauge, [first, ..]) => format!("{name}{{{first}="),
        };
        assert!(text.contains(&series), "{series} in\n{text}");
    }
}

/// Names that stand in a recording macro anywhere but in the list itself.
fn collect(path: &Path, names: &mut BTreeSet<String>) {
    if path.is_dir() {
        for entry in std::fs::read_dir(path).unwrap() {
            collect(&entry.unwrap().path(), names);
        }
        return;
    }
    let text = std::fs::read_to_string(path).unwrap();
    for recording in ["counter!(\"", "gauge!(\"", "histogram!(\""] {
        for (at, _) in text.match_indices(recording) {
            let name: String = text[at + recording.len()..].chars().take_while(|c| *c != '"').collect();
            names.insert(name);
        }
    }
}
