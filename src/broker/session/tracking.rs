//! Delivery tracking: facts about the messages in flight that the broker does not tell.
//!
//! Not here: the deliveries themselves; the count of the broker.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;
use lapin::message::Delivery;

/// Messages in flight, with the facts about them that the broker does not tell.
#[derive(Debug, Default)]
pub struct Tracking {
    messages: HashMap<u64, Tracked>,
    /// The latest time that was told.
    latest: Timestamp,
}

/// Facts about one message in flight.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Tracked {
    /// How often the broker refused a publication for it because of its content.
    pub blames: u64,
    /// When this process had it first.
    pub first_taken_at: Option<Timestamp>,
}

/// A message that came here and was settled elsewhere is never removed, so there is a bound. Beyond it everything is
/// forgotten, and a message counts as taken later than it was.
const REMEMBERED: usize = 100_000;

impl Tracking {
    /// The time, by a clock that is never set back.
    pub(in crate::broker) fn now(&mut self) -> Timestamp {
        self.latest = self.latest.max(Timestamp::now());
        self.latest
    }

    /// The facts about a message that was delivered. They begin anew with each first delivery: equal messages are no copies.
    pub fn track(&mut self, fingerprint: u64, redelivered: bool) -> Tracked {
        if self.messages.len() >= REMEMBERED {
            self.messages.clear();
        }
        let new = Tracked { blames: 0, first_taken_at: Some(self.now()) };
        let known = self.messages.entry(fingerprint).or_insert(new);
        if !redelivered {
            *known = new;
        }
        *known
    }

    /// The message could not be settled because of itself, which cost this process a session.
    pub fn blame(&mut self, fingerprint: u64) {
        if let Some(tracked) = self.messages.get_mut(&fingerprint) {
            tracked.blames += 1;
        }
    }

    /// The message is settled.
    pub fn forget(&mut self, fingerprint: u64) {
        self.messages.remove(&fingerprint);
    }
}

/// Tells messages apart while they are in flight.
pub fn fingerprint(delivery: &Delivery) -> u64 {
    let mut hasher = DefaultHasher::new();
    delivery.properties.message_id().as_ref().map(|id| id.as_str()).hash(&mut hasher);
    delivery.routing_key.as_str().hash(&mut hasher);
    delivery.data.hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn delivery() -> Delivery {
        Delivery::mock(1, "".into(), "checkout-completed".into(), false, b"{}".to_vec())
    }

    fn track(tracking: &mut Tracking, delivery: &Delivery) -> Tracked {
        tracking.track(fingerprint(delivery), delivery.redelivered)
    }

    #[test]
    fn a_redelivered_message_keeps_its_first_time_and_its_blames_until_it_is_settled() {
        let mut tracking = Tracking::default();
        let again = || Delivery { redelivered: true, ..delivery() };
        let first = track(&mut tracking, &delivery());
        assert!(first.first_taken_at.is_some() && first.blames == 0);
        tracking.blame(fingerprint(&again()));
        assert_eq!(track(&mut tracking, &again()), Tracked { blames: 1, ..first });
        tracking.forget(fingerprint(&again()));
        assert_eq!(track(&mut tracking, &again()).blames, 0);
    }

    #[test]
    fn an_equal_message_that_is_new_has_a_time_of_its_own() {
        let mut tracking = Tracking::default();
        let first = track(&mut tracking, &delivery());
        tracking.blame(fingerprint(&delivery()));
        let second = track(&mut tracking, &delivery());
        assert!(second.first_taken_at > first.first_taken_at && second.blames == 0);
    }
}
