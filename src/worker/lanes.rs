//! Which messages of an order come before which: the one under way, those that wait here, those away in retry queues.
//!
//! Not here: handling any of them.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::label::Label;
use super::work::Work;

/// How long a message in a retry queue is waited for after its time, once a later one of that queue is back. RabbitMQ
/// tries again only after three minutes to pass on a message whose target had lost its quorum.
const LATE: Duration = Duration::from_secs(600);

/// How long it is waited for where nothing is known but the time: hours of other messages may be before it in the work
/// queue.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);

/// The orders that have messages here or away. Time is an argument.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    lanes: HashMap<String, Lane>,
    /// The session that the messages here came by.
    session: u64,
    /// How many lanes there may be before those in which nothing happens any more are removed.
    sweep_at: usize,
}

#[derive(Debug, Default)]
struct Lane {
    /// One of its messages is under way or held.
    busy: bool,
    /// That one is held for its delay, in this process.
    held: bool,
    /// The rest of its deliveries, in order.
    waiting: VecDeque<Work>,
    /// Messages in retry queues, in the order in which they have to be handled.
    away: VecDeque<Away>,
}

/// A message that is in a retry queue.
#[derive(Clone, Debug)]
struct Away {
    label: Arc<Label>,
    way: Way,
}

/// The way a message comes back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Way {
    /// When it is to be back.
    pub(super) until: Instant,
    /// It is away since its order is not there.
    pub(super) awaits_create: bool,
}

impl Away {
    /// Whether this one is to be handled before the other. Nothing else comes before a create.
    fn comes_before(&self, other: &Label) -> bool {
        self.label.creates() || !other.creates()
    }
}

/// Whether a message may be handled.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Turn {
    /// Nothing of its order comes before it.
    Now,
    /// Others do, and are away: until when all of them are to be back, and whether the first awaits its create.
    Behind(Way),
}

impl Lanes {
    /// Messages come by this session from now on. The broker redelivers all that came by the last one and was not settled.
    /// Messages that were away may have come back to another worker meanwhile: nothing waits for them.
    /// Says whether the session is a new one.
    pub(super) fn of_session(&mut self, number: u64) -> bool {
        if std::mem::replace(&mut self.session, number) == number {
            return false;
        }
        for lane in self.lanes.values_mut() {
            lane.away.clear();
            lane.waiting.clear();
        }
        self.lanes.retain(|_, lane| lane.busy);
        true
    }

    /// Gives the message back when nothing of its order is under way; keeps it until then.
    pub(super) fn enter(&mut self, mut work: Work) -> Option<Work> {
        let Some(name) = work.label.lane.clone() else { return Some(work) };
        let lane = self.lanes.entry(name).or_default();
        if lane.busy {
            work.waits_in_lane(true);
            lane.waiting.push_back(work);
            return None;
        }
        lane.busy = true;
        Some(work)
    }

    /// Whether it is this message's turn. One that is back from a retry queue leaves the list of those away; one whose turn
    /// it is not keeps its place there. A copy of one that is away is not that one: it comes after it.
    pub(super) fn turn(&mut self, label: &Label, now: Instant) -> Turn {
        let Some(lane) = self.lane(label) else { return Turn::Now };
        let returns = |away: &Away| label.is_return_of(&away.label);
        let own = lane.away.iter().find(|away| returns(away)).map(|away| away.way.until);
        let is_given_up = |first: &Way| {
            let passed = own.is_some_and(|own| first.until <= own);
            first.until + if passed { LATE } else { REMEMBERED } <= now
        };
        while let Some(first) = lane.away.iter().position(|away| returns(away) || away.comes_before(label)) {
            let Some(away) = lane.away.get(first).cloned() else { break };
            if !returns(&away) && !is_given_up(&away.way) {
                let before = lane.away.iter().take_while(|away| !returns(away)).filter(|away| away.comes_before(label));
                let until = before.map(|away| away.way.until).max().unwrap_or(away.way.until);
                return Turn::Behind(Way { until, ..away.way });
            }
            lane.away.remove(first);
            if returns(&away) {
                break;
            }
        }
        Turn::Now
    }

    /// A message whose turn it was went into a retry queue: it is first when it is back, too. It may be back before its
    /// hop is known to be carried out. Then it is the next one, before those that follow it in retry queues.
    pub(super) fn comes_again(&mut self, label: &Arc<Label>, way: Way) {
        let Some(lane) = self.lane(label) else { return };
        let is_it = |work: &Work| work.label.is_return_of(label);
        if let Some(back) = lane.waiting.iter().position(is_it).and_then(|at| lane.waiting.remove(at)) {
            lane.waiting.push_front(back);
        }
        lane.away.push_front(Away { label: Arc::clone(label), way });
    }

    /// A message followed another into a retry queue; once more, if it was back from one.
    pub(super) fn followed(&mut self, label: &Arc<Label>, way: Way) {
        let Some(lane) = self.lane(label) else { return };
        if let Some(away) = lane.away.iter_mut().find(|away| label.is_return_of(&away.label)) {
            away.way = way;
            return;
        }
        let last = lane.away.iter().rposition(|away| away.comes_before(label));
        lane.away.insert(last.map_or(0, |last| last + 1), Away { label: Arc::clone(label), way });
    }

    /// Holds the message under way, with those that wait behind it. Where more than `most` would be held so, amendments are
    /// still held. A retry queue is forgotten at a hand-over, and of amendments the last one must win.
    pub(super) fn hold(&mut self, label: &Label, most: usize) -> bool {
        let held = self.lanes.values().filter(|lane| lane.held).map(Lane::here).sum::<usize>();
        let Some(lane) = self.lane(label) else { return false };
        let amends = label.amends() || lane.waiting.iter().any(|work| work.label.amends());
        lane.held = amends || held + lane.here() <= most;
        lane.held
    }

    /// The message that was held is under way again.
    pub(super) fn let_go(&mut self, label: &Label) {
        if let Some(lane) = self.lane(label) {
            lane.held = false;
        }
    }

    /// The next message of a lane of which nothing is under way any more.
    pub(super) fn leave(&mut self, label: &Label, now: Instant) -> Option<Work> {
        let name = label.lane.as_deref()?;
        let lane = self.lanes.get_mut(name)?;
        lane.held = false;
        if let Some(mut next) = lane.waiting.pop_front() {
            next.waits_in_lane(false);
            return Some(next);
        }
        lane.busy = false;
        if lane.away.is_empty() {
            self.lanes.remove(name);
        }
        if self.lanes.len() > self.sweep_at {
            self.lanes.retain(|_, lane| lane.busy || lane.away.iter().any(|away| away.way.until + REMEMBERED > now));
            self.sweep_at = self.lanes.len() * 2 + 1000;
        }
        None
    }

    fn lane(&mut self, label: &Label) -> Option<&mut Lane> {
        self.lanes.get_mut(label.lane.as_deref()?)
    }

    /// Drops all that waits.
    pub(super) fn give_back(&mut self) {
        self.lanes.values_mut().for_each(|lane| lane.waiting.clear());
    }
}

impl Lane {
    /// The message under way and those that wait behind it.
    fn here(&self) -> usize {
        1 + self.waiting.len()
    }
}

#[cfg(test)]
mod tests;
