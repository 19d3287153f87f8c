//! Texts of others made visible: no character of theirs can command a terminal or turn a line around. PURE.
//!
//! Not here: markup; where texts are shown.

/// Whether a terminal or a browser may do more with a character than to show it.
pub fn is_obeyed(c: char) -> bool {
    match c {
        '\n' | '\t' => false,
        // soft hyphen, marks and overrides of direction, separators of lines, what has no width, tags
        '\u{ad}'
        | '\u{61c}'
        | '\u{180e}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => true,
        c => c.is_control(),
    }
}

/// A foreign text, with its lines: what would be obeyed is written as `\u{1b}`.
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    text.chars().for_each(|c| push(c, &mut shown));
    shown
}

/// A foreign text as a part of a line: it can neither end the line nor begin another.
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, '\n' | '\t') { line.push(' ') } else { push(c, &mut line) }
    }
    line
}

fn push(c: char, shown: &mut String) {
    if is_obeyed(c) { shown.extend(c.escape_unicode()) } else { shown.push(c) }
}
