//! Where `plan` and `export` write: a new file, or stdout by the name `-`.
//!
//! Not here: what is written.

use std::fmt::Display;
use std::io::{self, Write};
use std::path::Path;

use crate::cli::terminal::{data, note, say};
use crate::dead_letters::archive;

const STDOUT: &str = "-";

/// Opens the file, which must not be there yet.
///
/// # Errors
/// There is such a file, or the operating system refuses.
pub(super) fn open(out: &Path) -> io::Result<Box<dyn Write + Send>> {
    if out == Path::new(STDOUT) {
        return Ok(Box::new(data()));
    }
    Ok(Box::new(archive::create(out)?))
}

/// Says something to the operator: beside the data where that goes to stdout.
///
/// # Errors
/// The operating system's refusal.
pub(super) fn tell(out: &Path, line: impl Display) -> io::Result<()> {
    if out == Path::new(STDOUT) { note(line) } else { say(line) }
}
