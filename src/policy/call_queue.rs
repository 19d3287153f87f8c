//! Which of the messages that wait for a call goes next: the one that has been handled for longest.
//!
//! Not here: how fast calls go (`limiter`), the waiting.

use std::collections::BTreeMap;

/// Messages that wait for a call, each with a bell that tells it that it goes next.
///
/// Were it the one that asked first, a message between two of its calls would go behind all that have made none yet.
/// Under a low limit each would make its first call, and be out of time before its second.
#[derive(Debug)]
pub struct CallQueue<Bell> {
    waiting: BTreeMap<(Rank, u64), Bell>,
    next: u64,
}

/// A message's rank among all: it keeps that for all of its calls.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Rank(u64);

/// A place in the queue.
#[derive(Clone, Copy, Debug)]
pub struct Place((Rank, u64));

impl<Bell> Default for CallQueue<Bell> {
    fn default() -> Self {
        Self { waiting: BTreeMap::new(), next: 0 }
    }
}

impl<Bell> CallQueue<Bell> {
    /// The rank of a message that is handled from now on: behind all others.
    pub fn rank(&mut self) -> Rank {
        Rank(self.number())
    }

    /// A message of this rank waits for a call.
    pub fn join(&mut self, rank: Rank, bell: Bell) -> Place {
        let place = (rank, self.number());
        self.waiting.insert(place, bell);
        Place(place)
    }

    /// Whether it goes next.
    pub fn is_first(&self, Place(place): Place) -> bool {
        self.waiting.first_key_value().is_some_and(|(first, _)| *first == place)
    }

    /// It makes its call, or waits no longer. Returns the bell of the one that goes next by that.
    pub fn leave(&mut self, place: Place) -> Option<&Bell> {
        let was_first = self.is_first(place);
        self.waiting.remove(&place.0);
        self.waiting.first_key_value().map(|(_, bell)| bell).filter(|_| was_first)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_message_that_is_handled_for_longest_goes_first_whoever_asked_first() {
        let mut queue = CallQueue::default();
        let [old, young] = [queue.rank(), queue.rank()];
        let first_of_young = queue.join(young, "young");
        assert!(queue.is_first(first_of_young));
        let [of_old, again] = [queue.join(old, "old"), queue.join(old, "old again")];
        assert!(queue.is_first(of_old) && !queue.is_first(first_of_young) && !queue.is_first(again));
        assert_eq!(queue.leave(again), None, "nothing changes for the first");
        assert_eq!(queue.leave(of_old), Some(&"young"));
        assert_eq!(queue.leave(first_of_young), None);
    }
}
