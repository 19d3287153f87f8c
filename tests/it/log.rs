//! The worker's own log: its first line, its colours, and what it never shows.
//! Not here: lines of a message.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use bwp_sync::settings::{Log, LogFormat};
use bwp_sync::telemetry;

use crate::cli::{SETTINGS, bwp_sync};

/// Lines of a worker up to one with this in it.
fn lines_until(settings: &[(&str, &str)], wanted: &str) -> Vec<String> {
    let mut command = bwp_sync(&["run"]);
    let mut worker = command.envs(SETTINGS).envs(settings.iter().copied()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = Vec::new();
    for line in BufReader::new(worker.stderr.take().unwrap()).lines() {
        lines.push(line.unwrap());
        if lines.last().is_some_and(|line| line.contains(wanted)) {
            break;
        }
    }
    worker.kill().unwrap();
    worker.wait().unwrap();
    lines
}

const BROKER: (&str, &str) = ("BWP__BROKER__URI", "amqps://shop:pa55word@127.0.0.1:1/orders");

#[test]
fn the_first_line_says_what_runs_here_and_how_it_is_set_without_any_secret() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("pa55word");
    std::fs::write(&secret, "pa55word").unwrap();
    let settings = [
        BROKER,
        ("BWP__BROKER__PREFETCH", "7"),
        ("BWP__BROKER__HEARTBEAT", "10s"),
        ("BWP__RETRY__DELAYS", "5s,30s"),
        ("BWP__API__ACCESS_KEY_FILE", secret.to_str().unwrap()),
        ("BWP__API__CLIENT_SECRET", "pa55word"),
    ];
    let lines = lines_until(&settings, "not consuming");
    let line: serde_json::Value = serde_json::from_str(&lines[0]).unwrap();
    let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
    assert_eq!((text("message").as_str(), text("version").as_str()), ("starting", env!("CARGO_PKG_VERSION")));
    assert_eq!(text("endpoint"), "http://127.0.0.1:1/graphql");
    assert_eq!((text("store").as_str(), text("broker").as_str()), ("store-1", "amqps://127.0.0.1:1/orders"));
    let told = text("settings");
    let told: Vec<_> = told.split("; ").collect();
    for setting in
        ["broker.prefetch=7", "retry.delays=5s,30s", "api.client_secret", "api.access_key_file", "broker.uri"]
    {
        assert!(told.contains(&setting), "{setting} in {told:?}");
    }
    // as in the defaults
    assert!(!told.iter().any(|setting| setting.starts_with("broker.heartbeat")), "{told:?}");
    assert!(!lines.iter().any(|line| line.contains("pa55word")), "{lines:#?}");
}

#[test]
fn a_log_that_no_terminal_shows_has_no_colours() {
    for format in ["json", "pretty"] {
        let lines = lines_until(&[BROKER, ("BWP__LOG__FORMAT", format)], "not consuming");
        assert!(lines[0].contains("starting"), "{lines:#?}");
        assert!(!lines.iter().any(|line| line.contains('\u{1b}')), "{format}: {lines:#?}");
    }
}

#[test]
fn a_protocol_for_traces_that_is_not_spoken_is_refused_with_the_variables_name() {
    let traces = [("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"), ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")];
    let output = crate::output::output(bwp_sync(&["run"]).envs(SETTINGS).envs(traces));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64), "{text}");
    assert!(text.contains("OTEL_EXPORTER_OTLP_PROTOCOL: expected `http/protobuf`, got `grpc`"), "{text}");
}

/// The text of a panic may repeat a message. The test panics in a process of its own.
#[test]
fn a_panic_is_logged_by_its_place_alone() {
    const PANICS: &str = "BWP_TEST_PANICS";
    if std::env::var_os(PANICS).is_some() {
        telemetry::start(&Log { format: LogFormat::Json, filter: "info".to_owned() }, None).unwrap();
        panic!("no way to John Smith in Seattle");
    }
    let this = ["--exact", "log::a_panic_is_logged_by_its_place_alone", "--nocapture"];
    let mut again = Command::new(std::env::current_exe().unwrap());
    let output = crate::output::output(again.args(this).env(PANICS, "1"));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains(r#""message":"panic""#) && text.contains("tests/it/log.rs:"), "{text}");
}
