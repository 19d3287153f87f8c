//! `scripts/packages`: several scripts want Debian packages at the same time, and so may the system itself.
//! Not here: apt, whose place a program takes that only notes when it runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use tempfile::TempDir;

/// Notes its beginning and its end. Files in its folder say that its lists are locked, each of them once, or that its mirror
/// is out of reach.
const APT: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit
echo "begin $*" >>log
sleep 0.05
echo end >>log
for reason in locked.*; do
    case " $* " in *' update '*) if [ -e "$reason" ]; then rm "$reason"; echo 'E: Could not get lock /lists' >&2; exit 100; fi ;; esac
done
if [ -e unreachable ]; then echo 'E: Failed to fetch' >&2; exit 100; fi
"#;

fn apt() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("apt-get");
    fs::write(&program, APT).unwrap();
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn begin(apt: &Path, package: &str) -> Child {
    let path = format!("{}:{}", apt.display(), std::env::var("PATH").unwrap());
    let mut script = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/packages"));
    script.arg(package).env("PATH", path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

fn end(script: Child) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = script.wait_with_output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn packages_are_installed_one_after_the_other_and_a_lock_of_others_is_waited_for() {
    let apt = apt();
    fs::write(apt.path().join("locked.1"), "").unwrap();
    fs::write(apt.path().join("locked.2"), "").unwrap();
    let scripts = ["one", "two", "three"].map(|package| begin(apt.path(), package));
    for script in scripts {
        assert_eq!(end(script), (Some(0), String::new()));
    }
    let log = fs::read_to_string(apt.path().join("log")).unwrap();
    let lines: Vec<_> = log.lines().collect();
    // two updates that failed, and for each an update and an installation
    assert_eq!(lines.len(), 2 * (2 + 3 * 2), "{log}");
    for pair in lines.chunks(2) {
        assert!(pair[0].starts_with("begin") && pair[1] == "end", "two at the same time: {log}");
    }
    for package in ["one", "two", "three"] {
        assert_eq!(lines.iter().filter(|line| line.ends_with(&format!(" {package}"))).count(), 1, "{log}");
    }
}

#[test]
fn another_failure_of_apt_is_told_at_once() {
    let apt = apt();
    fs::write(apt.path().join("unreachable"), "").unwrap();
    assert_eq!(end(begin(apt.path(), "one")), (Some(1), "E: Failed to fetch\n".to_owned()));
    assert_eq!(fs::read_to_string(apt.path().join("log")).unwrap().lines().count(), 2);
}
