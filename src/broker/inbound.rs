//! Reads a delivery into the plain data that the other rooms take.
//!
//! Not here: what the body says.

use std::collections::{BTreeMap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
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
        history: if ours {
            history(&headers)
        } else {
            History { first_taken_at: sight.first_taken_at, ..History::default() }
        },
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
        denied: number(own::DENIED),
        panics: number(own::PANICS),
        delays: number(own::DELAYS),
        first_taken_at: time(own::FIRST_TAKEN_AT),
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
    /// The latest time that was told.
    latest: Timestamp,
}

/// What is known of one message.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Sight {
    /// How often it was delivered before this process saw it first. The broker counts every delivery that was not
    /// acknowledged, a lost connection's too; what it counts while this process lives is no crash of this process.
    pub crashes: u64,
    /// How often the broker would not take what was published for it, for what is in it.
    pub blames: u64,
    /// When it was given to a worker first, as far as is known.
    pub first_taken_at: Option<Timestamp>,
}

/// Messages that were seen here and settled elsewhere are never taken out, so there is a bound;
/// beyond it everything is forgotten, which makes the process more suspicious, not less.
const REMEMBERED: usize = 100_000;

impl FirstSights {
    /// What time it is, by a clock that is never set back.
    pub fn now(&mut self) -> Timestamp {
        self.latest = self.latest.max(Timestamp::now());
        self.latest
    }

    /// What is known of a message that was delivered. One that was delivered before, and not seen here, was given to a worker
    /// before `unseen_since`.
    pub fn sight(&mut self, delivery: &Delivery, unseen_since: Option<Timestamp>) -> Sight {
        if self.sights.len() >= REMEMBERED {
            self.sights.clear();
        }
        let crashes = delivery_count(&delivery.properties);
        let first_taken_at = if delivery.redelivered { unseen_since } else { Some(self.now()) };
        *self.sights.entry(fingerprint(delivery)).or_insert(Sight { crashes, blames: 0, first_taken_at })
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
    use crate::broker::outgoing::for_hop;

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
    fn what_is_known_of_a_message_goes_with_it_through_a_retry_queue() {
        let at = |second| Timestamp::from_second(second).ok();
        let history = History {
            attempts: 12,
            denied: 5,
            panics: 6,
            delays: 2,
            first_taken_at: at(1),
            first_failed_at: at(2),
            last_failed_at: at(3),
            last_error: Some("type/code".into()),
            awaiting_since: at(4),
            outcome_unknown: true,
            replays: 3,
            replay_id: Some("run".into()),
        };
        let mut hopped = delivery("", &[]);
        hopped.properties = for_hop(&BasicProperties::default(), &Inbound::default(), &history);
        assert_eq!(inbound(&hopped, "bwp.orders", false, Sight::default(), &CancellationToken::new()).history, history);
    }

    #[test]
    fn deliveries_while_the_process_lives_are_no_crashes_unless_the_message_is_to_blame() {
        let mut sights = FirstSights::default();
        let counted = |count| delivery("", &[("x-delivery-count", AMQPValue::LongLongInt(count))]);
        let sight = |sights: &mut FirstSights, count| {
            let Sight { crashes, blames, .. } = sights.sight(&counted(count), None);
            (crashes, blames)
        };
        assert_eq!(sight(&mut sights, 2), (2, 0));
        assert_eq!(sight(&mut sights, 90), (2, 0));
        sights.blame(fingerprint(&counted(90)));
        assert_eq!(sight(&mut sights, 91), (2, 1));
        sights.forget(fingerprint(&counted(90)));
        assert_eq!(sight(&mut sights, 91), (91, 0));
    }

    #[test]
    fn what_was_given_out_unseen_comes_before_all_that_this_session_was_given_first() {
        let mut sights = FirstSights::default();
        let of = |key: &str, redelivered| Delivery::mock(1, "".into(), key.into(), redelivered, b"{}".to_vec());
        let (began, earlier) = (Timestamp::now(), Timestamp::UNIX_EPOCH);
        let mut first_taken_at = |key, redelivered, since| sights.sight(&of(key, redelivered), since).first_taken_at;
        let fresh = first_taken_at("fresh", false, Some(began)).unwrap();
        assert!(fresh >= began);
        assert_eq!(first_taken_at("unseen", true, Some(earlier)), Some(earlier));
        assert_eq!(first_taken_at("fresh", true, Some(earlier)), Some(fresh), "it was seen");
        assert_eq!(first_taken_at("nobody knows", true, None), None, "another worker may have had it");
    }
}
