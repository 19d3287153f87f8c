//! Which of an order's amendments stands, field by field. PURE.
//!
//! Not here: sending amendments; fields that only ever grow.

use std::cmp::Ordering;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use jiff::Timestamp;
use uuid::Uuid;

use crate::domain::amendment_left::{Field, LastWords};
use crate::domain::input::UpdateOrderInput;

/// Orders of which amendments are remembered. Beyond that, the order that was amended longest ago is forgotten.
const REMEMBERED: usize = 10_000;

/// Amendments of one order whose copies are recognised. The fields' standing amendments do not count towards it.
const COPIES: usize = 50;

/// Place of an amendment in time, by its shop and by the broker.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Stamp {
    /// CloudEvents extension `sequence`.
    pub sequence: Option<String>,
    /// CloudEvents attribute `time`, or the AMQP timestamp.
    pub time: Option<Timestamp>,
    /// When the broker first gave the message to a worker, as far as is known.
    pub taken: Timestamp,
    /// The message was redelivered, or came through a retry queue: later ones may have been done before it.
    pub may_be_late: bool,
}

impl Stamp {
    /// Stamp of a message that an operator replays. It is meant to be the last one, whatever its shop said of it.
    pub fn of_replay(taken: Timestamp, may_be_late: bool) -> Self {
        Self { sequence: None, time: None, taken, may_be_late }
    }

    /// Whether an amendment with this stamp comes after one that was done. The sequence decides; without it, a message
    /// that is not late comes in the order of publication. Among late ones the shop's time decides, else the broker.
    pub fn is_after(&self, done: &Self) -> bool {
        let sequences = self.sequence.as_deref().zip(done.sequence.as_deref());
        let by_sequence = sequences.map(|(ours, theirs)| compare(ours, theirs)).filter(|order| order.is_ne());
        let by_time = self.time.zip(done.time).map(|(ours, theirs)| ours.cmp(&theirs)).filter(|order| order.is_ne());
        let by_taking = self.taken.cmp(&done.taken);
        match by_sequence {
            Some(order) => order.is_gt(),
            None if !self.may_be_late && by_taking.is_ge() => true,
            None => by_time.unwrap_or(by_taking).is_ge(),
        }
    }
}

/// An amendment that was done.
#[derive(Clone, Debug)]
pub struct Done {
    /// Made from source, message id and replay count. Copies of an amendment have the same.
    pub amendment: Uuid,
    /// Id of its message.
    pub message_id: String,
    /// Its place in time.
    pub stamp: Stamp,
    /// Fields that it set.
    pub set: LastWords,
    /// Whether the shop gave the message its id. Without one, two publications of one body cannot be told from copies.
    pub has_own_id: bool,
}

impl Done {
    fn is_copy_of(&self, other: &Self) -> bool {
        self.has_own_id && self.amendment == other.amendment
    }
}

/// An amendment, compared with those that were done.
#[derive(Clone, Debug, PartialEq)]
pub struct Judged {
    /// The part that is to be sent. Empty if nothing is left.
    pub wanted: UpdateOrderInput,
    /// Message id of the amendment that stands, if a field was removed for it or this is a copy.
    pub superseded_by: Option<String>,
}

/// Amendments that this process has done, of the orders last amended. An order is named by Buy with Prime's id.
///
/// `by_order` and `by_age` hold exactly the same orders, and every order has at least one amendment.
#[derive(Debug, Default)]
pub struct Amended {
    by_order: HashMap<Arc<str>, Amendments>,
    /// The order that was amended longest ago comes first.
    by_age: BTreeMap<u64, Arc<str>>,
    /// Amendments so far, of all orders.
    count: u64,
}

impl Amended {
    /// Remembers an amendment that was done. One that was superseded as a whole must not be told.
    pub fn done(&mut self, order: &str, done: Done) {
        self.count += 1;
        let age = self.by_order.get(order).map(|amendments| amendments.age);
        let name = age.and_then(|age| self.by_age.remove(&age)).unwrap_or_else(|| order.into());
        let amendments = self.by_order.entry(Arc::clone(&name)).or_default();
        amendments.age = self.count;
        amendments.add(done);
        self.by_age.insert(self.count, name);
        if self.by_age.len() > REMEMBERED
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.by_order.remove(&oldest);
        }
    }

    /// Takes out of an amendment all fields that a later one has set. Aliases and links stay: they are only added.
    /// Of a copy nothing is left once another amendment was done after the first one.
    pub fn judge(
        &self,
        order: &str,
        amendment: Uuid,
        has_own_id: bool,
        stamp: &Stamp,
        input: &UpdateOrderInput,
    ) -> Judged {
        let Some(amendments) = self.by_order.get(order) else {
            return Judged { wanted: input.clone(), superseded_by: None };
        };
        if let Some(last) = amendments.done_after(amendment).filter(|_| has_own_id) {
            return Judged { wanted: UpdateOrderInput::default(), superseded_by: Some(last.message_id.clone()) };
        }
        let mut removed = Vec::new();
        let mut stands: Option<&Done> = None;
        for field in LastWords::of(input).fields() {
            let Some(done) = amendments.standing.get(&field) else { continue };
            if done.amendment == amendment || stamp.is_after(&done.stamp) {
                continue;
            }
            removed.push(field);
            if stands.is_none_or(|other| done.stamp.is_after(&other.stamp)) {
                stands = Some(done);
            }
        }
        Judged {
            wanted: removed.into_iter().collect::<LastWords>().left_of(input),
            superseded_by: stands.map(|done| done.message_id.clone()),
        }
    }
}

/// Amendments of one order.
#[derive(Debug, Default)]
struct Amendments {
    /// Key in `by_age`.
    age: u64,
    /// The amendment that set each field last.
    standing: BTreeMap<Field, Arc<Done>>,
    /// The last one done.
    last: Option<Arc<Done>>,
    /// Amendments with an id of their own, in the order in which they were done first.
    own_ids: VecDeque<Uuid>,
}

impl Amendments {
    fn add(&mut self, done: Done) {
        let done = Arc::new(done);
        for field in done.set.fields() {
            // of two stamps of one amendment, the first one tells better when it was published
            if !self.standing.get(&field).is_some_and(|standing| done.is_copy_of(standing)) {
                self.standing.insert(field, Arc::clone(&done));
            }
        }
        if self.own_ids.contains(&done.amendment) {
            return;
        }
        if done.has_own_id {
            self.own_ids.push_back(done.amendment);
            if self.own_ids.len() > COPIES {
                self.own_ids.pop_front();
            }
        }
        self.last = Some(done);
    }

    /// The last amendment done, if it was done after this one.
    fn done_after(&self, amendment: Uuid) -> Option<&Done> {
        let last = self.last.as_deref().filter(|last| last.amendment != amendment)?;
        self.own_ids.contains(&amendment).then_some(last)
    }
}

/// Compares two sequences: as whole numbers of any length where both are, else as texts.
fn compare(ours: &str, theirs: &str) -> Ordering {
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if is_number(ours) && is_number(theirs) {
        let [ours, theirs] = [ours, theirs].map(|text| text.trim_start_matches('0'));
        return ours.len().cmp(&theirs.len()).then_with(|| ours.cmp(theirs));
    }
    ours.cmp(theirs)
}

#[cfg(test)]
mod tests;
