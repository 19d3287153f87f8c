//! All output of the program, made safe: no text of a message, a letter or an API can command the terminal that shows
//! it.
//!
//! Not here: the texts; clap's own errors.

use std::fmt::Display;
use std::io::{self, IsTerminal, Write};

use crate::domain::visible::is_obeyed;
pub(super) use crate::domain::visible::one_line;

/// Whether output is read by people or as JSON, which has a notation of its own for characters.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// Characters are shown as `\u{1b}`.
    Text,
    /// Characters are written as `\u001b`. Only texts hold any.
    Json,
}

/// A writer that makes commands to the terminal visible: control characters, marks of writing direction, and characters
/// without a width. Line ends and tabs pass. Bytes that are no UTF-8 are shown as `\xff`, in JSON as U+FFFD.
pub(super) struct Visible<W: Write> {
    inner: W,
    form: Form,
    /// The beginning of a character that was cut by the end of a write.
    cut: Vec<u8>,
}

impl<W: Write> Visible<W> {
    pub(super) fn new(inner: W, form: Form) -> Self {
        Self { inner, form, cut: Vec::new() }
    }

    fn invalid(&self, bytes: &[u8], visible: &mut String) {
        match self.form {
            Form::Text => bytes.iter().for_each(|byte| visible.push_str(&format!("\\x{byte:02x}"))),
            Form::Json => visible.push(char::REPLACEMENT_CHARACTER),
        }
    }
}

impl<W: Write> Write for Visible<W> {
    fn write(&mut self, written: &[u8]) -> io::Result<usize> {
        if self.cut.is_empty() && std::str::from_utf8(written).is_ok_and(|text| !text.chars().any(is_obeyed)) {
            self.inner.write_all(written)?;
            return Ok(written.len());
        }
        let bytes = [std::mem::take(&mut self.cut), written.to_vec()].concat();
        let (mut visible, mut left) = (String::with_capacity(bytes.len()), &bytes[..]);
        for chunk in bytes.utf8_chunks() {
            chunk.valid().chars().for_each(|c| push(c, self.form, &mut visible));
            left = &left[chunk.valid().len()..];
            // a character that is cut may go on with the next write
            if left.len() == chunk.invalid().len()
                && std::str::from_utf8(left).is_err_and(|error| error.error_len().is_none())
            {
                self.cut = left.to_vec();
            } else if !chunk.invalid().is_empty() {
                self.invalid(chunk.invalid(), &mut visible);
            }
            left = &left[chunk.invalid().len()..];
        }
        self.inner.write_all(visible.as_bytes())?;
        Ok(written.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        if !self.cut.is_empty() {
            let (cut, mut visible) = (std::mem::take(&mut self.cut), String::new());
            self.invalid(&cut, &mut visible);
            self.inner.write_all(visible.as_bytes())?;
        }
        self.inner.flush()
    }
}

fn push(c: char, form: Form, visible: &mut String) {
    if !is_obeyed(c) {
        return visible.push(c);
    }
    match form {
        Form::Text => visible.extend(c.escape_unicode()),
        Form::Json => c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| visible.push_str(&format!("\\u{unit:04x}"))),
    }
}

/// Standard output.
pub(super) fn stdout(form: Form) -> Visible<io::StdoutLock<'static>> {
    Visible::new(io::stdout().lock(), form)
}

/// Standard output for lines of JSON, which can be handed on while others print.
pub(super) fn data() -> Visible<io::Stdout> {
    Visible::new(io::stdout(), Form::Json)
}

/// Standard error, for people.
pub(super) fn stderr() -> Visible<io::StderrLock<'static>> {
    Visible::new(io::stderr().lock(), Form::Text)
}

/// Whether standard output is a terminal.
pub(super) fn is_watched() -> bool {
    io::stdout().is_terminal()
}

/// Columns of the terminal. `None` where there is none, so that lines need not fit.
pub(super) fn width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    (size.ws_col > 0).then(|| usize::from(size.ws_col))
}

/// Writes a line to stdout. A reader that stops reading, as `head` does, is no failure.
pub(super) fn say(line: impl Display) -> io::Result<()> {
    print(Form::Text, line)
}

/// Writes JSON to stdout. A reader that stops reading is no failure.
pub(super) fn say_json(json: impl Display) -> io::Result<()> {
    print(Form::Json, json)
}

fn print(form: Form, line: impl Display) -> io::Result<()> {
    let mut out = stdout(form);
    match out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// A line for the operator, beside the data.
pub(super) fn note(line: impl Display) -> io::Result<()> {
    let mut out = stderr();
    out.write_all(format!("{line}\n").as_bytes()).and_then(|()| out.flush())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(parts: &[&[u8]], form: Form) -> String {
        let mut out = Visible::new(Vec::new(), form);
        parts.iter().for_each(|part| out.write_all(part).unwrap());
        out.flush().unwrap();
        String::from_utf8(out.inner).unwrap()
    }

    #[test]
    fn what_a_terminal_obeys_is_made_visible() {
        for (text, visible, json) in [
            ("\u{1b}[2J", r"\u{1b}[2J", r"\u001b[2J"),
            ("\u{1b}]0;title\u{7}", r"\u{1b}]0;title\u{7}", r"\u001b]0;title\u0007"),
            ("\u{9b}31m\u{7f}\r", r"\u{9b}31m\u{7f}\u{d}", r"\u009b31m\u007f\u000d"),
            ("\u{202e}evil\u{2066}", r"\u{202e}evil\u{2066}", r"\u202eevil\u2066"),
            ("\u{e0041}", r"\u{e0041}", r"\udb40\udc41"),
            ("größer, 日本, 👍\n\tä", "größer, 日本, 👍\n\tä", "größer, 日本, 👍\n\tä"),
        ] {
            assert_eq!(written(&[text.as_bytes()], Form::Text), visible);
            assert_eq!(written(&[text.as_bytes()], Form::Json), json);
        }
        assert_eq!(written(&[b"a\xffb\xc3"], Form::Text), r"a\xffb\xc3");
        assert_eq!(one_line("a\nb\tc\u{1b}\r"), r"a b c\u{1b}\u{d}");
    }

    #[test]
    fn every_character_that_a_terminal_may_obey_is_made_visible() {
        for (first, last) in [
            ('\0', '\u{8}'),
            ('\u{b}', '\u{1f}'),
            ('\u{7f}', '\u{9f}'),
            ('\u{ad}', '\u{ad}'),
            ('\u{61c}', '\u{61c}'),
            ('\u{180e}', '\u{180e}'),
            ('\u{200b}', '\u{200b}'),
            ('\u{200e}', '\u{200f}'),
            ('\u{2028}', '\u{202e}'),
            ('\u{2060}', '\u{206f}'),
            ('\u{feff}', '\u{feff}'),
            ('\u{fff9}', '\u{fffb}'),
            ('\u{e0000}', '\u{e007f}'),
        ] {
            for c in first..=last {
                let shown = written(&[c.to_string().as_bytes()], Form::Text);
                assert_eq!(shown, c.escape_unicode().to_string());
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_that_is_obeyed_gets_through_however_it_is_cut(
            text in "(?s).{0,20}[\u{1b}\u{9b}\u{202e}\u{7}ä日]{0,5}.{0,20}",
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            at in any::<prop::sample::Index>(),
        ) {
            for bytes in [text.as_bytes(), &bytes] {
                let (first, second) = bytes.split_at(at.index(bytes.len() + 1));
                let whole = written(&[bytes], Form::Text);
                prop_assert_eq!(&written(&[first, second], Form::Text), &whole);
                prop_assert!(!whole.chars().any(is_obeyed), "{:?}", whole);
            }
            let harmless: String = text.chars().filter(|c| !is_obeyed(*c)).collect();
            prop_assert_eq!(written(&[harmless.as_bytes()], Form::Text), harmless);
        }

        #[test]
        fn json_means_the_same_as_before(text in "(?s).{0,20}[\u{1b}\u{9b}\u{202e}\u{e0041}\u{7f}ä日]{0,5}.{0,20}") {
            let json = serde_json::json!({ text.clone(): [text] });
            let visible = written(&[json.to_string().as_bytes()], Form::Json);
            prop_assert!(!visible.chars().any(is_obeyed), "{:?}", visible);
            prop_assert_eq!(serde_json::from_str::<serde_json::Value>(&visible).unwrap(), json);
        }
    }
}
