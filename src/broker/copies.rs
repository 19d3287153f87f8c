//! Outgoing messages: copies with our own headers, and results.
//!
//! Not here: where it goes and whether it arrived.

use std::collections::HashMap;
use std::time::Duration;

use lapin::BasicProperties;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use super::headers::{own, short, text};
use crate::domain::outcome::ResultEvent;
use crate::ports::{History, Inbound, Letter, WaitReason};

/// Headers that the broker writes itself. In a copy they would mislead it.
const BROKERS_OWN: [&str; 4] = ["x-death", "x-delivery-count", "x-acquired-count", "x-opt-death"];
const BROKERS_OWN_PREFIXES: [&str; 2] = ["x-first-death-", "x-last-death-"];

/// Bytes of the shop's headers that a copy may have. Other properties have at most 2.5 KiB, our own headers at most 8
/// KiB. All together must fit into one frame of the publishing connection: a larger one closes it.
const MAX_HEADER_BYTES: usize = 20 * 1024;

pub(super) type Headers = Vec<(&'static str, AMQPValue)>;

/// A copy for a hop through one of our own queues. `waits` is the reason and the delay, where it waits there.
pub fn for_hop(
    original: &BasicProperties,
    inbound: &Inbound,
    history: &History,
    waits: Option<(WaitReason, Duration)>,
) -> BasicProperties {
    let mut headers = origin(inbound);
    headers.extend([
        (own::ATTEMPTS, AMQPValue::LongUInt(history.attempts)),
        (own::DENIED, AMQPValue::LongUInt(history.denied)),
        (own::PANICS, AMQPValue::LongUInt(history.panics)),
        (own::DELAYS, AMQPValue::LongUInt(history.delays)),
        (own::REPLAYS, AMQPValue::LongUInt(history.replays)),
    ]);
    if let Some((reason, delay)) = waits {
        headers.extend([(own::WAITS_FOR, text(reason.name())), (own::DELAY, milliseconds(delay))]);
    }
    headers.extend(history.first_taken_at.map(|at| (own::FIRST_TAKEN_AT, text(&at.to_string()))));
    headers.extend(history.first_failed_at.map(|at| (own::FIRST_FAILED_AT, text(&at.to_string()))));
    headers.extend(history.last_failed_at.map(|at| (own::LAST_FAILED_AT, text(&at.to_string()))));
    headers.extend(history.awaited.map(|awaited| (own::AWAITED, milliseconds(awaited))));
    headers.extend(history.last_error.as_deref().map(|error| (own::LAST_ERROR, text(error))));
    headers.extend(history.outcome_unknown.then_some((own::OUTCOME_UNKNOWN, AMQPValue::Boolean(true))));
    headers.extend(history.replay_id.as_deref().map(|id| (own::REPLAY_ID, text(id))));
    headers.extend(history.replayed_letter.as_deref().map(|letter| (own::REPLAYED_LETTER, text(letter))));
    headers.extend(history.replay_to.as_deref().map(|queue| (own::REPLAY_TO, text(queue))));
    copy(original, headers, believed(inbound))
}

/// A copy as a dead letter.
pub fn for_letter(original: &BasicProperties, inbound: &Inbound, letter: &Letter) -> BasicProperties {
    let mut headers = origin(inbound);
    headers.extend([
        (own::LETTER_ID, text(&letter.id.to_string())),
        (own::OPERATION, text(&letter.operation)),
        (own::ERROR_TYPE, text(&letter.error_type)),
        (own::ERROR_CODE, text(&letter.code)),
        (own::ERROR_CLASS, text(&letter.class)),
        (own::ERROR_MESSAGE, text(&letter.message)),
        (own::SUGGESTED_ACTION, text(&letter.suggested_action)),
        (own::ATTEMPTS, AMQPValue::LongUInt(letter.attempts)),
        (own::FIRST_FAILED_AT, text(&letter.first_failed_at.to_string())),
        (own::DEAD_LETTERED_AT, text(&letter.dead_lettered_at.to_string())),
        (own::SOURCE_QUEUE, text(&inbound.queue)),
        (own::WORKER_VERSION, text(env!("CARGO_PKG_VERSION"))),
        (own::REPLAYS, AMQPValue::LongUInt(letter.replays)),
    ]);
    headers.extend(letter.order.as_deref().map(|order| (own::ORDER, text(order))));
    headers.extend(inbound.history.replay_id.as_deref().map(|id| (own::REPLAY_ID, text(id))));
    headers.extend(letter.mapping.as_deref().map(|mapping| (own::MAPPING, text(mapping))));
    if letter.bare {
        return copy(&BasicProperties::default(), headers, false);
    }
    copy(original, headers, believed(inbound))
}

/// Properties of a result.
pub fn for_result(result: &ResultEvent) -> BasicProperties {
    let mut headers = FieldTable::default();
    if let Some(traceparent) = &result.traceparent {
        headers.insert("traceparent".into(), text(traceparent));
    }
    if let Some(failure) = &result.data.failure {
        headers.insert(own::LETTER_ID.into(), text(&failure.letter_id.to_string()));
    }
    if let Some(replay_id) = &result.data.replay_id {
        headers.insert(own::REPLAY_ID.into(), text(replay_id));
    }
    if let Some(letter) = &result.replayed_letter {
        headers.insert(own::REPLAYED_LETTER.into(), text(letter));
    }
    BasicProperties::default()
        .with_content_type("application/cloudevents+json".into())
        .with_delivery_mode(2)
        .with_message_id(short(&result.id.to_string()))
        .with_type(result.kind.name().into())
        .with_headers(headers)
}

/// A result in whose headers the context of a trace goes on, in place of the shop's.
pub fn traced(properties: BasicProperties, context: HashMap<String, String>) -> BasicProperties {
    if context.is_empty() {
        return properties;
    }
    let mut headers = properties.headers().clone().unwrap_or_default();
    for (name, value) in context {
        headers.insert(short(&name), text(&value));
    }
    properties.with_headers(headers)
}

fn origin(inbound: &Inbound) -> Headers {
    let edited = inbound.edited.as_deref().map(|mapping| (own::EDITED, text(mapping)));
    let mut headers =
        vec![(own::SOURCE_EXCHANGE, text(&inbound.exchange)), (own::SOURCE_ROUTING_KEY, text(&inbound.routing_key))];
    headers.extend(edited);
    headers
}

fn milliseconds(time: Duration) -> AMQPValue {
    AMQPValue::LongLongInt(i64::try_from(time.as_millis()).unwrap_or(i64::MAX))
}

/// Whether the `bwp-` headers of the message are ours: it came by one of our own hops.
fn believed(inbound: &Inbound) -> bool {
    inbound.hopped
}

/// Copies properties and headers, without what would change where the copy goes or whether it lives.
pub(super) fn copy(original: &BasicProperties, ours: Headers, keep_ours: bool) -> BasicProperties {
    let mut kept: Vec<(ShortString, AMQPValue)> = Vec::new();
    let mut moved: Vec<(ShortString, AMQPValue)> = Vec::new();
    for (name, value) in original.headers().iter().flat_map(|table| table.inner()) {
        match fate(name.as_str(), keep_ours) {
            Fate::Keep => kept.push((name.clone(), value.clone())),
            Fate::Move(new_name) => moved.push((new_name.into(), value.clone())),
            Fate::Drop => {}
        }
    }
    moved.extend(original.user_id().clone().map(|id| ("bwp-original-user-id".into(), text(id.as_str()))));
    moved.extend(original.expiration().clone().map(|ttl| ("bwp-original-expiration".into(), text(ttl.as_str()))));
    let cut = cut_to_size(&mut kept, &mut moved);

    let mut headers = FieldTable::default();
    for (name, value) in kept.into_iter().chain(moved) {
        headers.insert(name, value);
    }
    for (name, value) in ours {
        headers.insert(name.into(), value);
    }
    if !cut.is_empty() {
        headers.insert(own::HEADERS_CUT.into(), text(&cut.join(",")));
    }
    properties_without(original).with_headers(headers).with_delivery_mode(2)
}

/// How a copy treats one header.
enum Fate {
    Keep,
    Move(&'static str),
    Drop,
}

fn fate(name: &str, keep_ours: bool) -> Fate {
    match name {
        // they would send the copy to further queues
        "CC" => Fate::Move("bwp-original-cc"),
        "BCC" => Fate::Move("bwp-original-bcc"),
        _ if BROKERS_OWN.contains(&name) => Fate::Drop,
        _ if BROKERS_OWN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) => Fate::Drop,
        // kept over hops; everything else of ours is written anew each time
        _ if name.starts_with(own::ORIGINAL) || name == own::HEADERS_CUT => {
            if keep_ours {
                Fate::Keep
            } else {
                Fate::Drop
            }
        }
        _ if name.starts_with(own::PREFIX) => Fate::Drop,
        _ => Fate::Keep,
    }
}

/// The name under which a header of a letter can be published again. `None` for a header that the broker writes.
pub(super) fn safe_name(name: &str) -> Option<&str> {
    match fate(name, true) {
        Fate::Keep => Some(name),
        Fate::Move(new_name) => Some(new_name),
        // the next publication has a number of its own
        Fate::Drop => (name.starts_with(own::PREFIX) && name != own::PUBLICATION).then_some(name),
    }
}

/// All properties but `user_id` (a copy under another user closes the channel), `expiration`
/// (the copy would vanish), `delivery_mode` and headers.
fn properties_without(original: &BasicProperties) -> BasicProperties {
    let copy = BasicProperties::default();
    let copy = set(copy, original.content_type(), BasicProperties::with_content_type);
    let copy = set(copy, original.content_encoding(), BasicProperties::with_content_encoding);
    let copy = set(copy, original.priority(), BasicProperties::with_priority);
    let copy = set(copy, original.correlation_id(), BasicProperties::with_correlation_id);
    let copy = set(copy, original.reply_to(), BasicProperties::with_reply_to);
    let copy = set(copy, original.message_id(), BasicProperties::with_message_id);
    let copy = set(copy, original.timestamp(), BasicProperties::with_timestamp);
    let copy = set(copy, original.kind(), BasicProperties::with_type);
    set(copy, original.app_id(), BasicProperties::with_app_id)
}

fn set<T: Clone>(
    copy: BasicProperties,
    value: &Option<T>,
    with: fn(BasicProperties, T) -> BasicProperties,
) -> BasicProperties {
    match value {
        Some(value) => with(copy, value.clone()),
        None => copy,
    }
}

/// Takes the largest of the shop's headers away until the rest fits; returns their names.
fn cut_to_size(kept: &mut Vec<(ShortString, AMQPValue)>, moved: &mut Vec<(ShortString, AMQPValue)>) -> Vec<String> {
    let mut cut = Vec::new();
    let size = |entries: &[(ShortString, AMQPValue)]| entries.iter().map(entry_size).sum::<usize>();
    while size(kept) + size(moved) > MAX_HEADER_BYTES {
        let from = if largest(kept) >= largest(moved) { &mut *kept } else { &mut *moved };
        let Some(at) = (0..from.len()).max_by_key(|at| entry_size(&from[*at])) else { break };
        cut.push(from.swap_remove(at).0.to_string());
    }
    cut
}

fn largest(entries: &[(ShortString, AMQPValue)]) -> usize {
    entries.iter().map(entry_size).max().unwrap_or(0)
}

fn entry_size((name, value): &(ShortString, AMQPValue)) -> usize {
    1 + name.as_str().len() + encoded_size(value)
}

/// Bytes of a value on the wire, its type's byte included.
fn encoded_size(value: &AMQPValue) -> usize {
    1 + match value {
        AMQPValue::Boolean(_) | AMQPValue::ShortShortInt(_) | AMQPValue::ShortShortUInt(_) => 1,
        AMQPValue::ShortInt(_) | AMQPValue::ShortUInt(_) => 2,
        AMQPValue::LongInt(_) | AMQPValue::LongUInt(_) | AMQPValue::Float(_) => 4,
        AMQPValue::DecimalValue(_) => 5,
        AMQPValue::LongLongInt(_) | AMQPValue::Double(_) | AMQPValue::Timestamp(_) => 8,
        AMQPValue::ShortString(text) => 1 + text.as_str().len(),
        AMQPValue::LongString(text) => 4 + text.len(),
        AMQPValue::ByteArray(bytes) => 4 + bytes.len(),
        AMQPValue::FieldArray(values) => 4 + values.as_slice().iter().map(encoded_size).sum::<usize>(),
        AMQPValue::FieldTable(table) => {
            let entries = table.inner().iter();
            4 + entries.map(|(name, value)| 1 + name.as_str().len() + encoded_size(value)).sum::<usize>()
        }
        AMQPValue::Void => 0,
    }
}

#[cfg(test)]
mod tests;
