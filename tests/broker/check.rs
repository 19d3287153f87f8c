//! `bwp-sync check` against a real broker and the simulator.

use serde_json::Value;

use crate::stage::{SOON, Stage};
use crate::support::program::{addresses, bwp_sync};

/// Subject, verdict and detail of each finding.
type Findings = Vec<[String; 3]>;

/// Exit code and findings, as they are printed.
pub(crate) async fn findings(stage: &Stage, settings: &[(&str, &str)]) -> (Option<i32>, Vec<Value>) {
    let (uri, addresses) = (stage.vhost.amqp_uri(), addresses(&stage.simulator));
    let mut environment = vec![("BWP__BROKER__URI", uri.as_str())];
    environment.extend(addresses.iter().map(|(name, address)| (*name, address.as_str())));
    environment.extend_from_slice(settings);
    let mut process = bwp_sync(&["check", "--json"], &environment);
    let code = process.wait(SOON).await.code();
    (code, serde_json::from_str(&process.stdout().join("\n")).expect("findings as JSON"))
}

/// Exit code and findings.
async fn check(stage: &Stage, settings: &[(&str, &str)]) -> (Option<i32>, Findings) {
    let (code, findings) = findings(stage, settings).await;
    let text = |finding: &Value, field: &str| finding[field].as_str().expect("a text").to_owned();
    (code, findings.iter().map(|finding| ["subject", "verdict", "detail"].map(|field| text(finding, field))).collect())
}

fn found<'a>(findings: &'a Findings, subject: &str) -> (&'a str, &'a str) {
    let finding = findings.iter().find(|[name, ..]| name == subject).expect("it was looked at");
    (&finding[1], &finding[2])
}

fn verdict<'a>(findings: &'a Findings, subject: &str) -> &'a str {
    found(findings, subject).0
}

pub(crate) fn management() -> String {
    std::env::var("BWP_TEST_MANAGEMENT_URI").expect("`scripts/test` gives it")
}

#[tokio::test]
async fn a_good_set_up_passes_and_is_left_as_it_was() {
    let stage = Stage::new().await;
    let (code, findings) = check(&stage, &[]).await;
    assert_eq!(code, Some(0), "{findings:?}");
    for subject in ["settings", "api", "broker", "publishing", "queue bwp.orders", "exchange bwp.dead"] {
        assert_eq!(verdict(&findings, subject), "holds", "{subject}");
    }
    assert!(stage.vhost.queues().await.is_empty(), "nothing was declared");
}

#[tokio::test]
async fn what_is_missing_fails_where_nobody_declares_it() {
    let stage = Stage::new().await;
    let (code, findings) = check(&stage, &[("BWP__BROKER__DECLARE", "false")]).await;
    assert_eq!((code, verdict(&findings, "queue bwp.orders")), (Some(1), "fails"));
}

#[tokio::test]
async fn wrong_credentials_fail_on_either_side() {
    let stage = Stage::new().await;
    let (code, findings) = check(&stage, &[("BWP__API__CLIENT_SECRET", "wrong")]).await;
    assert_eq!((code, verdict(&findings, "api")), (Some(1), "fails"));
    let uri = stage.vhost.amqp_uri().replace("guest:guest", "guest:wrong");
    let (code, findings) = check(&stage, &[("BWP__BROKER__URI", &uri)]).await;
    assert_eq!((code, verdict(&findings, "broker")), (Some(1), "fails"));
}

#[tokio::test]
async fn what_only_the_management_api_shows_is_looked_at_where_it_is_given() {
    let stage = Stage::new().await;
    let (code, findings) = check(&stage, &[]).await;
    assert_eq!((code, verdict(&findings, "queue arguments")), (Some(0), "unknown"));
    let worker = stage.worker(&[]).await;
    worker.terminated().await;
    let (code, findings) = check(&stage, &[("BWP__BROKER__MANAGEMENT_URI", &management())]).await;
    assert_eq!(code, Some(0), "{findings:?}");
    for subject in ["broker version", "queue arguments", "permissions"] {
        assert_eq!(verdict(&findings, subject), "holds", "{subject}");
    }
}

#[tokio::test]
async fn a_queue_with_other_arguments_is_named_with_what_differs() {
    let stage = Stage::new().await;
    stage.shop.declare_quorum_queue_with("bwp.orders", &[]).await;
    let (code, findings) = check(&stage, &[("BWP__BROKER__MANAGEMENT_URI", &management())]).await;
    let (verdict, detail) = found(&findings, "queue arguments");
    assert_eq!((code, verdict), (Some(1), "fails"));
    assert!(detail.contains("bwp.orders: x-delivery-limit is absent, expected 1000000"), "{detail}");
}
