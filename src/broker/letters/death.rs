//! The header `x-death`, by which the broker tells why it moved a message to the dead letters.
//!
//! Not here: letters that a worker wrote.

use crate::broker::headers::read_text;
use jiff::Timestamp;
use lapin::types::{AMQPValue, FieldTable};

/// Type of the error of a letter that the broker wrote.
pub(super) const ERROR_TYPE: &str = "RabbitMQ";

/// The last queue that a message died in.
#[derive(Debug, PartialEq)]
pub(super) struct Death {
    /// The broker's own word: `expired`, `rejected`, `maxlen`, `delivery_limit`.
    pub(super) reason: String,
    queue: String,
    /// The expiration that the message's publisher gave it, in milliseconds.
    expiration: Option<u64>,
    /// When it died.
    pub(super) at: Option<Timestamp>,
}

impl Death {
    /// The latest death, which the broker writes first.
    pub(super) fn of(headers: Option<&FieldTable>) -> Option<Self> {
        let AMQPValue::FieldArray(deaths) = headers?.inner().get("x-death")? else { return None };
        let AMQPValue::FieldTable(death) = deaths.as_slice().first()? else { return None };
        let field = |name: &str| death.inner().get(name).and_then(read_text);
        Some(Self {
            reason: field("reason")?,
            queue: field("queue")?,
            expiration: field("original-expiration").and_then(|millis| millis.parse().ok()),
            at: field("time").and_then(|time| time.parse().ok()),
        })
    }

    /// Why the message is dead, for an operator.
    pub(super) fn message(&self) -> String {
        let Self { reason, queue, expiration, .. } = self;
        match (reason.as_str(), expiration) {
            ("expired", Some(millis)) => format!("expired in {queue} after {}", span(*millis)),
            ("expired", None) => format!("expired in {queue}"),
            ("rejected", _) => format!("rejected from {queue}"),
            ("maxlen", _) => format!("dropped from {queue}, which was full"),
            ("delivery_limit", _) => format!("delivered too often from {queue}"),
            (other, _) => format!("{other} in {queue}"),
        }
    }

    /// The action that an operator can take.
    pub(super) fn action(&self) -> &'static str {
        match self.reason.as_str() {
            "expired" => {
                "find who publishes with an expiration, or the policy with `message-ttl`; replay while the order is wanted"
            }
            "maxlen" => "find the policy that bounds the queue's length, then replay",
            "delivery_limit" => "find the policy with `delivery-limit`, then replay",
            _ => "no worker wrote this letter: look at its headers and body",
        }
    }
}

/// Milliseconds in their largest whole unit: `1 s`, `90 s`, `1500 ms`, `2 h`.
fn span(millis: u64) -> String {
    let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "min"), (1000, "s")];
    let whole = units.into_iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    whole.map_or_else(|| format!("{millis} ms"), |(unit, name)| format!("{} {name}", millis / unit))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// Headers of a message that died so.
    pub(crate) fn died(reason: &str, expiration: Option<&str>) -> FieldTable {
        let text = |value: &str| AMQPValue::LongString(value.into());
        let mut death = FieldTable::default();
        death.insert("reason".into(), text(reason));
        death.insert("queue".into(), text("bwp.orders"));
        death.insert("count".into(), AMQPValue::LongLongInt(1));
        death.insert("time".into(), AMQPValue::Timestamp(1_795_359_845));
        death.insert("routing-keys".into(), AMQPValue::FieldArray(vec![text("checkout-completed")].into()));
        if let Some(millis) = expiration {
            death.insert("original-expiration".into(), text(millis));
        }
        let mut headers = FieldTable::default();
        headers.insert("x-death".into(), AMQPValue::FieldArray(vec![AMQPValue::FieldTable(death)].into()));
        headers
    }

    #[test]
    fn a_death_is_said_in_words() {
        for (reason, expiration, said) in [
            ("expired", Some("1000"), "expired in bwp.orders after 1 s"),
            ("expired", Some("1500"), "expired in bwp.orders after 1500 ms"),
            ("expired", Some("7200000"), "expired in bwp.orders after 2 h"),
            ("expired", None, "expired in bwp.orders"),
            ("rejected", None, "rejected from bwp.orders"),
            ("maxlen", None, "dropped from bwp.orders, which was full"),
            ("delivery_limit", None, "delivered too often from bwp.orders"),
            ("another", None, "another in bwp.orders"),
        ] {
            let death = Death::of(Some(&died(reason, expiration))).unwrap();
            assert_eq!(death.message(), said);
            assert_eq!(death.at, Some(Timestamp::from_second(1_795_359_845).unwrap()));
        }
    }

    #[test]
    fn a_message_that_is_not_dead_says_nothing() {
        let mut odd = FieldTable::default();
        odd.insert("x-death".into(), AMQPValue::LongString("expired".into()));
        for headers in [None, Some(&FieldTable::default()), Some(&odd)] {
            assert_eq!(Death::of(headers), None);
        }
    }
}
