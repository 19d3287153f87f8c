//! `bwp-simulator` as a process.
//! Not here: what it answers.

use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::Command;

use crate::support::plain_client;

#[tokio::test]
async fn the_process_names_its_endpoint_logs_each_call_and_stops_when_told_to() {
    for signal in ["-TERM", "-INT"] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_bwp-simulator"))
            .args(["--listen", "127.0.0.1:0", "--token-lifetime", "60"])
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
        assert_eq!(plain_client().post(url).form(&form).send().await.unwrap().status(), 401);
        assert!(log.next_line().await.unwrap().unwrap().contains("token"));

        let id = process.id().unwrap().to_string();
        assert!(Command::new("kill").args([signal, &id]).status().await.unwrap().success());
        assert!(process.wait().await.unwrap().success());
    }
}
