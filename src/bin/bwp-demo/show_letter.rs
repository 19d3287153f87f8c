//! A dead letter in a readable form.
//!
//! Not here: the meaning of its headers; see docs/messages.md.

use lapin::message::Delivery;
use lapin::types::AMQPValue;

/// Exchange and routing key, one header in each line, then the body as published.
pub(crate) fn shown(letter: &Delivery) -> String {
    let table = letter.properties.headers().as_ref();
    let headers: Vec<(&str, String)> =
        table.iter().flat_map(|table| table.inner()).map(|(name, value)| (name.as_str(), text(value))).collect();
    let width = headers.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    let headers = headers.iter().map(|(name, value)| format!("  {name:width$}  {value}\n"));
    format!(
        "A dead letter, from `{}` with key `{}`\n\n{}\n{}",
        letter.exchange,
        letter.routing_key,
        headers.collect::<String>(),
        String::from_utf8_lossy(&letter.data).trim_end()
    )
}

fn text(value: &AMQPValue) -> String {
    match value {
        AMQPValue::LongString(text) => String::from_utf8_lossy(text.as_bytes()).into_owned(),
        AMQPValue::LongUInt(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}
