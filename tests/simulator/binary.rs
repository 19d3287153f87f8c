//! `bwp-simulator` as a process.
//! Not here: its answers.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::{json_of, plain_client};

/// Far longer than any of these steps takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

#[tokio::test]
async fn the_process_names_its_endpoint_obeys_its_faults_logs_each_call_and_stops_when_told_to() {
    tokio::time::timeout(SOON, play()).await.expect("the process says and does what it should in time");
}

async fn play() {
    let faults = tempfile::NamedTempFile::new().unwrap();
    let rules = r#"[{ "operation": "token", "times": 1, "fault": { "http": { "status": 503 } } }]"#;
    std::fs::write(faults.path(), rules).unwrap();
    for signal in ["-TERM", "-INT"] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bwp-simulator"))
            .args(["--listen", "127.0.0.1:0", "--token-lifetime", "60"])
            .args(["--behaviour", r#"{"alias-check":"last"}"#, "--faults"])
            .arg(faults.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut output = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut log = BufReader::new(process.stderr.take().unwrap()).lines();
        let endpoint = output.next_line().await.unwrap().unwrap();

        let url = endpoint.replace("/graphql", "/token");
        let form = [("grant_type", "client_credentials"), ("client_id", "sim-client"), ("client_secret", "wrong")];
        for status in [503, 401] {
            assert_eq!(plain_client().post(&url).form(&form).send().await.unwrap().status(), status);
            assert!(log.next_line().await.unwrap().unwrap().contains(&status.to_string()));
        }

        let page = endpoint.replace("/graphql", "/_simulator/behaviour");
        let behaviour = json_of(plain_client().get(page).send().await.unwrap()).await;
        assert_eq!(
            (&behaviour["alias-check"], &behaviour["conflict"]),
            (&json!("last"), &json!("alias-value-already-exists"))
        );

        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        assert!(process.wait().await.unwrap().success());
    }
}
