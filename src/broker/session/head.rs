//! Deliveries of a session that are not settled, and the age of the head of the work queue: of the oldest among them.
//!
//! Not here: messages that wait in the broker behind it.

use std::collections::{BTreeMap, HashMap};
use std::convert::Infallible;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use lapin::message::Delivery;
use metrics::gauge;
use tokio::time::{Instant, sleep_until};

/// How often the age is told. Prometheus asks less often.
const TELL_EVERY: Duration = Duration::from_secs(1);

/// The messages of one session that are not settled, and since when each is in the queue as far as is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Head {
    unsettled: Arc<Mutex<BTreeMap<u64, Entry>>>,
    /// Messages that the last session gave back, by their fingerprints.
    given_back: Arc<HashMap<u64, Timestamp>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    fingerprint: u64,
    /// When it was delivered.
    at: Instant,
    /// Since when it is in the queue.
    since: Timestamp,
}

impl Head {
    /// Begins the next session. A message that comes again is as old as it was: a long pause gives back what it holds.
    pub(super) fn next_session(&self) -> Self {
        let unsettled = self.entries();
        if unsettled.is_empty() {
            return Self { unsettled: Arc::default(), given_back: Arc::clone(&self.given_back) };
        }
        let given_back = unsettled.values().map(|entry| (entry.fingerprint, entry.since)).collect();
        Self { unsettled: Arc::default(), given_back: Arc::new(given_back) }
    }

    /// A delivery has come.
    pub(super) fn arrives(&self, delivery: &Delivery, fingerprint: u64, at: Instant) {
        let now = Timestamp::now();
        let known = self.given_back.get(&fingerprint).filter(|_| delivery.redelivered);
        let since = known.copied().or_else(|| published_at(delivery)).unwrap_or(now).min(now);
        self.entries().insert(delivery.delivery_tag, Entry { fingerprint, at, since });
    }

    /// Deliveries are settled.
    pub(super) fn settled(&self, tags: impl IntoIterator<Item = u64>) {
        let mut entries = self.entries();
        for tag in tags {
            entries.remove(&tag);
        }
    }

    /// Waits until a delivery is unsettled for so long.
    pub(super) async fn one_is_held_for(&self, limit: Duration) {
        loop {
            let now = Instant::now();
            let oldest = self.entries().values().next().map(|entry| entry.at);
            if oldest.is_some_and(|oldest| now >= oldest + limit) {
                return;
            }
            // none that comes later can be too old before
            sleep_until(oldest.unwrap_or(now) + limit).await;
        }
    }

    /// Tells the age again and again.
    pub(super) async fn tell(&self) -> Infallible {
        loop {
            gauge!("bwp_head_age_seconds").set(self.age(Timestamp::now()).as_secs_f64());
            tokio::time::sleep(TELL_EVERY).await;
        }
    }

    fn age(&self, now: Timestamp) -> Duration {
        let oldest = self.entries().values().map(|entry| entry.since).min();
        oldest.and_then(|since| Duration::try_from(now.duration_since(since)).ok()).unwrap_or_default()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<u64, Entry>> {
        self.unsettled.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The worker has no session: it is not the active one.
pub(super) fn no_session() {
    gauge!("bwp_head_age_seconds").set(0);
}

/// When the shop published it, where it says so. Hops and replays keep that time and were not in the queue since then.
fn published_at(delivery: &Delivery) -> Option<Timestamp> {
    let seconds = delivery.properties.timestamp().filter(|_| !delivery.exchange.as_str().is_empty())?;
    Timestamp::from_second(seconds.try_into().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;
    use lapin::BasicProperties;

    use super::*;
    use crate::broker::session::tracking::fingerprint;

    fn arrives(head: &Head, delivery: &Delivery) {
        head.arrives(delivery, fingerprint(delivery), Instant::now());
    }

    fn delivery(tag: u64, exchange: &str, body: &str, published: Option<Timestamp>) -> Delivery {
        let mut delivery = Delivery::mock(tag, exchange.into(), "key".into(), false, body.into());
        if let Some(at) = published {
            let seconds = at.as_second().try_into().unwrap_or_default();
            delivery.properties = BasicProperties::default().with_timestamp(seconds);
        }
        delivery
    }

    #[test]
    fn the_head_is_as_old_as_the_oldest_unsettled_message_and_grows_until_that_is_settled() {
        let (now, head) = (Timestamp::now(), Head::default());
        assert_eq!(head.age(now), Duration::ZERO);
        arrives(&head, &delivery(1, "shop.events", "a", Some(now - SignedDuration::from_secs(500))));
        arrives(&head, &delivery(2, "shop.events", "b", Some(now - SignedDuration::from_secs(100))));
        assert_eq!(head.age(now).as_secs(), 500);
        assert_eq!(head.age(now + SignedDuration::from_secs(60)).as_secs(), 560);
        head.settled([1]);
        assert_eq!(head.age(now).as_secs(), 100);
        head.settled([2]);
        assert_eq!(head.age(now), Duration::ZERO);
    }

    #[test]
    fn a_message_that_hopped_is_as_old_as_its_delivery_and_none_is_younger_than_nothing() {
        let (now, head) = (Timestamp::now(), Head::default());
        arrives(&head, &delivery(1, "", "hopped", Some(now - SignedDuration::from_secs(500))));
        arrives(&head, &delivery(2, "shop.events", "of tomorrow", Some(now + SignedDuration::from_hours(24))));
        arrives(&head, &delivery(3, "shop.events", "of no time", None));
        assert_eq!(head.age(now), Duration::ZERO);
        assert_eq!(
            head.age(now + SignedDuration::from_secs(60)).as_secs(),
            59,
            "grows from its delivery, just after now"
        );
    }

    #[test]
    fn a_message_that_was_given_back_keeps_its_age_and_a_new_one_of_the_same_content_has_its_own() {
        let first = Head::default();
        arrives(&first, &delivery(1, "shop.events", "a", None));
        let later = Timestamp::now() + SignedDuration::from_secs(1500);
        let second = first.next_session().next_session();
        assert_eq!(second.age(later), Duration::ZERO, "nothing has come yet");
        let known = second.given_back.values().next().copied();
        arrives(&second, &delivery(1, "shop.events", "a", None));
        assert!(second.entries()[&1].since > known.unwrap(), "not redelivered: another one");
        arrives(&second, &Delivery { redelivered: true, ..delivery(2, "shop.events", "a", None) });
        assert_eq!(Some(second.entries()[&2].since), known);
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_delivery_alone_is_held_for_too_long() {
        let (head, limit) = (Head::default(), Duration::from_secs(100));
        let began = Instant::now();
        arrives(&head, &delivery(1, "shop.events", "a", None));
        tokio::time::advance(Duration::from_secs(60)).await;
        arrives(&head, &delivery(2, "shop.events", "b", None));
        head.settled([1]);
        head.one_is_held_for(limit).await;
        assert_eq!(began.elapsed(), Duration::from_secs(160), "counted from the delivery of the second");
    }
}
