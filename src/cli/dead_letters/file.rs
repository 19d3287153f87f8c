//! A file that a command is told to read.
//!
//! Not here: its contents.

use std::path::Path;

use anyhow::Context;

/// The text of a file; a failure names the file.
pub(super) fn read_file(path: &Path) -> anyhow::Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read `{}`", path.display()))
}
