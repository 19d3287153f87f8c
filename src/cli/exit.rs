//! How the program ends, as its exit code.
//!
//! Not here: which end a subcommand comes to.

use std::process::ExitCode;

/// The exit code.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[repr(u8)]
pub(super) enum Exit {
    Done = 0,
    Failed = 1,
    /// Also clap's, for arguments that it does not understand.
    Usage = 2,
    BadSettings = 64,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}
