//! Which messages of an order come before which: those under way, those that wait here, those away in retry queues.
//!
//! Not here: handling any of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use crate::ports::Job;

/// A message that is not back so long after its time, although one that was sent after it is, is taken for another
/// replica's: it would have come first, unless the broker held it back for longer, as it may after the loss of a quorum.
pub(super) const BACK_WITHIN: Duration = Duration::from_secs(60);

/// Where nobody else can have it, it is waited for: RabbitMQ tries again only after three minutes what it could not pass
/// on from a retry queue when a node was lost. Nor does it come while there is no session.
const BACK_AT_LAST: Duration = Duration::from_secs(600);

/// Where nothing is known but the time, a message may be behind hours of others, which a pause has kept in the broker.
/// What comes later than that finds its place forgotten, so that what other replicas took does not pile up here.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);

/// More lanes than one worker ever has: most of their messages were taken by other replicas, between which no order is
/// kept, so that those that are late are forgotten sooner.
const MANY: usize = 50_000;

/// The orders that have messages here or away. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    /// Since when this worker has taken messages without a break; nothing where others may have taken some.
    alone_since: Option<Instant>,
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

#[derive(Clone, Copy, Debug)]
struct Away {
    message: Uuid,
    queue: usize,
    until: Instant,
}

/// Whether a message may be handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing of its order comes before it.
    Now,
    /// Another one does, and is away by this retry queue: it follows by the same.
    Behind(usize),
}

impl Lanes {
    /// Who else takes messages, as far as is known.
    pub(super) fn alone_since(&mut self, since: Option<Instant>) {
        self.alone_since = since;
    }

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

    /// Whether it is this message's turn. One that is back from a retry queue leaves the list of those away; one that is
    /// not first keeps its place there. A copy of one that is away is not that one: it comes after it.
    pub(super) fn turn(&mut self, name: &str, message: Uuid, is_back: bool, now: Instant) -> Turn {
        let Some(lane) = self.lanes.get_mut(name) else { return Turn::Now };
        let returns = |away: &Away| is_back && away.message == message;
        let own = lane.away.iter().find(|away| returns(away)).map(|away| away.until);
        let is_given_up = |first: &Away| {
            let passed = own.is_some_and(|own| first.until <= own);
            let until = match self.alone_since {
                _ if !passed => first.until + REMEMBERED,
                None => first.until + BACK_WITHIN,
                Some(since) => first.until.max(since) + BACK_AT_LAST,
            };
            until <= now
        };
        while lane.away.front().is_some_and(|first| !returns(first) && is_given_up(first)) {
            lane.away.pop_front();
        }
        match lane.away.front() {
            None => Turn::Now,
            Some(first) if returns(first) => {
                lane.away.pop_front();
                Turn::Now
            }
            Some(first) => Turn::Behind(first.queue),
        }
    }

    /// A message whose turn it was comes again, through a retry queue or else at once: it is first then, too.
    pub(super) fn comes_again(&mut self, name: &str, message: Uuid, queue: usize, until: Instant) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.away.push_front(Away { message, queue, until });
        }
    }

    /// A message followed another into a retry queue; once more, if it was back from one.
    pub(super) fn followed(&mut self, name: &str, message: Uuid, was_back: bool, queue: usize, until: Instant) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        match lane.away.iter_mut().find(|away| was_back && away.message == message) {
            Some(away) => (away.queue, away.until) = (queue, until),
            None => lane.away.push_back(Away { message, queue, until }),
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
            let kept = if self.lanes.len() > MANY { BACK_WITHIN } else { REMEMBERED };
            self.lanes.retain(|_, lane| lane.busy || lane.away.iter().any(|away| away.until + kept > now));
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

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn whoever_follows_keeps_its_place_however_often_the_first_goes_away() {
        let (mut lanes, now) = lanes();
        assert_eq!(lanes.turn("SO-1", id(1), false, now), Turn::Now);
        lanes.comes_again("SO-1", id(1), 0, now + 5 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), false, now), Turn::Behind(0));
        lanes.followed("SO-1", id(2), false, 0, now + 6 * SECOND);
        // the first is back and done, the second still away: the third must not overtake it
        assert_eq!(lanes.turn("SO-1", id(1), true, now + 5 * SECOND), Turn::Now);
        assert_eq!(lanes.turn("SO-1", id(3), false, now + 5 * SECOND), Turn::Behind(0));
        lanes.followed("SO-1", id(3), false, 0, now + 10 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 6 * SECOND), Turn::Now);
        lanes.comes_again("SO-1", id(2), 1, now + 36 * SECOND);
        // the second is away again and still before the third
        assert_eq!(lanes.turn("SO-1", id(3), true, now + 10 * SECOND), Turn::Behind(1));
        lanes.followed("SO-1", id(3), true, 1, now + 40 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 36 * SECOND), Turn::Now);
        assert_eq!(lanes.turn("SO-1", id(3), true, now + 40 * SECOND), Turn::Now);
    }

    #[test]
    fn a_copy_of_a_message_that_is_away_is_handled_after_it_and_before_what_follows() {
        let (mut lanes, now) = lanes();
        lanes.comes_again("SO-1", id(1), 0, now + 5 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(1), false, now), Turn::Behind(0));
        lanes.followed("SO-1", id(1), false, 0, now + 5 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), false, now), Turn::Behind(0));
        lanes.followed("SO-1", id(2), false, 0, now + 5 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(1), true, now + 5 * SECOND), Turn::Now);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 5 * SECOND), Turn::Behind(0));
        assert_eq!(lanes.turn("SO-1", id(1), true, now + 5 * SECOND), Turn::Now);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 5 * SECOND), Turn::Now);
    }

    #[test]
    fn a_message_that_another_replica_took_is_not_waited_for_long() {
        let (mut lanes, now) = lanes();
        lanes.comes_again("SO-1", id(1), 0, now);
        assert_eq!(lanes.turn("SO-1", id(2), false, now + SECOND), Turn::Behind(0));
        lanes.followed("SO-1", id(2), false, 0, now + 2 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 3 * SECOND), Turn::Behind(0));
        assert_eq!(lanes.turn("SO-1", id(2), true, now + BACK_WITHIN), Turn::Now);
    }

    #[test]
    fn a_message_that_nobody_else_can_have_taken_is_waited_for_as_long_as_the_broker_may_hold_it_back() {
        let (mut lanes, now) = lanes();
        lanes.alone_since(Some(now + 200 * SECOND));
        lanes.comes_again("SO-1", id(1), 0, now);
        assert_eq!(lanes.turn("SO-1", id(2), false, now + SECOND), Turn::Behind(0));
        lanes.followed("SO-1", id(2), false, 0, now + 2 * SECOND);
        let given_up = now + 200 * SECOND + BACK_AT_LAST;
        assert_eq!(lanes.turn("SO-1", id(2), true, given_up - SECOND), Turn::Behind(0));
        assert_eq!(lanes.turn("SO-1", id(2), true, given_up), Turn::Now);
    }

    #[test]
    fn a_message_keeps_its_place_while_it_is_behind_all_that_a_pause_has_kept_in_the_broker() {
        let (mut lanes, now) = lanes();
        lanes.comes_again("SO-1", id(1), 0, now);
        assert_eq!(lanes.turn("SO-1", id(2), false, now + 3600 * SECOND), Turn::Behind(0));
        lanes.followed("SO-1", id(2), false, 0, now + 3601 * SECOND);
        // the first is back, and away again: it was sent after the second, which must not take that for its absence
        assert_eq!(lanes.turn("SO-1", id(1), true, now + 3602 * SECOND), Turn::Now);
        lanes.comes_again("SO-1", id(1), 0, now + 3603 * SECOND);
        assert_eq!(lanes.turn("SO-1", id(2), true, now + 3700 * SECOND), Turn::Behind(0));
    }

    #[test]
    fn a_place_is_forgotten_at_last() {
        let (mut lanes, now) = lanes();
        lanes.comes_again("SO-1", id(1), 0, now);
        assert_eq!(lanes.turn("SO-1", id(2), false, now + REMEMBERED), Turn::Now);
    }

    #[test]
    fn messages_that_other_replicas_have_taken_do_not_pile_up() {
        let (mut lanes, now) = lanes();
        for order in 0..200_000_u32 {
            let (name, now) = (order.to_string(), now + order / 100 * SECOND);
            lanes.lanes.insert(name.clone(), Lane { busy: true, ..Lane::default() });
            lanes.comes_again(&name, id(1), 0, now + 5 * SECOND);
            assert!(lanes.leave(&name, now).is_none());
            assert!(lanes.lanes.len() <= 2 * MANY, "{order}");
        }
    }

    #[test]
    fn a_lane_in_which_nothing_happens_is_taken_out() {
        let (mut lanes, now) = lanes();
        assert!(lanes.leave("SO-1", now).is_none());
        assert!(lanes.lanes.is_empty());
    }
}
