//! Who comes before whom.

use std::collections::BTreeMap;

use proptest::prelude::*;
use tokio::sync::oneshot;

use super::*;
use crate::domain::envelope::Kind;
use crate::ports::{Inbound, Job};
use crate::trace::Relation;
use crate::worker::open::{Opened, Unread};

fn lanes() -> (Lanes, Instant) {
    let mut lanes = Lanes::default();
    lanes.lanes.insert("SO-1".into(), Lane { busy: true, ..Lane::default() });
    (lanes, Instant::now())
}

/// A message of `SO-1` that neither creates nor amends it.
fn label(number: u64, was_here: bool) -> Arc<Label> {
    of("SO-1", Kind::FulfillmentTriggered, number, was_here)
}

fn of(order: &str, kind: Kind, number: u64, was_here: bool) -> Arc<Label> {
    Arc::new(Label { lane: Some(order.into()), kind: Some(kind), copy: number, was_here, ..Label::default() })
}

fn work(number: u64) -> Work {
    work_of(&label(number, false))
}

fn work_of(label: &Label) -> Work {
    let job = Job { inbound: Inbound::default().into(), settle: oneshot::channel().0, handlings: None };
    Work::new(job, label.clone(), Opened::Unread(Unread::TooLarge), Arc::default(), Relation::default())
}

fn way(until: Instant) -> Way {
    Way { until, awaits_create: false }
}

/// When those are to be back that come before it; none when it is its turn.
fn turn(lanes: &mut Lanes, label: impl AsRef<Label>, now: Instant) -> Option<Instant> {
    match lanes.turn(label.as_ref(), now) {
        Turn::Now => None,
        Turn::Behind(way) => Some(way.until),
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn whoever_follows_keeps_its_place_however_often_the_first_goes_away() {
    let (mut lanes, now) = lanes();
    assert_eq!(turn(&mut lanes, label(1, false), now), None);
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, false), now), Some(now + 5 * SECOND));
    lanes.followed(&label(2, false), way(now + 6 * SECOND));
    // the first is back and done, the second still away: the third must not overtake it
    assert_eq!(turn(&mut lanes, label(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(3, false), now + 5 * SECOND), Some(now + 6 * SECOND));
    lanes.followed(&label(3, false), way(now + 10 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, true), now + 6 * SECOND), None);
    lanes.comes_again(&label(2, false), way(now + 36 * SECOND));
    // the second is away again and still before the third
    assert_eq!(turn(&mut lanes, label(3, true), now + 10 * SECOND), Some(now + 36 * SECOND));
    lanes.followed(&label(3, true), way(now + 40 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, true), now + 36 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(3, true), now + 40 * SECOND), None);
}

#[test]
fn a_copy_of_a_message_that_is_away_is_handled_after_it_and_before_what_follows() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, label(1, false), now), Some(now + 5 * SECOND));
    lanes.followed(&label(1, false), way(now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, false), now), Some(now + 5 * SECOND));
    lanes.followed(&label(2, false), way(now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, label(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(2, true), now + 5 * SECOND), Some(now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, label(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(2, true), now + 5 * SECOND), None);
}

#[test]
fn a_message_that_does_not_come_back_is_waited_for_as_long_as_the_broker_may_hold_it_back() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now));
    assert_eq!(turn(&mut lanes, label(2, false), now + SECOND), Some(now));
    lanes.followed(&label(2, false), way(now + 2 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, true), now + LATE - SECOND), Some(now));
    assert_eq!(turn(&mut lanes, label(2, true), now + LATE), None);
}

#[test]
fn a_new_session_waits_for_nothing_that_the_last_one_sent_away_or_left_here() {
    let (mut lanes, now) = lanes();
    assert!(lanes.of_session(1));
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    assert!(lanes.enter(work(2)).is_none());
    assert!(!lanes.of_session(1));
    assert_eq!(turn(&mut lanes, label(3, false), now), Some(now + 5 * SECOND));
    assert!(lanes.of_session(2));
    assert_eq!(turn(&mut lanes, label(3, false), now), None);
    assert!(lanes.enter(work(2)).is_none(), "the call that is under way goes on");
    assert!(lanes.leave(&label(0, false), now).is_some() && lanes.leave(&label(0, false), now).is_none());
}

#[test]
fn messages_are_held_with_those_behind_them_up_to_a_number() {
    let (mut lanes, now) = lanes();
    let named = |name: &str, number| of(name, Kind::FulfillmentTriggered, number, false);
    let enter = |lanes: &mut Lanes, name: &str, number| lanes.enter(work_of(&named(name, number))).is_some();
    assert!(!enter(&mut lanes, "SO-1", 2) && enter(&mut lanes, "SO-2", 3) && enter(&mut lanes, "SO-3", 4));
    let hold = |lanes: &mut Lanes, name| lanes.hold(&named(name, 0), 3);
    assert!(hold(&mut lanes, "SO-1") && hold(&mut lanes, "SO-2"));
    assert!(!hold(&mut lanes, "SO-3"), "two of the first, one of the second");
    let amendment = of("SO-3", Kind::OrderAmended, 0, false);
    assert!(lanes.hold(&amendment, 3), "an amendment is held in any case");
    lanes.let_go(&named("SO-3", 0));
    lanes.let_go(&named("SO-1", 0));
    assert!(hold(&mut lanes, "SO-3"));
    assert!(lanes.leave(&named("SO-3", 0), now).is_none() && !hold(&mut lanes, "SO-3"), "it is gone");
}

#[test]
fn a_message_with_an_amendment_behind_it_is_held_in_any_case() {
    let (mut lanes, _) = lanes();
    assert!(!lanes.hold(&label(1, false), 0));
    let amendment = work_of(&of("SO-1", Kind::OrderAmended, 2, false));
    assert!(lanes.enter(amendment).is_none());
    assert!(lanes.hold(&label(1, false), 0));
}

#[test]
fn a_create_waits_for_none_of_those_that_wait_for_it_and_they_keep_their_order() {
    let (mut lanes, now) = lanes();
    let waits = Way { awaits_create: true, ..way(now + 5 * SECOND) };
    lanes.comes_again(&label(1, false), waits);
    assert_eq!(lanes.turn(&label(2, false), now), Turn::Behind(waits));
    lanes.followed(&label(2, false), waits);
    let create = |was_here| of("SO-1", Kind::CheckoutCompleted, 3, was_here);
    assert_eq!(turn(&mut lanes, create(false), now), None);
    lanes.comes_again(&create(false), way(now + 30 * SECOND));
    // nor does its own absence let them pass
    assert_eq!(turn(&mut lanes, label(1, true), now + 5 * SECOND), Some(now + 30 * SECOND));
    lanes.followed(&label(1, true), way(now + 35 * SECOND));
    assert_eq!(
        turn(&mut lanes, of("SO-1", Kind::CheckoutCompleted, 4, false), now + 5 * SECOND),
        Some(now + 30 * SECOND),
        "another create"
    );
    assert_eq!(turn(&mut lanes, create(true), now + 30 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(2, true), now + 30 * SECOND), Some(now + 35 * SECOND));
    assert_eq!(turn(&mut lanes, label(1, true), now + 35 * SECOND), None);
    assert_eq!(turn(&mut lanes, label(2, true), now + 35 * SECOND), None);
}

#[test]
fn a_message_keeps_its_place_while_it_is_behind_all_that_a_pause_has_kept_in_the_broker() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now));
    assert_eq!(turn(&mut lanes, label(2, false), now + 3600 * SECOND), Some(now));
    lanes.followed(&label(2, false), way(now + 3601 * SECOND));
    // the first is back, and away again: it was sent after the second, which must not take that for its absence
    assert_eq!(turn(&mut lanes, label(1, true), now + 3602 * SECOND), None);
    lanes.comes_again(&label(1, false), way(now + 3603 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, true), now + 3700 * SECOND), Some(now + 3603 * SECOND));
}

#[test]
fn a_message_follows_until_all_are_back_that_come_before_it() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    lanes.followed(&label(2, false), way(now + 30 * SECOND));
    lanes.followed(&label(3, false), way(now + 40 * SECOND));
    assert_eq!(turn(&mut lanes, label(4, false), now), Some(now + 40 * SECOND));
    // for none that comes after it
    assert_eq!(turn(&mut lanes, label(2, true), now), Some(now + 5 * SECOND));
    // the order of the hops does not matter: the one that is back last counts
    lanes.followed(&label(3, true), way(now + 20 * SECOND));
    assert_eq!(turn(&mut lanes, label(4, false), now), Some(now + 30 * SECOND));
}

#[test]
fn a_message_that_is_back_before_its_hop_is_known_goes_on_first_and_nothing_follows_it_away() {
    let (mut lanes, now) = lanes();
    let back = work_of(&label(1, true));
    for waiting in [work(2), back, work(3)] {
        assert!(lanes.enter(waiting).is_none());
    }
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    for expected in [1, 2, 3] {
        let next = lanes.leave(&label(0, false), now).unwrap();
        assert_eq!(next.label.copy, expected);
        assert_eq!(turn(&mut lanes, next.label, now), None);
    }
    // an equal message that is new is not that one
    assert!(lanes.enter(work(4)).is_none());
    lanes.comes_again(&label(4, false), way(now + 5 * SECOND));
    let new = lanes.leave(&label(0, false), now).unwrap();
    assert_eq!(turn(&mut lanes, new.label, now), Some(now + 5 * SECOND));
}

#[test]
fn a_message_that_is_back_before_its_hop_is_known_goes_on_before_what_follows_it_in_a_retry_queue() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now + 5 * SECOND));
    lanes.followed(&label(2, false), way(now + 60 * SECOND));
    assert_eq!(turn(&mut lanes, label(1, true), now + 5 * SECOND), None);
    assert!(lanes.enter(work_of(&label(1, true))).is_none());
    lanes.comes_again(&label(1, true), way(now + 6 * SECOND));
    let back = lanes.leave(&label(0, false), now + 6 * SECOND).unwrap();
    assert_eq!(turn(&mut lanes, back.label, now + 6 * SECOND), None, "the second is still away");
    lanes.comes_again(&label(1, true), way(now + 90 * SECOND));
    assert_eq!(turn(&mut lanes, label(2, true), now + 60 * SECOND), Some(now + 90 * SECOND));
}

#[test]
fn a_place_is_forgotten_at_last() {
    let (mut lanes, now) = lanes();
    lanes.comes_again(&label(1, false), way(now));
    assert_eq!(turn(&mut lanes, label(2, false), now + REMEMBERED), None);
}

#[test]
fn a_lane_in_which_nothing_happens_is_taken_out() {
    let (mut lanes, now) = lanes();
    assert!(lanes.leave(&label(0, false), now).is_none());
    assert!(lanes.lanes.is_empty());
}

/// Delays of the retry queues, in seconds. A hop is confirmed sooner or later than its message is back.
const DELAYS: [u64; 3] = [1, 5, 30];

/// Something that comes about at a moment.
enum Event {
    /// A message is delivered.
    Comes(Arc<Label>),
    /// A hop of a message is confirmed: in its turn, or behind another.
    Hopped { label: Arc<Label>, followed: bool, delay: u64 },
    /// The result of a message is confirmed.
    Done(Arc<Label>),
}

/// One order's messages and the broker, second by second.
struct Life {
    lanes: Lanes,
    began: Instant,
    second: u64,
    /// By their moments, and those of one moment in turn.
    events: BTreeMap<(u64, usize), Event>,
    count: usize,
    /// How often each message still fails.
    fails: Vec<usize>,
    /// Retry queues and seconds until a confirm, one after the other, again and again.
    hops: std::iter::Cycle<std::vec::IntoIter<(usize, u64)>>,
    done: Vec<u64>,
}

impl Life {
    fn at(&mut self, second: u64, event: Event) {
        self.count += 1;
        assert!(self.count < 100_000, "it does not end");
        self.events.insert((second, self.count), event);
    }

    fn now(&self) -> Instant {
        self.began + SECOND * u32::try_from(self.second).unwrap()
    }

    fn begin(&mut self, label: Arc<Label>) {
        let (queue, confirmed) = self.hops.next().unwrap();
        let confirmed = self.second + confirmed;
        let followed = self.lanes.turn(&label, self.now()) != Turn::Now;
        let fails = &mut self.fails[usize::try_from(label.copy).unwrap()];
        if !followed && *fails == 0 {
            return self.at(confirmed, Event::Done(label));
        }
        *fails -= usize::from(!followed);
        let (delay, of_number) = (DELAYS[queue], self::label(label.copy, true));
        self.at(self.second + delay, Event::Comes(of_number));
        self.at(confirmed, Event::Hopped { label, followed, delay });
    }

    fn pass(&mut self, event: Event) {
        let (label, now) = match event {
            Event::Comes(label) => {
                if self.lanes.enter(work_of(&label)).is_some() {
                    self.begin(label);
                }
                return;
            }
            Event::Hopped { label, followed, delay } => {
                let way = way(self.now() + SECOND * u32::try_from(delay).unwrap());
                match followed {
                    true => self.lanes.followed(&label, way),
                    false => self.lanes.comes_again(&label, way),
                }
                (label, self.now())
            }
            Event::Done(label) => {
                self.done.push(label.copy);
                (label, self.now())
            }
        };
        if let Some(next) = self.lanes.leave(&label, now) {
            self.begin(next.label);
        }
    }
}

proptest! {
    #[test]
    fn messages_of_an_order_are_done_in_their_order_whatever_is_confirmed_late(
        (fails, hops) in (prop::collection::vec(0_usize..4, 1..6), prop::collection::vec((0..DELAYS.len(), 0_u64..8), 1..40)),
    ) {
        let (lanes, began) = (Lanes::default(), Instant::now());
        let (published, hops) = (fails.len() as u64, hops.into_iter().cycle());
        let (events, done) = (BTreeMap::new(), Vec::new());
        let mut life = Life { lanes, began, second: 0, events, count: 0, fails, hops, done };
        for number in 0..published {
            life.at(number, Event::Comes(label(number, false)));
        }
        while let Some(((second, _), event)) = life.events.pop_first() {
            life.second = second;
            life.pass(event);
        }
        prop_assert_eq!(&life.done, &Vec::from_iter(0..published));
        prop_assert!(life.lanes.lanes.is_empty(), "nothing is left");
    }
}
