//! Arguments and policies that undo what a queue is declared for, and the promise that each breaks; names used twice.
//!
//! Not here: asking the broker.

use std::time::Duration;

use serde_json::{Map, Value};

use crate::broker::config::{BrokerConfig, Names};
use crate::broker::topology::DELIVERY_LIMIT;

pub(super) const NOTHING_LOST: &str = "every message ends as a result, a letter, or still in a queue";
pub(super) const LETTERS: &str = "what cannot be done is kept with its code";
pub(super) const RETRIES: &str = "what fails for a while is tried again later";
pub(super) const RESULTS: &str = "what became of a message is told";
pub(super) const IN_ORDER: &str = "one order's messages are handled one at a time, in the order of publication";
pub(super) const NO_COUNT: &str = "no count of deliveries decides over an order";

/// An argument or a key of a policy that breaks a promise.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(super) struct Harm {
    /// Its name, as a policy has it.
    pub(super) key: String,
    /// Its value.
    pub(super) value: String,
    /// The promise that it breaks.
    pub(super) promise: &'static str,
}

/// Promises that a policy in force on our queues breaks.
pub(super) fn of_policy(definition: &Map<String, Value>, config: &BrokerConfig) -> Vec<Harm> {
    definition.iter().filter_map(|(key, value)| harm(key, value, config)).collect()
}

/// Promises that arguments break which this version does not declare.
pub(super) fn of_arguments(found: &Map<String, Value>, declared: &[&str], config: &BrokerConfig) -> Vec<Harm> {
    let extra = found.iter().filter(|(name, _)| !declared.contains(&name.as_str()));
    extra.filter_map(|(name, value)| harm(name.strip_prefix("x-")?, value, config)).collect()
}

fn harm(key: &str, value: &Value, config: &BrokerConfig) -> Option<Harm> {
    let promise = match key {
        "delivery-limit" => (value.as_i64()? < DELIVERY_LIMIT).then_some(NO_COUNT),
        "message-ttl" | "expires" | "max-length" | "max-length-bytes" | "max-in-memory-length" => Some(NOTHING_LOST),
        "overflow" => (value != "reject-publish").then_some(NOTHING_LOST),
        "dead-letter-exchange" | "dead-letter-routing-key" => Some(LETTERS),
        "dead-letter-strategy" => (value != "at-least-once").then_some(NOTHING_LOST),
        "max-priority" => Some(IN_ORDER),
        "consumer-timeout" => {
            let timeout = Duration::from_millis(value.as_u64()?);
            (timeout <= config.give_back_after).then_some(IN_ORDER)
        }
        // others, such as where leaders are, break nothing
        _ => None,
    }?;
    let value = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
    Some(Harm { key: key.to_owned(), value, promise })
}

/// Whether a binding of a topic exchange lets a routing key through.
pub(super) fn lets_through(pattern: &str, key: &str) -> bool {
    fn matches(pattern: &[&str], key: &[&str]) -> bool {
        match (pattern, key) {
            ([], []) => true,
            (["#", rest @ ..], _) => {
                matches(rest, key) || key.split_first().is_some_and(|(_, key)| matches(pattern, key))
            }
            ([first, rest @ ..], [word, key @ ..]) => (*first == "*" || first == word) && matches(rest, key),
            ([], [_, ..]) | ([_, ..], []) => false,
        }
    }
    let words = |text| str::split(text, '.').collect::<Vec<_>>();
    matches(&words(pattern), &words(key))
}

/// Names of settings that name one exchange, or one queue, twice.
pub fn names_twice(names: &Names, delays: &[Duration]) -> Vec<String> {
    let exchanges = [
        ("broker.events", names.events.clone()),
        ("results.exchange", names.results.clone()),
        ("dead_letters.exchange", names.dead.clone()),
    ];
    let mut queues = vec![("broker.queue", names.queue.clone())];
    queues.extend(
        [names.tries(), names.suspects(), names.migration_old(), names.migration_new()].map(|it| ("broker.queue", it)),
    );
    queues.extend(delays.iter().map(|delay| ("retry.delays", names.retry(*delay))));
    queues.extend([("dead_letters.queue", names.dead_letters.clone()), ("dead_letters.queue", names.parked())]);
    let mut twice = of_one_kind("exchange", &exchanges);
    twice.extend(of_one_kind("queue", &queues));
    twice
}

fn of_one_kind(kind: &str, names: &[(&str, String)]) -> Vec<String> {
    let mut twice = Vec::new();
    for (at, (setting, name)) in names.iter().enumerate() {
        if let Some((other, _)) = names[..at].iter().find(|(_, other)| other == name) {
            twice.push(format!("{setting}: expected another {kind} than that of {other}, got `{name}` for both"));
        }
    }
    twice
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn names() -> Names {
        Names {
            events: "shop.events".into(),
            bindings: Vec::new(),
            queue: "bwp.orders".into(),
            results: "bwp.results".into(),
            dead: "bwp.dead".into(),
            dead_letters: "bwp.dead-letters".into(),
        }
    }

    #[test]
    fn a_binding_lets_through_what_a_topic_exchange_would() {
        for (pattern, key, expected) in [
            ("#", "a.b", true),
            ("#", "", true),
            ("a.#", "a", true),
            ("a.#.c", "a.b.b.c", true),
            ("*.b", "a.b", true),
            ("*", "a.b", false),
            ("a.b", "a.b", true),
            ("a.b", "a", false),
            ("a", "a.b", false),
            ("a.*.c", "a.c", false),
        ] {
            assert_eq!(lets_through(pattern, key), expected, "{pattern} {key}");
        }
    }

    #[test]
    fn a_name_that_is_used_twice_is_told_with_both_settings() {
        assert_eq!(names_twice(&names(), &[Duration::from_secs(5)]), [""; 0]);
        let same_queue = Names { dead_letters: "bwp.orders".into(), ..names() };
        let expected =
            "dead_letters.queue: expected another queue than that of broker.queue, got `bwp.orders` for both";
        assert_eq!(names_twice(&same_queue, &[]), [expected]);
        let same_exchange = Names { results: "bwp.dead".into(), ..names() };
        let expected =
            "dead_letters.exchange: expected another exchange than that of results.exchange, got `bwp.dead` for both";
        assert_eq!(names_twice(&same_exchange, &[]), [expected]);
        let derived = Names { dead_letters: "bwp.orders.retry.5s".into(), ..names() };
        assert_eq!(names_twice(&derived, &[Duration::from_secs(5)]).len(), 1);
    }

    #[test]
    fn only_arguments_beyond_the_declared_ones_are_extra() {
        let found = json!({ "x-message-ttl": 5, "x-overflow": "drop-head", "x-queue-leader-locator": "balanced" });
        let found = found.as_object().cloned().unwrap_or_default();
        let config = |give_back_after| BrokerConfig { give_back_after, ..of_tests() };
        let keys = |harms: Vec<Harm>| harms.into_iter().map(|harm| harm.key).collect::<Vec<_>>();
        let minute = Duration::from_secs(60);
        assert_eq!(keys(of_arguments(&found, &["x-message-ttl"], &config(minute))), ["overflow"]);
        let policy = json!({ "delivery-limit": 1_000_000, "overflow": "reject-publish", "consumer-timeout": 60_000 });
        let policy = policy.as_object().cloned().unwrap_or_default();
        assert_eq!(keys(of_policy(&policy, &config(minute))), ["consumer-timeout"]);
        assert_eq!(keys(of_policy(&policy, &config(minute / 2))), [""; 0]);
    }

    #[test]
    fn every_key_that_undoes_a_promise_is_told_with_that_promise() {
        for (policy, promise) in [
            (json!({ "delivery-limit": 999_999 }), NO_COUNT),
            (json!({ "message-ttl": 1 }), NOTHING_LOST),
            (json!({ "expires": 1 }), NOTHING_LOST),
            (json!({ "max-length": 1 }), NOTHING_LOST),
            (json!({ "max-length-bytes": 1 }), NOTHING_LOST),
            (json!({ "max-in-memory-length": 1 }), NOTHING_LOST),
            (json!({ "overflow": "drop-head" }), NOTHING_LOST),
            (json!({ "dead-letter-strategy": "at-most-once" }), NOTHING_LOST),
            (json!({ "dead-letter-exchange": "x" }), LETTERS),
            (json!({ "dead-letter-routing-key": "x" }), LETTERS),
            (json!({ "max-priority": 5 }), IN_ORDER),
            (json!({ "consumer-timeout": 1 }), IN_ORDER),
        ] {
            let harms = of_policy(policy.as_object().unwrap(), &of_tests());
            assert_eq!(harms.iter().map(|harm| harm.promise).collect::<Vec<_>>(), [promise], "{policy}");
        }
    }

    fn of_tests() -> BrokerConfig {
        BrokerConfig {
            uri: crate::secret::Secret::from(""),
            tls: crate::broker::TlsFiles::default(),
            management: None,
            heartbeat: Duration::from_secs(10),
            prefetch: 1,
            max_bytes_in_flight: 1,
            declare: true,
            consumer_tag: String::new(),
            give_back_after: Duration::from_secs(60),
            confirm_timeout: Duration::from_secs(1),
            unroutable: crate::broker::Unroutable::Accept,
            names: names(),
            delays: Vec::new(),
        }
    }
}
