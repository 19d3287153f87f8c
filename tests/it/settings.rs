//! Settings through the real binary: what is refused, with which words and exit code, before anything connects.

use crate::cli::{SETTINGS, bwp_sync};

fn refused(variable: &str, value: &str) -> String {
    let output = bwp_sync(&["run"]).envs(SETTINGS).env(variable, value).output().unwrap();
    assert_eq!(output.status.code(), Some(64), "{variable}={value}: {output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn bad_settings_are_refused_with_the_key_and_what_was_expected() {
    for (variable, value, said) in [
        ("BWP__API__TIMEOUT", "10", "expected a duration with a unit, as `10s`, got `10`"),
        ("BWP__SHUTDOWN__GRACE", "10s", "shutdown.grace: expected more than api.timeout (10s)"),
        ("BWP__BROKER__MAX_HOLD", "20s", "broker.max_hold: expected more than twice api.timeout (10s)"),
        ("BWP__API__VERSION", "2019-01-01", "api.version: expected `2024-11-01` or `2024-04-01`, got `2019-01-01`"),
        ("BWP__BROKER__PREFETCH", "0", "broker.prefetch: expected at least 1"),
        ("BWP__BROKER__PREFETCHED", "5", "prefetched"),
        ("BWP__RETRY__DELAYS", "30s,5s", "retry.delays: expected at least one delay, shortest first"),
        ("BWP__RESULTS__UNROUTABLE", "drop", "unroutable"),
        ("BWP__LOG__FILTER", "bwp_sync=loud", "log.filter"),
    ] {
        let text = refused(variable, value);
        assert!(text.contains(said), "{variable}={value} said {text}");
        assert!(text.starts_with("bwp-sync: settings: "), "{text}");
    }
}

#[test]
fn all_contradictions_are_said_at_once() {
    let output = bwp_sync(&["run"]).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    for key in ["api.client_id", "api.client_secret", "api.target_id"] {
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn a_file_goes_over_the_defaults_and_the_environment_over_both() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "[api]\nversion = \"from the file\"\n[broker]\nprefetch = 0\n").unwrap();
    let config = ["run", "--config", file.to_str().unwrap()];
    let output = bwp_sync(&config).envs(SETTINGS).env("BWP__BROKER__PREFETCH", "7").output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(text.contains("from the file") && !text.contains("prefetch"), "{text}");
}

#[test]
fn no_secret_is_shown_when_settings_are_refused() {
    let text = refused("BWP__BROKER__PREFETCH", "0");
    assert!(!text.contains("sim-secret"), "{text}");
}
