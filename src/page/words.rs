//! Numbers, times and texts of others, as the pages write them. PURE.
//!
//! Not here: markup around them.

use jiff::Timestamp;
use maud::{Markup, html};

use crate::dead_letters::shown::age;
use crate::domain::visible::{one_line, visible};

/// A number with a comma between thousands.
pub(super) fn number(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `1 letter`, `1,204 letters`.
pub(super) fn letters(count: usize) -> String {
    counted(count, "letter")
}

/// `1 order`, `1,204 orders`.
pub(super) fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{} {what}s", number(count)) }
}

/// A moment, to the second, in UTC.
pub(super) fn moment(at: Timestamp) -> Markup {
    html! { time datetime=(at) { (at.strftime("%Y-%m-%d %H:%M:%S")) " UTC" } }
}

/// How long ago something was; the moment itself is shown when pointed at.
pub(super) fn ago(at: Option<Timestamp>, now: Timestamp) -> Markup {
    match at {
        Some(at) => html! { time datetime=(at) title=(at.strftime("%Y-%m-%d %H:%M:%S UTC")) { (age(Some(at), now)) } },
        None => html! { "?" },
    }
}

/// A text of others on one line.
pub(super) fn line(text: &str) -> Markup {
    html! { (one_line(text)) }
}

/// A text of others with its lines.
pub(super) fn text(text: &str) -> Markup {
    html! { (visible(text)) }
}

/// Seconds as people say them.
pub(super) fn duration(seconds: f64) -> String {
    match seconds {
        ..1.0 => "less than a second".to_owned(),
        1.0..90.0 => counted(seconds.round() as usize, "second"),
        _ => format!("{:.0} minutes", seconds / 60.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_told_apart() {
        assert_eq!([0, 999, 1204, 100_000].map(number), ["0", "999", "1,204", "100,000"]);
        assert_eq!([1, 2].map(letters), ["1 letter", "2 letters"]);
        assert_eq!([0.1, 1.4, 120.0].map(duration), ["less than a second", "1 second", "2 minutes"]);
    }

    #[test]
    fn a_text_of_others_is_neither_markup_nor_obeyed() {
        let evil = "<script>alert(1)</script>\u{202e}\u{1b}[2J\"'&\n";
        let shown = line(evil).into_string();
        assert!(!shown.contains(['<', '"', '\u{202e}', '\u{1b}', '\n']), "{shown}");
        assert!(text(evil).into_string().ends_with('\n'));
    }
}
