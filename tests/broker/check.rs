//! `bwp-sync check` against a real broker and the simulator.

use serde_json::Value;

use crate::stage::{SOON, Stage};
use crate::support::process::Process;

/// Exit code, and the findings as `subject: verdict`.
async fn check(stage: &Stage, settings: &[(&str, &str)]) -> (Option<i32>, Vec<(String, String)>) {
    let (uri, endpoint, tokens) =
        (stage.vhost.amqp_uri(), stage.simulator.endpoint(), stage.simulator.token_endpoint());
    let mut environment = vec![
        ("BWP__BROKER__URI", uri.as_str()),
        ("BWP__API__ENDPOINT", &endpoint),
        ("BWP__API__TOKEN_ENDPOINT", &tokens),
        ("BWP__API__CLIENT_ID", "sim-client"),
        ("BWP__API__CLIENT_SECRET", "sim-secret"),
        ("BWP__API__TARGET_ID", "store-1"),
    ];
    environment.extend_from_slice(settings);
    let mut process = Process::spawn(env!("CARGO_BIN_EXE_bwp-sync"), &["check", "--json"], &environment);
    let code = process.wait(SOON).await.code();
    let findings: Vec<Value> = serde_json::from_str(&process.stdout().join("\n")).expect("findings as JSON");
    let text = |finding: &Value, field: &str| finding[field].as_str().expect("a text").to_owned();
    (code, findings.iter().map(|finding| (text(finding, "subject"), text(finding, "verdict"))).collect())
}

fn verdict(findings: &[(String, String)], subject: &str) -> String {
    findings.iter().find(|(name, _)| name == subject).map(|(_, verdict)| verdict.clone()).expect("it was looked at")
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
    assert_eq!((code, verdict(&findings, "queue bwp.orders").as_str()), (Some(1), "fails"));
}

#[tokio::test]
async fn wrong_credentials_fail_on_either_side() {
    let stage = Stage::new().await;
    let (code, findings) = check(&stage, &[("BWP__API__CLIENT_SECRET", "wrong")]).await;
    assert_eq!((code, verdict(&findings, "api").as_str()), (Some(1), "fails"));
    let uri = stage.vhost.amqp_uri().replace("guest:guest", "guest:wrong");
    let (code, findings) = check(&stage, &[("BWP__BROKER__URI", &uri)]).await;
    assert_eq!((code, verdict(&findings, "broker").as_str()), (Some(1), "fails"));
}
