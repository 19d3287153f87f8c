//! Files that are generated and committed: a test says when one is not current, or writes it.

use std::path::Path;

/// Fails when a file is not what it is to be. With `INSTA_UPDATE=always`, which accepts snapshots too, writes it.
pub(crate) fn assert_current(path: &Path, expected: &str) {
    let found = std::fs::read_to_string(path).unwrap_or_default();
    if found == expected {
        return;
    }
    if std::env::var("INSTA_UPDATE").is_ok_and(|update| update == "always") {
        std::fs::write(path, expected).unwrap();
        return;
    }
    let line = found.lines().zip(expected.lines()).position(|(a, b)| a != b).map_or(0, |line| line + 1);
    panic!("{} is not current from line {line} on: run this test with INSTA_UPDATE=always", path.display());
}
