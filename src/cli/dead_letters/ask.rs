//! Asks for consent to a step that cannot be undone.
//!
//! Not here: the question.

use std::io::{self, BufRead, IsTerminal, Write};

use crate::cli::terminal::stderr;

/// The answer to a question.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Answer {
    Yes,
    No,
    /// There is no terminal to ask on.
    Nobody,
}

/// Asks on stderr, unless the answer was given beforehand.
pub(super) fn ask(question: &str, yes: bool) -> io::Result<Answer> {
    if yes {
        return Ok(Answer::Yes);
    }
    if !io::stdin().is_terminal() {
        return Ok(Answer::Nobody);
    }
    let mut err = stderr();
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(if matches!(answer.trim(), "y" | "Y" | "yes") { Answer::Yes } else { Answer::No })
}
