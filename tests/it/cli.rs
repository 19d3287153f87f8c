//! The binary's own words and exit codes.

use std::process::Command;

use crate::output::output;

/// Settings without which nothing starts.
pub(crate) const SETTINGS: [(&str, &str); 5] = [
    ("BWP__API__CLIENT_ID", "sim-client"),
    ("BWP__API__CLIENT_SECRET", "sim-secret"),
    ("BWP__API__TARGET_ID", "store-1"),
    // nobody is called but this machine
    ("BWP__API__ENDPOINT", "http://127.0.0.1:1/graphql"),
    ("BWP__API__TOKEN_ENDPOINT", "http://127.0.0.1:1/token"),
];

/// The production binary with these arguments and an empty environment.
pub(crate) fn bwp_sync(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_bwp-sync"));
    command.args(arguments).env_clear();
    command
}

#[test]
fn help_and_version_are_printed_and_end_well() {
    let help = output(&mut bwp_sync(&["--help"]));
    assert_eq!(help.status.code(), Some(0));
    insta::assert_snapshot!(String::from_utf8(help.stdout).unwrap());
    let version = output(&mut bwp_sync(&["--version"]));
    assert_eq!(String::from_utf8(version.stdout).unwrap(), concat!("bwp-sync ", env!("CARGO_PKG_VERSION"), "\n"));
}

#[test]
fn wrong_usage_ends_with_2() {
    for arguments in [&["frobnicate"][..], &["publish"], &[]] {
        let output = output(bwp_sync(arguments).envs(SETTINGS));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {output:?}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn what_cannot_be_published_is_said_with_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("event.json");
    std::fs::write(&file, "{\"id\": 7}").unwrap();
    for (path, said) in [
        (file.to_str().unwrap(), "event.json`: expected a CloudEvent with `id` and `type`"),
        ("no-such-file.json", "cannot read `no-such-file.json`"),
    ] {
        let output = output(bwp_sync(&["publish", path]).envs(SETTINGS));
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn an_unreachable_broker_is_said_without_its_password() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/messages/create-minimum-fulfillable.json");
    let uri = ("BWP__BROKER__URI", "amqp://shop:pa55word@127.0.0.1:1/%2f");
    let output = output(bwp_sync(&["publish", file]).envs(SETTINGS).envs([uri]));
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("cannot reach the broker") && !text.contains("pa55word"), "{text}");
}

#[test]
fn completions_are_a_script_of_the_shell_that_was_asked_for() {
    for (shell, said) in [("bash", "complete -F"), ("zsh", "#compdef bwp-sync"), ("fish", "complete -c bwp-sync")] {
        let output = output(&mut bwp_sync(&["completions", shell]));
        assert_eq!(output.status.code(), Some(0), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(script.contains(said) && script.contains("dead-letters") && script.contains("max-failures"), "{shell}");
    }
}
