//! Settings through the real binary: what is refused, with which words and exit code, before anything connects.

use crate::cli::{SETTINGS, bwp_sync};
use crate::output::output;

fn refused(variable: &str, value: &str) -> String {
    let output = output(bwp_sync(&["run"]).envs(SETTINGS).env(variable, value));
    assert_eq!(output.status.code(), Some(64), "{variable}={value}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_settings_are_refused_with_the_key_and_what_was_expected() {
    for (variable, value, said) in [
        ("BWP__API__TIMEOUT", "10", "expected a duration with a unit, as `10s`, got `10`"),
        ("BWP__SHUTDOWN__GRACE", "10s", "shutdown.grace: expected more than api.timeout (10s)"),
        ("BWP__API__CONNECT_TIMEOUT", "10s", "api.connect_timeout: expected less than api.timeout (10s)"),
        ("BWP__BROKER__MAX_HOLD", "42s", "broker.max_hold: expected more than four times api.timeout and api.settle"),
        ("BWP__API__TIMEOUT", "29s", "api.settle together (118s), for a read, the end of a call of unknown outcome"),
        ("BWP__API__VERSION", "2019-01-01", "api.version: expected `2024-11-01` or `2024-04-01`, got `2019-01-01`"),
        ("BWP__BROKER__PREFETCH", "0", "broker.prefetch: expected at least 1"),
        ("BWP__BROKER__PREFETCH", "many", "broker.prefetch: expected a whole number from 0 to 65535, got `many`"),
        ("BWP__BROKER__PREFETCH", "70000", "broker.prefetch: expected a whole number from 0 to 65535, got `70000`"),
        ("BWP__BROKER__DECLARE", "maybe", "broker.declare: expected `true` or `false`, got `maybe`"),
        (
            "BWP__BROKER__PREFETCHED",
            "5",
            "broker.prefetched: unknown key (BWP__BROKER__PREFETCHED)\nhint: `broker.prefetch`",
        ),
        ("BWP__BROKER__URI", "rabbit:5672", "broker.uri: expected `amqp://user:password@host:port/vhost`"),
        (
            "BWP__BROKER__MANAGEMENT_URI",
            "http://u:p@ss/pa55word@h:1",
            "broker.management_uri: expected `http://user:pass",
        ),
        ("BWP__BROKER__MANAGEMENT_URI", "http://u:pa55word#1@h:1", "are written in percent-encoding"),
        ("BWP__API__PROXY", "http://u:pa55word/1@h:1", "are written in percent-encoding"),
        ("BWP_API_CLIENT_ID", "x", "BWP_API_CLIENT_ID: unknown variable\nhint: `BWP__API__CLIENT_ID`"),
        ("BWP_BROKER__URI", "x", "BWP_BROKER__URI: unknown variable\nhint: `BWP__BROKER__URI`"),
        ("BWP_API_CLIENT_SECRT", "pa55word", "BWP_API_CLIENT_SECRT: unknown variable\nhint: `BWP__API__CLIENT_SECRET`"),
        ("BWP__API_CLIENT_ID", "x", "api_client_id: unknown key (BWP__API_CLIENT_ID)\nhint: `api.client_id`"),
        ("BWP__BROKER__TLS__KEY_FILE", "Cargo.toml", "broker.tls.key_file: expected both `cert_file` and `key_file`"),
        ("BWP__BROKER__TLS__CA_FILE", "Cargo.toml", "broker.tls.ca_file: expected one or more certificates in PEM"),
        ("BWP__BROKER__TLS__CA_FILE", "Cargo.toml", "broker.tls: expected an `amqps://` address in `broker.uri`"),
        ("BWP__API__TLS__CA_FILE", "Cargo.toml", "api.tls.ca_file: expected one or more certificates in PEM"),
        ("BWP__API__TLS__CA_FILE", "/no/such/file", "api.tls.ca_file: cannot read the file: No such file or directory"),
        ("BWP__BROKER__URI_FILE", "amqp://u:pa55word@rabbit", "broker.uri_file: cannot read the file"),
        ("BWP__API__PROXY", "socks5://u:pa55word@127.0.0.1:1", "api.proxy: expected `http://host:port`"),
        ("BWP__API__ENDPOINT", "somewhere", "api.endpoint: expected an `https://` address (BWP__API__ENDPOINT)"),
        ("BWP__API__ENDPOINT", "http://api.shop.example/graphql", "api.endpoint: expected https, got plain http"),
        ("BWP__API__TOKEN_ENDPOINT", "http://10.0.0.7/token", "api.token_endpoint: expected https, got plain http"),
        (
            "BWP__API__ENDPOINT",
            "https://u:pa55word@api.shop.example/",
            "api.endpoint: expected an http or https address",
        ),
        ("BWP__API__TARGET_HEADER", "two words", "api.target_header: expected text that can stand in an HTTP header"),
        (
            "BWP__API__CLIENT_ID_FILE",
            "Cargo.toml",
            "api.client_id: expected either `api.client_id` or `api.client_id_file`",
        ),
        ("BWP__RETRY__DELAYS", "30s,5s", "retry.delays: expected at least one delay, shortest first"),
        ("BWP__RESULTS__UNROUTABLE", "drop", "unroutable"),
        ("BWP__LOG__FILTER", "bwp_sync=loud", "log.filter"),
    ] {
        let text = refused(variable, value);
        assert!(text.contains(said), "{variable}={value} said {text}");
        assert!(text.starts_with("bwp-sync: settings: ") && !text.contains("pa55word"), "{text}");
    }
}

#[test]
fn everything_that_is_wrong_is_said_at_once_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[api]\ntimeout = 10\nclient_id = 7\n[retry]\npanic = 3\n").unwrap();
    let file = file.to_str().unwrap();
    let output = output(
        bwp_sync(&["run", "--config", file, "--config", "no-such-file.toml"])
            .envs([("BWP__BROKER__HEARTBEAT", "ten"), ("BWP__API__CLIENT_SECRET_FILE", "/no/such/secret")]),
    );
    assert_eq!(output.status.code(), Some(64));
    let text = String::from_utf8(output.stderr).unwrap();
    let expected = [
        "`no-such-file.toml`: No such file or directory (os error 2)".to_owned(),
        format!("api.client_id: expected text in quotes ({file})"),
        "api.client_secret_file: cannot read the file: No such file or directory (os error 2) \
         (BWP__API__CLIENT_SECRET_FILE)"
            .to_owned(),
        "api.target_id: expected the store's id, got nothing".to_owned(),
        format!("api.timeout: expected a duration with a unit, as `10s`, got `10` ({file})"),
        "broker.heartbeat: expected a duration with a unit, as `10s`, got `ten` (BWP__BROKER__HEARTBEAT)".to_owned(),
        format!("retry.panic: unknown key ({file})\nhint: `retry.panics`"),
    ];
    assert_eq!(text, format!("bwp-sync: settings: {}\n", expected.join("\n")));
}

#[test]
fn a_file_that_is_not_toml_is_said_without_what_stands_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[api]\nclient_secret = \"pa55word\n").unwrap();
    let output = output(bwp_sync(&["run", "--config", file.to_str().unwrap()]).envs(SETTINGS));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(64));
    assert!(text.contains("settings.toml`: TOML parse error at line 2") && !text.contains("pa55word"), "{text}");
}

#[test]
fn a_secret_comes_from_its_file_where_the_other_form_has_only_a_default() {
    let folder = tempfile::tempdir().unwrap();
    let uri = folder.path().join("uri");
    std::fs::write(&uri, "amqp://guest:pa55word@127.0.0.1:1/%2f\n").unwrap();
    let message = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/messages/create-lwa.json");
    let output = output(bwp_sync(&["publish", message]).envs(SETTINGS).env("BWP__BROKER__URI_FILE", &uri));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot reach the broker") && !text.contains("pa55word"), "{text}");
    std::fs::write(&uri, "\n").unwrap();
    let text = refused("BWP__BROKER__URI_FILE", uri.to_str().unwrap());
    assert!(
        text.contains("broker.uri_file: expected a value in the file, got nothing (BWP__BROKER__URI_FILE)"),
        "{text}"
    );
}

#[test]
fn plain_http_to_another_machine_can_be_allowed() {
    let address = ("BWP__API__ENDPOINT", "http://simulator:8085/graphql");
    let allowed = ("BWP__API__ALLOW_PLAIN_HTTP", "true");
    let output = output(bwp_sync(&["publish", "no-such-file.json"]).envs(SETTINGS).envs([address, allowed]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("cannot read `no-such-file.json`"), "{text}");
}

#[test]
fn a_file_goes_over_the_defaults_and_the_environment_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[api]\nversion = \"from the file\"\n[broker]\nprefetch = 0\n").unwrap();
    let config = ["run", "--config", file.to_str().unwrap()];
    let output = output(bwp_sync(&config).envs(SETTINGS).env("BWP__BROKER__PREFETCH", "7"));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("from the file") && !text.contains("prefetch"), "{text}");
}

#[test]
fn no_secret_is_shown_when_settings_are_refused() {
    let text = refused("BWP__BROKER__PREFETCH", "0");
    assert!(!text.contains("sim-secret"), "{text}");
}
