//! Which messages of an order come before which: those under way, those that wait here, those away in retry queues.
//!
//! Not here: handling any of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::ports::Job;

/// A message that is not back so long after its time is another replica's by now.
pub(super) const BACK_WITHIN: Duration = Duration::from_secs(60);
/// The same of one that waits for its order. Where there are several replicas such messages are many and change hands
/// often, so whoever follows them must not stay long behind one that is gone.
const WAITING_BACK_WITHIN: Duration = Duration::from_secs(5);

/// The orders that have messages here or away. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    /// How many lanes there may be before those in which nothing happens any more are taken out.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Lane {
    /// One of its messages is under way.
    busy: bool,
    /// The rest of what was delivered, in order.
    waiting: VecDeque<Job>,
    /// Messages in retry queues, in the order in which they have to be handled.
    away: VecDeque<Away>,
}

/// A message in a retry queue.
#[derive(Clone, Copy, Debug)]
pub(super) struct Away {
    /// Which one.
    pub(super) message: Uuid,
    /// The queue.
    pub(super) queue: usize,
    /// When it comes back.
    pub(super) until: Instant,
    /// Whether it, or what it follows, waits for the order to be created.
    pub(super) awaits_create: bool,
}

impl Away {
    /// Whether another replica has it by now.
    fn is_gone(&self, now: Instant) -> bool {
        self.until + if self.awaits_create { WAITING_BACK_WITHIN } else { BACK_WITHIN } <= now
    }
}

/// Whether a message may be handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing of its order comes before it.
    Now,
    /// Another one does, and is away by this retry queue: it follows by the same.
    Behind {
        /// The queue.
        queue: usize,
        /// Whether what it follows waits for the order to be created.
        awaits_create: bool,
    },
}

impl Lanes {
    /// Gives the job back when nothing of its order is under way; keeps it until then.
    pub(super) fn enter(&mut self, name: &str, job: Job) -> Option<Job> {
        let lane = self.lanes.entry(name.to_owned()).or_default();
        if lane.busy {
            lane.waiting.push_back(job);
            return None;
        }
        lane.busy = true;
        Some(job)
    }

    /// Whether it is this message's turn. One that is back leaves the list of those away; one that is not first keeps
    /// its place there. What `creates` the order goes before those that wait for it.
    pub(super) fn turn(&mut self, name: &str, message: Uuid, creates: impl FnOnce() -> bool, now: Instant) -> Turn {
        let Some(lane) = self.lanes.get_mut(name) else { return Turn::Now };
        while lane.away.front().is_some_and(|first| first.message != message && first.is_gone(now)) {
            lane.away.pop_front();
        }
        match lane.away.front() {
            None => Turn::Now,
            Some(first) if first.message == message => {
                lane.away.pop_front();
                Turn::Now
            }
            Some(first) if first.awaits_create && creates() => Turn::Now,
            Some(&Away { queue, awaits_create, .. }) => Turn::Behind { queue, awaits_create },
        }
    }

    /// A message was handled, and is first to come back when it was sent through a retry queue.
    pub(super) fn handled(&mut self, name: &str, away: Option<Away>) {
        if let (Some(lane), Some(away)) = (self.lanes.get_mut(name), away) {
            lane.away.push_front(away);
        }
    }

    /// A message followed another into a retry queue.
    pub(super) fn followed(&mut self, name: &str, follower: Away) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        match lane.away.iter_mut().find(|away| away.message == follower.message) {
            Some(away) => *away = follower,
            None => lane.away.push_back(follower),
        }
    }

    /// The next job of a lane of which nothing is under way any more.
    pub(super) fn leave(&mut self, name: &str, now: Instant) -> Option<Job> {
        let lane = self.lanes.get_mut(name)?;
        if let Some(job) = lane.waiting.pop_front() {
            return Some(job);
        }
        lane.busy = false;
        if lane.away.is_empty() {
            self.lanes.remove(name);
        }
        if self.lanes.len() > self.sweep_at {
            self.lanes.retain(|_, lane| lane.busy || lane.away.iter().any(|away| !away.is_gone(now)));
            self.sweep_at = self.lanes.len() * 2 + 1000;
        }
        None
    }

    /// Drops what has not begun.
    pub(super) fn give_back(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.waiting.clear());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lanes() -> (Lanes, Instant) {
        let mut lanes = Lanes::default();
        lanes.lanes.insert("SO-1".into(), Lane { busy: true, ..Lane::default() });
        (lanes, Instant::now())
    }

    fn id(number: u128) -> Uuid {
        Uuid::from_u128(number)
    }

    fn away(message: u128, queue: usize, until: Instant) -> Away {
        Away { message: id(message), queue, until, awaits_create: false }
    }

    fn behind(queue: usize) -> Turn {
        Turn::Behind { queue, awaits_create: false }
    }

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn whoever_follows_keeps_its_place_however_often_the_first_goes_away() {
        let (mut lanes, now) = lanes();
        assert_eq!(lanes.turn("SO-1", id(1), || false, now), Turn::Now);
        lanes.handled("SO-1", Some(away(1, 0, now + 5 * SECOND)));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now), behind(0));
        lanes.followed("SO-1", away(2, 0, now + 6 * SECOND));
        // the first is back and done, the second still away: the third must not overtake it
        assert_eq!(lanes.turn("SO-1", id(1), || false, now + 5 * SECOND), Turn::Now);
        lanes.handled("SO-1", None);
        assert_eq!(lanes.turn("SO-1", id(3), || false, now + 5 * SECOND), behind(0));
        lanes.followed("SO-1", away(3, 0, now + 10 * SECOND));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now + 6 * SECOND), Turn::Now);
        lanes.handled("SO-1", Some(away(2, 1, now + 36 * SECOND)));
        // the second is away again and still before the third
        assert_eq!(lanes.turn("SO-1", id(3), || false, now + 10 * SECOND), behind(1));
        lanes.followed("SO-1", away(3, 1, now + 40 * SECOND));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now + 36 * SECOND), Turn::Now);
        assert_eq!(lanes.turn("SO-1", id(3), || false, now + 40 * SECOND), Turn::Now);
    }

    #[test]
    fn what_waits_for_its_order_keeps_its_place_and_lets_the_create_pass() {
        let (mut lanes, now) = lanes();
        let waiting = |message, seconds| Away { awaits_create: true, ..away(message, 0, now + seconds * SECOND) };
        let follows = Turn::Behind { queue: 0, awaits_create: true };
        lanes.handled("SO-1", Some(waiting(1, 30)));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now), follows);
        lanes.followed("SO-1", waiting(2, 31));
        assert_eq!(lanes.turn("SO-1", id(3), || true, now), Turn::Now, "the create");
        assert_eq!(lanes.turn("SO-1", id(1), || false, now + 30 * SECOND), Turn::Now);
        lanes.handled("SO-1", None);
        assert_eq!(lanes.turn("SO-1", id(4), || true, now), Turn::Now, "another create, before what followed");
        assert_eq!(lanes.turn("SO-1", id(2), || false, now + 31 * SECOND), Turn::Now);
    }

    #[test]
    fn a_message_that_another_replica_took_is_not_waited_for_long() {
        let (mut lanes, now) = lanes();
        lanes.handled("SO-1", Some(away(1, 0, now)));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now + SECOND), behind(0));
        assert_eq!(lanes.turn("SO-1", id(2), || false, now + BACK_WITHIN), Turn::Now);
    }

    #[test]
    fn a_lane_in_which_nothing_happens_is_taken_out() {
        let (mut lanes, now) = lanes();
        assert!(lanes.leave("SO-1", now).is_none());
        assert!(lanes.lanes.is_empty());
    }
}
