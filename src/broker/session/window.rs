//! Which settled deliveries of a session are acknowledged now, and which of them together.
//!
//! Not here: sending an acknowledgement.
//!
//! One acknowledgement can cover all deliveries up to its own. It goes out for the highest one before which none is
//! unsettled, and covers nothing else. A delivery behind an unsettled one is acknowledged alone, after a short wait.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

/// How long a settled delivery waits for those before it. A follower of its order waits as long.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);

/// Settled deliveries that wait for one before them. More are acknowledged at once, each alone.
const MOST: usize = 64;

/// The part of the prefetch that may wait so: the broker sends nothing new in the place of a delivery that waits.
const PART: usize = 4;

/// The deliveries of one channel, by their tags. The broker counts them from 1.
#[derive(Debug)]
pub(super) struct Window<T> {
    /// The tag of the last delivery that came.
    last: u64,
    /// The first tag that never came, if there is one. Nothing from there on is covered by another's acknowledgement.
    skipped: Option<u64>,
    /// Deliveries that came and are not settled.
    unsettled: BTreeSet<u64>,
    /// Deliveries that are settled and not acknowledged, each with the end of its wait.
    waiting: BTreeMap<u64, (Instant, T)>,
    most: usize,
}

impl<T> Window<T> {
    /// A channel with this prefetch, by which nothing has come.
    pub(super) fn new(prefetch: u16) -> Self {
        let most = (usize::from(prefetch) / PART).clamp(1, MOST);
        Self { last: 0, skipped: None, unsettled: BTreeSet::new(), waiting: BTreeMap::new(), most }
    }

    /// A delivery has come. They come in the order of their tags.
    pub(super) fn arrives(&mut self, tag: u64) {
        if tag != self.last + 1 {
            self.skipped.get_or_insert((self.last + 1).min(tag));
        }
        self.last = self.last.max(tag);
        self.unsettled.insert(tag);
    }

    /// A delivery is settled, and waits behind a gap until then. One that did not come, or was settled before, is left
    /// alone.
    pub(super) fn settled(&mut self, tag: u64, delivery: T, until: Instant) {
        if self.unsettled.remove(&tag) {
            self.waiting.insert(tag, (until, delivery));
        }
    }

    /// Takes out the deliveries to acknowledge now. Those of one list are covered by the acknowledgement of its last.
    pub(super) fn due(&mut self, now: Instant) -> Vec<Vec<T>> {
        let behind = self.waiting.split_off(&self.gap());
        let together = std::mem::replace(&mut self.waiting, behind);
        let is_late = self.waiting.len() >= self.most || self.deadline().is_some_and(|deadline| deadline <= now);
        let alone = if is_late { std::mem::take(&mut self.waiting) } else { BTreeMap::new() };
        let mut due: Vec<Vec<T>> = alone.into_values().map(|(_, delivery)| vec![delivery]).collect();
        if !together.is_empty() {
            due.push(together.into_values().map(|(_, delivery)| delivery).collect());
        }
        due
    }

    /// Takes out all that is settled, as [`Window::due`] does: nothing waits any longer.
    pub(super) fn rest(&mut self) -> Vec<Vec<T>> {
        self.deadline().map(|deadline| self.due(deadline)).unwrap_or_default()
    }

    /// Takes out all that is settled, for an end without acknowledgements. No delivery is kept that is settled later.
    pub(super) fn give_up(&mut self) -> Vec<T> {
        self.unsettled.clear();
        std::mem::take(&mut self.waiting).into_values().map(|(_, delivery)| delivery).collect()
    }

    /// When the first of the deliveries behind a gap has waited for long enough.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.waiting.values().map(|(until, _)| *until).min()
    }

    /// The first tag that may be unsettled.
    fn gap(&self) -> u64 {
        let unsettled = self.unsettled.first().copied().unwrap_or(u64::MAX);
        self.skipped.unwrap_or(u64::MAX).min(unsettled)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PREFETCH: u16 = 16;

    /// The broker's side of one channel. It closes a channel whose acknowledgement names an unknown tag.
    #[derive(Default)]
    struct Broker {
        last: u64,
        unacknowledged: BTreeSet<u64>,
        /// Those that the worker has settled in this session.
        settled: BTreeSet<u64>,
    }

    impl Broker {
        fn acknowledged(&mut self, together: &[u64]) {
            let tag = *together.last().unwrap();
            assert!(self.unacknowledged.contains(&tag), "{tag} is acknowledged twice, or was never there");
            let covered: Vec<u64> = match together.len() {
                1 => vec![tag],
                _ => self.unacknowledged.range(..=tag).copied().collect(),
            };
            assert_eq!(covered, together, "what is acknowledged is what was settled");
            for tag in covered {
                assert!(self.settled.contains(&tag), "{tag} was not settled");
                self.unacknowledged.remove(&tag);
            }
        }
    }

    #[derive(Clone, Debug)]
    enum Step {
        Deliver(usize),
        /// A tag that the worker never sees.
        Skip,
        /// Settles one of those that are unsettled.
        Settle(prop::sample::Index),
        /// Settles the first one that is unsettled.
        SettleFirst,
        Wait(u64),
        /// Another channel, whose tags begin at 1 again.
        Reconnect,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1..6_usize).prop_map(Step::Deliver),
            8 => any::<prop::sample::Index>().prop_map(Step::Settle),
            8 => Just(Step::SettleFirst),
            3 => (0..30_u64).prop_map(Step::Wait),
            1 => Just(Step::Reconnect),
        ]
    }

    /// Runs the steps, looking for due deliveries after each; at the end of a session the rest is acknowledged.
    fn run(steps: Vec<Step>) {
        let mut now = Instant::now();
        let (mut broker, mut window) = (Broker::default(), Window::new(PREFETCH));
        let mut since: BTreeMap<u64, Instant> = BTreeMap::new();
        for step in steps {
            match step {
                Step::Deliver(count) => {
                    for _ in 0..count.min(usize::from(PREFETCH).saturating_sub(broker.unacknowledged.len())) {
                        broker.last += 1;
                        broker.unacknowledged.insert(broker.last);
                        window.arrives(broker.last);
                    }
                }
                Step::Skip => {
                    broker.last += 1;
                    broker.unacknowledged.insert(broker.last);
                }
                Step::Settle(_) | Step::SettleFirst => {
                    let unsettled: Vec<u64> = window.unsettled.iter().copied().collect();
                    if !unsettled.is_empty() {
                        let tag = if let Step::Settle(index) = step { *index.get(&unsettled) } else { unsettled[0] };
                        broker.settled.insert(tag);
                        since.insert(tag, now);
                        window.settled(tag, tag, now + PATIENCE);
                    }
                }
                Step::Wait(milliseconds) => now += Duration::from_millis(milliseconds),
                Step::Reconnect => {
                    end(&mut broker, &mut window);
                    (broker, window) = (Broker::default(), Window::new(PREFETCH));
                    since.clear();
                }
            }
            // one that was settled before is nothing new
            broker.settled.iter().for_each(|tag| window.settled(*tag, *tag, now + PATIENCE));
            window.due(now).iter().for_each(|together| broker.acknowledged(together));
            let gap = window.gap();
            for tag in broker.settled.intersection(&broker.unacknowledged) {
                assert!(*tag > gap, "{tag} waits, though nothing before it is unsettled");
                assert!(now < since[tag] + PATIENCE, "{tag} waits for too long");
            }
            assert!(window.waiting.len() < window.most, "too many wait");
        }
        end(&mut broker, &mut window);
    }

    fn end(broker: &mut Broker, window: &mut Window<u64>) {
        window.rest().iter().for_each(|together| broker.acknowledged(together));
        let left: Vec<&u64> = broker.settled.intersection(&broker.unacknowledged).collect();
        assert!(left.is_empty(), "{left:?} are settled and not acknowledged");
        assert_eq!(window.deadline(), None);
    }

    proptest! {
        #[test]
        fn what_is_acknowledged_is_exactly_what_was_settled_once_and_in_its_own_session(
            steps in prop::collection::vec(step(), 1..200),
        ) {
            run(steps);
        }

        #[test]
        fn nothing_that_the_worker_never_saw_is_acknowledged(
            (before, after) in (prop::collection::vec(step(), 1..40), prop::collection::vec(step(), 1..40)),
        ) {
            run([before, vec![Step::Skip], after].concat());
        }
    }

    #[test]
    fn one_acknowledgement_covers_all_that_are_settled_without_a_gap() {
        let (mut window, now) = (Window::new(256), Instant::now());
        (1..=5).for_each(|tag| window.arrives(tag));
        for tag in [2, 1, 4] {
            window.settled(tag, tag, now + PATIENCE);
        }
        assert_eq!(window.due(now), [vec![1, 2]]);
        assert!(window.due(now).is_empty(), "4 waits for 3");
        assert_eq!(window.deadline(), Some(now + PATIENCE));
        assert_eq!(window.due(now + PATIENCE), [vec![4]]);
        for tag in [5, 3] {
            window.settled(tag, tag, now + PATIENCE);
        }
        assert_eq!(window.due(now), [vec![3, 5]], "4 is acknowledged, so it is no gap");
    }

    #[test]
    fn one_that_waits_for_none_is_acknowledged_at_once_behind_a_gap() {
        let (mut window, now) = (Window::new(256), Instant::now());
        (1..=3).for_each(|tag| window.arrives(tag));
        window.settled(2, 2, now + PATIENCE);
        assert!(window.due(now).is_empty());
        window.settled(3, 3, now);
        assert_eq!(window.due(now), [vec![2], vec![3]], "1 stays");
    }

    #[test]
    fn what_is_settled_after_the_end_is_not_kept() {
        let (mut window, now) = (Window::new(256), Instant::now());
        (1..=3).for_each(|tag| window.arrives(tag));
        window.settled(2, 2, now + PATIENCE);
        assert_eq!(window.give_up(), [2]);
        window.settled(3, 3, now);
        assert!(window.waiting.is_empty());
    }

    #[test]
    fn behind_a_gap_no_more_wait_than_a_part_of_the_prefetch() {
        for (prefetch, most) in [(1, 1), (4, 1), (40, 10), (256, 64), (2048, 64)] {
            let (mut window, now) = (Window::new(prefetch), Instant::now());
            (1..=100).for_each(|tag| window.arrives(tag));
            for tag in 2..=most {
                window.settled(tag, tag, now + PATIENCE);
                assert_eq!(window.due(now).len(), 0, "{prefetch}");
            }
            window.settled(most + 1, most + 1, now + PATIENCE);
            assert_eq!(window.due(now).len() as u64, most, "{prefetch}: each alone");
        }
    }
}
