//! Output: through a pager to a terminal, unchanged to all else.
//!
//! Not here: the text.

use std::io::{self, BufWriter, StdoutLock, Write};
use std::process::{Child, Command, Stdio};

use crate::cli::terminal::{Form, Visible, is_watched, stdout};

/// Standard output, through a pager where it is a terminal.
pub(crate) enum Output {
    Plain(BufWriter<Visible<StdoutLock<'static>>>),
    Paged(Child, Form),
}

impl Output {
    /// Starts a pager, or writes without one where it cannot be started.
    pub(crate) fn open(form: Form) -> Self {
        if is_watched()
            && let Some(pager) = pager()
        {
            return Self::Paged(pager, form);
        }
        Self::Plain(BufWriter::new(stdout(form)))
    }

    /// Writes all of it, and waits until the reader has seen enough.
    pub(crate) fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
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
            // the reader may stop reading
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            other => other,
        }
    }
}

/// The user's pager, else `less`, which leaves a text that fits on the screen alone.
fn pager() -> Option<Child> {
    let command = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let command = command.unwrap_or_else(|| "less -FRX".to_owned());
    let mut words = command.split_whitespace();
    Command::new(words.next()?).args(words).stdin(Stdio::piped()).spawn().ok()
}
