//! Reads a delivery into the plain data that the other rooms take.
//!
//! Not here: what the body says.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use lapin::BasicProperties;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::outgoing::own;
use crate::ports::{History, Inbound};

/// A delivery as the other rooms see it.
pub fn inbound(delivery: &Delivery, queue: &str, suspect: bool, sight: Sight, lost: &CancellationToken) -> Inbound {
    let properties = &delivery.properties;
    let headers = texts(properties.headers().as_ref());
    // only our own hops and the replay tool publish through the default exchange
    let ours = delivery.exchange.as_str().is_empty();
    let origin = |header: &str, otherwise: &str| {
        if ours { headers.get(header).cloned() } else { None }.unwrap_or_else(|| otherwise.into())
    };
    Inbound {
        exchange: origin(own::SOURCE_EXCHANGE, delivery.exchange.as_str()),
        routing_key: origin(own::SOURCE_ROUTING_KEY, delivery.routing_key.as_str()),
        history: if ours { history(&headers) } else { History::default() },
        body: delivery.data.clone(),
        content_type: text_of(properties.content_type()),
        message_id: text_of(properties.message_id()),
        message_type: text_of(properties.kind()),
        timestamp: *properties.timestamp(),
        headers,
        queue: queue.into(),
        hopped: ours,
        suspect,
        redelivered: delivery.redelivered,
        crashes: sight.crashes,
        blames: sight.blames,
        taken_at: Some(Instant::now()),
        lost: lost.clone(),
        alone_since: None,
    }
}

fn text_of(value: &Option<lapin::types::ShortString>) -> Option<String> {
    value.as_ref().map(ToString::to_string)
}

fn history(headers: &BTreeMap<String, String>) -> History {
    let number = |name| headers.get(name).and_then(|value| value.parse().ok()).unwrap_or(0);
    let time = |name| headers.get(name).and_then(|value| value.parse().ok());
    History {
        attempts: number(own::ATTEMPTS),
        delays: number(own::DELAYS),
        first_failed_at: time(own::FIRST_FAILED_AT),
        last_failed_at: time(own::LAST_FAILED_AT),
        awaiting_since: time(own::AWAITING_SINCE),
        last_error: headers.get(own::LAST_ERROR).cloned(),
        outcome_unknown: headers.contains_key(own::OUTCOME_UNKNOWN),
        replays: number(own::REPLAYS),
        replay_id: headers.get(own::REPLAY_ID).cloned(),
    }
}

/// Headers that are text, numbers or truth values.
fn texts(headers: Option<&FieldTable>) -> BTreeMap<String, String> {
    let entries = headers.into_iter().flat_map(|table| table.inner());
    entries.filter_map(|(name, value)| Some((name.to_string(), text(value)?))).collect()
}

/// A header's value, if it is text, a number or a truth value.
pub(super) fn text(value: &AMQPValue) -> Option<String> {
    match value {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok().map(Into::into),
        AMQPValue::ShortString(text) => Some(text.to_string()),
        AMQPValue::Boolean(value) => Some(value.to_string()),
        AMQPValue::ShortShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortShortUInt(value) => Some(value.to_string()),
        AMQPValue::ShortInt(value) => Some(value.to_string()),
        AMQPValue::ShortUInt(value) => Some(value.to_string()),
        AMQPValue::LongInt(value) => Some(value.to_string()),
        AMQPValue::LongUInt(value) => Some(value.to_string()),
        AMQPValue::LongLongInt(value) => Some(value.to_string()),
        AMQPValue::Timestamp(value) => Some(value.to_string()),
        AMQPValue::Float(_)
        | AMQPValue::Double(_)
        | AMQPValue::DecimalValue(_)
        | AMQPValue::FieldArray(_)
        | AMQPValue::FieldTable(_)
        | AMQPValue::ByteArray(_)
        | AMQPValue::Void => None,
    }
}

/// What this process knows of the messages in hand that the broker does not tell.
#[derive(Debug, Default)]
pub struct FirstSights {
    sights: HashMap<u64, Sight>,
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sight {
    /// How often it was delivered before this process saw it first. The broker counts every delivery that was not
    /// acknowledged, a lost connection's too; what it counts while this process lives is no crash of this process.
    pub crashes: u64,
    /// How often the broker would not take what was published for it, for what is in it.
    pub blames: u64,
}

/// Messages that were seen here and settled elsewhere are never taken out, so there is a bound;
/// beyond it everything is forgotten, which makes the process more suspicious, not less.
const REMEMBERED: usize = 100_000;

impl FirstSights {
    /// What is known of a message that was delivered.
    pub fn sight(&mut self, delivery: &Delivery) -> Sight {
        if self.sights.len() >= REMEMBERED {
            self.sights.clear();
        }
        let crashes = delivery_count(&delivery.properties);
        *self.sights.entry(fingerprint(delivery)).or_insert(Sight { crashes, blames: 0 })
    }

    /// The message could not be settled because of itself, which cost this process a session.
    pub fn blame(&mut self, fingerprint: u64) {
        if let Some(sight) = self.sights.get_mut(&fingerprint) {
            sight.blames += 1;
        }
    }

    /// The message is settled.
    pub fn forget(&mut self, fingerprint: u64) {
        self.sights.remove(&fingerprint);
    }
}

/// Tells messages apart, not for ever, only while they are in hand.
pub fn fingerprint(delivery: &Delivery) -> u64 {
    let mut hasher = DefaultHasher::new();
    delivery.properties.message_id().as_ref().map(|id| id.as_str()).hash(&mut hasher);
    delivery.routing_key.as_str().hash(&mut hasher);
    delivery.data.hash(&mut hasher);
    hasher.finish()
}

fn delivery_count(properties: &BasicProperties) -> u64 {
    let headers = properties.headers().as_ref();
    let count = headers.and_then(|table| table.inner().get("x-delivery-count"));
    count.and_then(text).and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery(exchange: &str, headers: &[(&str, AMQPValue)]) -> Delivery {
        let mut table = FieldTable::default();
        for (name, value) in headers {
            table.insert((*name).into(), value.clone());
        }
        let mut delivery = Delivery::mock(1, exchange.into(), "checkout-completed".into(), false, b"{}".to_vec());
        delivery.properties = BasicProperties::default().with_headers(table);
        delivery
    }

    #[test]
    fn our_headers_are_believed_only_from_the_default_exchange() {
        let headers = [
            (own::ATTEMPTS, AMQPValue::LongUInt(4)),
            (own::REPLAYS, AMQPValue::LongString("2".into())),
            (own::SOURCE_EXCHANGE, AMQPValue::LongString("shop.events".into())),
        ];
        let hopped = inbound(&delivery("", &headers), "bwp.orders", false, Sight::default(), &CancellationToken::new());
        assert_eq!((hopped.history.attempts, hopped.history.replays), (4, 2));
        assert_eq!(hopped.exchange, "shop.events");
        let forged =
            inbound(&delivery("foreign", &headers), "bwp.orders", false, Sight::default(), &CancellationToken::new());
        assert_eq!(forged.history, History::default());
        assert_eq!(forged.exchange, "foreign");
    }

    #[test]
    fn deliveries_while_the_process_lives_are_no_crashes_unless_the_message_is_to_blame() {
        let mut sights = FirstSights::default();
        let counted = |count| delivery("", &[("x-delivery-count", AMQPValue::LongLongInt(count))]);
        assert_eq!(sights.sight(&counted(2)), Sight { crashes: 2, blames: 0 });
        assert_eq!(sights.sight(&counted(90)), Sight { crashes: 2, blames: 0 });
        sights.blame(fingerprint(&counted(90)));
        assert_eq!(sights.sight(&counted(91)), Sight { crashes: 2, blames: 1 });
        sights.forget(fingerprint(&counted(90)));
        assert_eq!(sights.sight(&counted(91)), Sight { crashes: 91, blames: 0 });
    }
}
