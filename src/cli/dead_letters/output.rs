//! Where output goes: a terminal gets it through a pager, everything else gets it as it is.
//!
//! Not here: what is written.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::{Child, Command, Stdio};

use crate::cli::terminal::{Form, Visible, is_watched, stdout};

/// Standard output, by a pager where somebody watches.
pub(super) enum Output {
    Plain(BufWriter<Visible<StdoutLock<'static>>>),
    Paged(Child, Form),
}

impl Output {
    /// A pager that cannot be started is done without.
    pub(super) fn open(form: Form) -> Self {
        if is_watched()
            && let Some(pager) = pager()
        {
            return Self::Paged(pager, form);
        }
        Self::Plain(BufWriter::new(stdout(form)))
    }

    /// Writes all of it, and waits until the reader has seen enough.
    pub(super) fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let written = match self {
            Self::Plain(mut out) => write(&mut out).and_then(|()| out.flush()),
            Self::Paged(mut pager, form) => {
                let written = match pager.stdin.take() {
                    Some(stdin) => {
                        let mut out = BufWriter::new(Visible::new(stdin, form));
                        write(&mut out).and_then(|()| out.flush())
                    }
                    None => Ok(()),
                };
                pager.wait()?;
                written
            }
        };
        match written {
            // whoever reads may stop reading
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// What the user wants, else `less`, which leaves a text that fits on the screen alone.
fn pager() -> Option<Child> {
    let command = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let command = command.unwrap_or_else(|| "less -FRX".to_owned());
    let mut words = command.split_whitespace();
    Command::new(words.next()?).args(words).stdin(Stdio::piped()).spawn().ok()
}
