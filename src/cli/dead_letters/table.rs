//! Lines in columns that fit the terminal, written one at a time: there may be a hundred thousand.
//!
//! Not here: the output that they are written to.

use std::fmt::Write as _;
use std::io::{self, Write};

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::cli::terminal::one_line;

/// Between two columns.
const GAP: &str = "  ";
/// Characters of the narrowest column that makes way for the last one.
const NARROWEST: usize = 12;

/// Columns with their headings; numbers stand on the right.
pub(super) struct Table<const N: usize> {
    headings: [&'static str; N],
    numbers: [bool; N],
    widths: [usize; N],
}

impl<const N: usize> Table<N> {
    /// Columns as wide as their widest cell. The last one gives way where the terminal is too narrow.
    pub(super) fn of(
        headings: [&'static str; N],
        numbers: [bool; N],
        rows: impl Iterator<Item = [String; N]>,
        terminal: Option<usize>,
    ) -> Self {
        let mut widths = headings.map(UnicodeWidthStr::width);
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(&row) {
                *width = (*width).max(one_line(cell).width());
            }
        }
        if let (Some(terminal), Some(last)) = (terminal, N.checked_sub(1)) {
            let others: usize = widths[..last].iter().sum::<usize>() + GAP.len() * last;
            widths[last] = widths[last].min(terminal.saturating_sub(others).max(NARROWEST));
        }
        Self { headings, numbers, widths }
    }

    pub(super) fn head(&self, out: &mut dyn Write) -> io::Result<()> {
        self.row(out, self.headings.map(ToOwned::to_owned))
    }

    pub(super) fn row(&self, out: &mut dyn Write, cells: [String; N]) -> io::Result<()> {
        let mut line = String::new();
        for (at, cell) in cells.iter().enumerate() {
            let cell = cut(cell, self.widths[at]);
            let space = " ".repeat(self.widths[at].saturating_sub(cell.width()));
            let gap = if at == 0 { "" } else { GAP };
            let (before, after) = if self.numbers[at] { (space.as_str(), "") } else { ("", space.as_str()) };
            // writing to a string cannot fail
            write!(line, "{gap}{before}{cell}{after}").ok();
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// A text on one line and no wider than this.
fn cut(text: &str, width: usize) -> String {
    let text = one_line(text);
    if text.width() <= width {
        return text;
    }
    let (mut cut, mut used) = (String::new(), 0);
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used >= width {
            break;
        }
        cut.push(c);
    }
    cut.push('…');
    cut
}

/// `1 letter`, `2 letters`.
pub(super) fn letters(number: usize) -> String {
    if number == 1 { "1 letter".into() } else { format!("{number} letters") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(terminal: Option<usize>) -> String {
        let rows = [["SO-1", "3", "größer als erlaubt, und noch viel mehr"], ["SO-1000", "12", "two\nlines\u{1b}"]];
        let rows = rows.map(|row| row.map(ToOwned::to_owned));
        let table = Table::of(["order", "n", "why"], [false, true, false], rows.iter().cloned(), terminal);
        let mut out = Vec::new();
        table.head(&mut out).unwrap();
        rows.into_iter().for_each(|row| table.row(&mut out, row).unwrap());
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_last_column_gives_way() {
        let text = written(Some(30));
        assert_eq!(text, "order     n  why\nSO-1      3  größer als erlau…\nSO-1000  12  two lines\\u{1b}\n");
        assert!(text.lines().all(|line| line.width() <= 30));
    }

    #[test]
    fn without_a_terminal_nothing_is_cut() {
        assert!(written(None).contains("und noch viel mehr"));
    }
}
