//! Which messages of an order come before which: those under way, those that wait here, those away in retry queues.
//!
//! Not here: handling any of them.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;
use uuid::Uuid;

use super::rank::Rank;
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
    /// How many lanes there may be before those in which nothing happens any more are taken out.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Lane {
    /// One of its messages is under way.
    busy: bool,
    /// The rest of what was delivered, in order.
    waiting: VecDeque<(Who, Job)>,
    /// Messages in retry queues, in the order in which they have to be handled.
    away: VecDeque<Away>,
}

/// A message of an order, by what decides over its place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Who {
    /// Tells it from others of its order; its copies are the same.
    pub(super) message: Uuid,
    /// It creates the order.
    pub(super) creates: bool,
    /// It amends the order.
    pub(super) amends: bool,
    /// The broker has given it to a worker before.
    pub(super) was_here: bool,
    /// What came before it, where that is known.
    pub(super) rank: Option<Rank>,
    /// When its session began, where no other worker takes messages.
    pub(super) alone_since: Option<Instant>,
}

/// A message that is in a retry queue, or comes back for another reason.
#[derive(Clone, Copy, Debug)]
struct Away {
    who: Who,
    way: Way,
}

/// The way a message comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Way {
    /// The retry queue.
    pub(super) queue: usize,
    /// When it is to be back.
    pub(super) until: Instant,
    /// It is away since its order is not there.
    pub(super) awaits_create: bool,
}

impl Away {
    /// Whether this one is to be handled before the other. Nothing else comes before a create. What the broker gave out
    /// first comes first, also where it gives it back late.
    fn comes_before(&self, other: &Who) -> bool {
        match (self.who.creates, other.creates) {
            (true, false) => true,
            (false, true) => false,
            (true, true) | (false, false) => {
                !self.who.rank.zip(other.rank).is_some_and(|(own, rank)| own.is_after(rank))
            }
        }
    }
}

/// Whether a message may be handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing of its order comes before it.
    Now,
    /// Another one does, and is away: it follows by the same retry queue.
    Behind(Way),
}

impl Lanes {
    /// Gives the job back when nothing of its order is under way; keeps it until then.
    pub(super) fn enter(&mut self, name: &str, who: Who, job: Job) -> Option<Job> {
        let lane = self.lanes.entry(name.to_owned()).or_default();
        if lane.busy {
            lane.waiting.push_back((who, job));
            return None;
        }
        lane.busy = true;
        Some(job)
    }

    /// Whether it is this message's turn. One that is back from a retry queue leaves the list of those away; one whose turn
    /// it is not keeps its place there. A copy of one that is away is not that one: it comes after it.
    pub(super) fn turn(&mut self, name: &str, who: &Who, now: Instant) -> Turn {
        let Some(lane) = self.lanes.get_mut(name) else { return Turn::Now };
        let returns = |away: &Away| who.was_here && away.who.message == who.message;
        let own = lane.away.iter().find(|away| returns(away)).map(|away| away.way.until);
        let is_given_up = |first: &Way| {
            let passed = own.is_some_and(|own| first.until <= own);
            let until = match who.alone_since {
                // it waits for as long as it takes, and comes back to any of the workers
                None if first.awaits_create => return true,
                _ if !passed => first.until + REMEMBERED,
                None => first.until + BACK_WITHIN,
                Some(since) => first.until.max(since) + BACK_AT_LAST,
            };
            until <= now
        };
        while let Some(first) = lane.away.iter().position(|away| returns(away) || away.comes_before(who)) {
            let Some(away) = lane.away.get(first).copied() else { break };
            if !returns(&away) && !is_given_up(&away.way) {
                return Turn::Behind(away.way);
            }
            lane.away.remove(first);
            if returns(&away) {
                break;
            }
        }
        Turn::Now
    }

    /// A message whose turn it was comes again, through a retry queue or else at once: it is first then, too.
    pub(super) fn comes_again(&mut self, name: &str, who: Who, way: Way) {
        if let Some(lane) = self.lanes.get_mut(name) {
            lane.away.push_front(Away { who, way });
        }
    }

    /// A message followed another into a retry queue; once more, if it was back from one.
    pub(super) fn followed(&mut self, name: &str, who: Who, way: Way) {
        let Some(lane) = self.lanes.get_mut(name) else { return };
        if let Some(away) = lane.away.iter_mut().find(|away| who.was_here && away.who.message == who.message) {
            away.way = way;
            return;
        }
        let last = lane.away.iter().rposition(|away| away.comes_before(&who));
        lane.away.insert(last.map_or(0, |last| last + 1), Away { who, way });
    }

    /// The next job of a lane of which nothing is under way any more.
    pub(super) fn leave(&mut self, name: &str, now: Instant) -> Option<(Who, Job)> {
        let lane = self.lanes.get_mut(name)?;
        if let Some(next) = lane.waiting.pop_front() {
            return Some(next);
        }
        lane.busy = false;
        if lane.away.is_empty() {
            self.lanes.remove(name);
        }
        if self.lanes.len() > self.sweep_at {
            let kept = if self.lanes.len() > MANY { BACK_WITHIN } else { REMEMBERED };
            self.lanes.retain(|_, lane| lane.busy || lane.away.iter().any(|away| away.way.until + kept > now));
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
mod tests;
