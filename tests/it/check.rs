//! Findings of `bwp-sync check` about the API, without any effect on it.

use std::time::{Duration, Instant};

use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Simulator};
use serde_json::Value;

use crate::cli::{SETTINGS, bwp_sync};
use crate::output::output;

/// Nine seconds, and a start on a busy machine; a look without a bound would take a hundred.
const FAR_BELOW_THE_TIMEOUT: Duration = Duration::from_secs(60);

/// Subject, verdict and detail of what `check` says of the API, while there is no broker.
async fn findings(simulator: &Simulator, version: &str) -> Vec<[String; 3]> {
    let all = all_findings(simulator, version, &[]).await;
    all.into_iter().filter(|[subject, ..]| ["api", "field"].iter().any(|of_api| subject.starts_with(of_api))).collect()
}

/// Subject, verdict and detail of all that `check` says, while there is no broker.
async fn all_findings(simulator: &Simulator, version: &str, settings: &[(&str, &str)]) -> Vec<[String; 3]> {
    let mut command = bwp_sync(&["check", "--json"]);
    command
        .envs(SETTINGS)
        .env("BWP__API__ENDPOINT", simulator.endpoint())
        .env("BWP__API__TOKEN_ENDPOINT", simulator.token_endpoint())
        .env("BWP__API__VERSION", version)
        .env("BWP__BROKER__URI", "amqp://guest:guest@127.0.0.1:1/%2f")
        .envs(settings.iter().copied());
    let output = tokio::task::spawn_blocking(move || output(&mut command)).await.unwrap();
    let findings: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap().to_owned();
    findings.iter().map(|finding| ["subject", "verdict", "detail"].map(|field| text(finding, field))).collect()
}

async fn without(fields: &[&str]) -> Simulator {
    let unknown_fields = fields.iter().map(|field| (*field).to_owned()).collect();
    Simulator::start(Config { unknown_fields, ..Config::default() }).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_is_tried_in_every_version_and_nothing_comes_of_it() {
    let simulator = without(&[]).await;
    for version in ["2024-11-01", "2024-04-01"] {
        let findings = findings(&simulator, version).await;
        let said: Vec<_> = findings.iter().map(|[subject, verdict, _]| (subject.as_str(), verdict.as_str())).collect();
        assert_eq!(said, [("api", "holds"), ("api documents", "holds")], "{findings:?}");
        assert_eq!(findings[1][2], "9 documents are valid");
    }
    let ledger = simulator.ledger();
    assert_eq!(ledger.calls_of(Operation::Order), 10);
    assert_eq!((ledger.calls_of(Operation::CreateOrder), ledger.calls_of(Operation::UpdateOrder)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn fields_that_the_api_does_not_know_are_named_and_fail_where_they_are_needed() {
    let simulator = without(&["RefundDetails.refundFor", "OrderMetadata.executionState", "Order.recipient"]).await;
    let findings = findings(&simulator, "2024-11-01").await;
    let said: Vec<_> = findings.iter().map(|[subject, verdict, _]| (subject.as_str(), verdict.as_str())).collect();
    let expected = [
        ("api", "holds"),
        ("api documents", "holds"),
        ("field OrderMetadata.executionState", "fails"),
        ("field Order.recipient", "holds"),
        ("field RefundDetails.refundFor", "holds"),
    ];
    assert_eq!(said, expected, "{findings:?}");
    assert!(findings[2][2].starts_with("not known to the API, and needed to start"), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mutation_that_the_api_does_not_know_fails_by_its_name() {
    let simulator = without(&["Mutation.updateOrder"]).await;
    let findings = findings(&simulator, "2024-11-01").await;
    let [_, verdict, detail] = &findings[1];
    assert_eq!((verdict.as_str(), findings[0][1].as_str()), ("fails", "holds"), "{findings:?}");
    for named in ["updateOrder to start: ", "updateOrder to refund: field Mutation.updateOrder: not known to the API"] {
        assert!(detail.contains(named), "{named}: {detail}");
    }
    assert!(!detail.contains("createOrder"), "{detail}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_fails_is_told_once() {
    let simulator = without(&[]).await;
    simulator.add_fault(FaultRule::always(Fault::status(503)).on(Operation::Token));
    let findings = findings(&simulator, "2024-11-01").await;
    assert_eq!(findings.len(), 1, "{findings:?}");
    assert_eq!(findings[0][1], "fails");
    assert!(findings[0][2].contains("HTTP 503"), "{findings:?}");
    assert_eq!(simulator.ledger().calls_of(Operation::Token), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_never_answers_leaves_its_looks_undone_within_ten_seconds() {
    let simulator = without(&[]).await;
    // taken by the kernel, and never answered
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap();
    let (http, amqp) = (format!("http://guest:guest@{address}"), format!("amqp://guest:guest@{address}/%2f"));
    let api = format!("http://{address}/graphql");
    // no look may wait for as long as the settings let a worker wait
    let settings = [
        ("BWP__BROKER__MANAGEMENT_URI", http.as_str()),
        ("BWP__BROKER__URI", &amqp),
        ("BWP__API__ENDPOINT", &api),
        ("BWP__API__TOKEN_ENDPOINT", &api),
        ("BWP__API__TIMEOUT", "100s"),
        ("BWP__BROKER__MAX_HOLD", "500s"),
        ("BWP__SHUTDOWN__GRACE", "110s"),
    ];
    let began = Instant::now();
    let findings = all_findings(&simulator, "2024-11-01", &settings).await;
    assert!(began.elapsed() < FAR_BELOW_THE_TIMEOUT, "{:?}", began.elapsed());
    for (subject, expected) in
        [("api", "fails"), ("clock of the API", "unknown"), ("broker", "fails"), ("management API", "unknown")]
    {
        let found: Vec<_> = findings.iter().filter(|[name, ..]| name == subject).collect();
        let [[_, verdict, detail]] = found.as_slice() else { panic!("{subject} in {findings:?}") };
        assert_eq!(verdict, expected, "{subject}: {detail}");
    }
    let unfinished = findings.iter().filter(|[.., detail]| detail == "no answer to all questions within 9 s");
    assert!(unfinished.count() >= 3, "{findings:?}");
}
