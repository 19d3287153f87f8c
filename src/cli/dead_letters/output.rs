//! Where output goes: a terminal gets it through a pager, everything else gets it as it is.
//!
//! Not here: what is written.

use std::io::{self, IsTerminal, Write};
use std::process::{Child, Command, Stdio};

/// Standard output, by a pager where somebody watches.
pub(super) enum Output {
    Plain(io::BufWriter<io::StdoutLock<'static>>),
    Paged(Child),
}

impl Output {
    /// A pager that cannot be started is done without.
    pub(super) fn open() -> Self {
        if io::stdout().is_terminal()
            && let Some(pager) = pager()
        {
            return Self::Paged(pager);
        }
        Self::Plain(io::BufWriter::new(io::stdout().lock()))
    }

    /// Writes all of it, and waits until the reader has seen enough.
    pub(super) fn write(self, write: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
        let written = match self {
            Self::Plain(mut out) => write(&mut out).and_then(|()| out.flush()),
            Self::Paged(mut pager) => {
                let written = match pager.stdin.take() {
                    Some(mut stdin) => write(&mut stdin),
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

/// Columns of the terminal; `None` where there is none, and lines may be as long as they are.
pub(super) fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// What the user wants, else `less`, which leaves a text that fits on the screen alone.
fn pager() -> Option<Child> {
    let command = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let command = command.unwrap_or_else(|| "less -FRX".to_owned());
    let mut words = command.split_whitespace();
    Command::new(words.next()?).args(words).stdin(Stdio::piped()).spawn().ok()
}
