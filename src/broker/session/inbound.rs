//! Reads a delivery into the plain data that the other rooms take.
//!
//! Not here: what the body says.

use std::collections::BTreeMap;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::types::FieldTable;
use tokio::time::Instant;

use super::tracking::Tracked;
use crate::broker::headers::{own, read_text};
use crate::ports::{History, Inbound, Session};

/// Facts about a delivery that it does not carry itself.
#[derive(Clone, Debug, Default)]
pub struct Circumstances {
    /// The queue that it comes from.
    pub queue: String,
    /// When the delivery came.
    pub taken_at: Option<Instant>,
    /// The session that the delivery belongs to.
    pub session: Session,
    /// Facts that this process knows about the message.
    pub tracked: Tracked,
    /// Whether it is handled alone.
    pub suspect: bool,
}

/// A delivery as the other rooms see it.
pub fn inbound(delivery: &Delivery, circumstances: Circumstances) -> Inbound {
    let Circumstances { queue, taken_at, session, tracked, suspect } = circumstances;
    let properties = &delivery.properties;
    let headers = texts(properties.headers().as_ref());
    // only our own hops and the replay tool publish through the default exchange
    let ours = delivery.exchange.as_str().is_empty();
    let origin = |header: &str, otherwise: &str| {
        if ours { headers.get(header).cloned() } else { None }.unwrap_or_else(|| otherwise.into())
    };
    let mut history = if ours { history(&headers) } else { History::default() };
    history.first_taken_at = history.first_taken_at.or(tracked.first_taken_at);
    let delay = duration(&headers, own::DELAY).unwrap_or_default();
    // the message came back no sooner than after that delay
    let failed_by = taken_at.filter(|_| ours).map(|taken_at| taken_at.checked_sub(delay).unwrap_or(taken_at));
    Inbound {
        edited: headers.get(own::EDITED).filter(|_| ours).cloned(),
        exchange: origin(own::SOURCE_EXCHANGE, delivery.exchange.as_str()),
        routing_key: origin(own::SOURCE_ROUTING_KEY, delivery.routing_key.as_str()),
        history,
        body: delivery.data.clone(),
        content_type: text_of(properties.content_type()),
        content_encoding: text_of(properties.content_encoding()),
        message_id: text_of(properties.message_id()),
        message_type: text_of(properties.kind()),
        timestamp: *properties.timestamp(),
        headers,
        queue,
        hopped: ours,
        redelivered: delivery.redelivered,
        suspect,
        unended: 0,
        blames: tracked.blames,
        taken_at,
        failed_by,
        session,
        mapped: None,
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
        awaited: duration(headers, own::AWAITED),
        last_error: headers.get(own::LAST_ERROR).cloned(),
        outcome_unknown: headers.contains_key(own::OUTCOME_UNKNOWN),
        replays: number(own::REPLAYS),
        replay_id: headers.get(own::REPLAY_ID).map(|id| id.as_str().into()),
        replayed_letter: headers.get(own::REPLAYED_LETTER).map(|letter| letter.as_str().into()),
        replay_to: headers.get(own::REPLAY_TO).map(|queue| queue.as_str().into()),
    }
}

fn duration(headers: &BTreeMap<String, String>, name: &str) -> Option<Duration> {
    headers.get(name)?.parse().ok().map(Duration::from_millis)
}

/// Headers that can be written as a text.
fn texts(headers: Option<&FieldTable>) -> BTreeMap<String, String> {
    let entries = headers.into_iter().flat_map(|table| table.inner());
    entries.filter_map(|(name, value)| Some((name.to_string(), read_text(value)?))).collect()
}

/// How often the broker has delivered a message before without an acknowledgement, by its own count.
pub(super) fn delivery_count(delivery: &Delivery) -> u64 {
    let headers = delivery.properties.headers().as_ref();
    let count = headers.and_then(|table| table.inner().get("x-delivery-count"));
    count.and_then(read_text).and_then(|count| count.parse().ok()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;
    use lapin::BasicProperties;
    use lapin::types::AMQPValue;

    use super::*;
    use crate::broker::copies::for_hop;
    use crate::ports::WaitReason;

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
        let hopped = inbound(&delivery("", &headers), Circumstances::default());
        assert_eq!((hopped.history.attempts, hopped.history.replays), (4, 2));
        assert_eq!(hopped.exchange, "shop.events");
        let forged = inbound(&delivery("foreign", &headers), Circumstances::default());
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
            awaited: Some(Duration::from_millis(4)),
            outcome_unknown: true,
            replays: 3,
            replay_id: Some("run".into()),
            replayed_letter: Some("letter".into()),
            replay_to: Some("amq.gen-tool".into()),
        };
        let mut hopped = delivery("", &[]);
        hopped.properties = for_hop(&BasicProperties::default(), &Inbound::default(), &history, None);
        assert_eq!(inbound(&hopped, Circumstances::default()).history, history);
    }

    #[test]
    fn an_edited_message_stays_one_of_ours_over_a_hop_and_no_shop_can_say_so() {
        let edited = |delivery: &Delivery| inbound(delivery, Circumstances::default()).edited;
        let original = Inbound { edited: Some("shop-orders".into()), ..Inbound::default() };
        let mut hopped = delivery("", &[]);
        hopped.properties = for_hop(&BasicProperties::default(), &original, &History::default(), None);
        assert_eq!(edited(&hopped).as_deref(), Some("shop-orders"));
        let forged = [(own::EDITED, AMQPValue::LongString("shop-orders".into()))];
        assert_eq!(edited(&delivery("shop.events", &forged)), None);
    }

    #[test]
    fn the_last_attempt_of_a_message_is_as_old_as_its_delay_and_whatever_its_headers_say_no_older() {
        let (now, delay) = (Instant::now(), Duration::from_secs(5));
        let circumstances = || Circumstances { taken_at: Some(now), ..Circumstances::default() };
        let failed_by = |delivery: &Delivery| inbound(delivery, circumstances()).failed_by;
        let mut hopped = delivery("", &[]);
        for last_failed_at in ["1970-01-01T00:00:00Z", "2200-01-01T00:00:00Z"] {
            let history = History { last_failed_at: last_failed_at.parse().ok(), ..History::default() };
            let waits = Some((WaitReason::Delay, delay));
            hopped.properties = for_hop(&BasicProperties::default(), &Inbound::default(), &history, waits);
            assert_eq!(failed_by(&hopped), now.checked_sub(delay));
        }
        // one of an older version, or a replay: nobody knows
        assert_eq!(failed_by(&delivery("", &[])), Some(now));
        // one of the shop has not failed, whatever it says
        let forged = [(own::DELAY, AMQPValue::LongLongInt(5000))];
        assert_eq!(failed_by(&delivery("shop.events", &forged)), None);
    }

    #[test]
    fn the_brokers_count_of_deliveries_is_read() {
        let counted = delivery("", &[("x-delivery-count", AMQPValue::LongLongInt(2))]);
        assert_eq!((delivery_count(&counted), delivery_count(&delivery("", &[]))), (2, 0));
    }

    #[test]
    fn the_time_of_a_hop_stands_and_any_other_delivery_has_that_of_its_first_sight() {
        let at = |second| Timestamp::from_second(second).ok();
        let circumstances =
            || Circumstances { tracked: Tracked { blames: 0, first_taken_at: at(9) }, ..Circumstances::default() };
        let hop = delivery("", &[(own::FIRST_TAKEN_AT, AMQPValue::LongString("1970-01-01T00:00:05Z".into()))]);
        assert_eq!(inbound(&hop, circumstances()).history.first_taken_at, at(5));
        for other in [delivery("", &[]), delivery("shop.events", &[])] {
            assert_eq!(inbound(&other, circumstances()).history.first_taken_at, at(9));
        }
    }
}
