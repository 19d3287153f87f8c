//! A dead letter in a readable form.
//!
//! Not here: the meaning of its headers; see docs/messages.md.

use lapin::message::Delivery;
use lapin::types::AMQPValue;

/// Characters of a body that are shown: an order of a shop system fills several screens.
const MOST: usize = 1_500;

/// Exchange and routing key, one header in each line, then the body as published, or its begin.
pub(crate) fn shown(letter: &Delivery) -> String {
    let table = letter.properties.headers().as_ref();
    let headers: Vec<(&str, String)> =
        table.iter().flat_map(|table| table.inner()).map(|(name, value)| (name.as_str(), text(value))).collect();
    let width = headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let body = String::from_utf8_lossy(&letter.data);
    let mut begin: String = body.trim_end().chars().take(MOST).collect();
    if begin.len() < body.trim_end().len() {
        begin.push('…');
    }
    let headers = headers.iter().map(|(name, value)| format!("  {name:width$}  {value}\n"));
    format!(
        "A dead letter, from `{}` with key `{}`\n\n{}\n{}",
        letter.exchange,
        letter.routing_key,
        headers.collect::<String>(),
        begin
    )
}

fn text(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::LongUInt(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
