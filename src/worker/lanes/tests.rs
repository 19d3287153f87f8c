//! Who comes before whom.

use super::*;
use crate::ports::{History, Inbound};

fn lanes() -> (Lanes, Instant) {
    let mut lanes = Lanes::default();
    lanes.lanes.insert("SO-1".into(), Lane { busy: true, ..Lane::default() });
    (lanes, Instant::now())
}

/// One that creates nothing, of unknown rank.
fn who(number: u128, was_here: bool) -> Who {
    Who { message: Uuid::from_u128(number), creates: false, amends: false, was_here, rank: None, alone_since: None }
}

fn way(queue: usize, until: Instant) -> Way {
    Way { queue, until, awaits_create: false }
}

/// The retry queue by which it follows another; none when it is its turn.
fn turn(lanes: &mut Lanes, who: Who, now: Instant) -> Option<usize> {
    match lanes.turn("SO-1", &who, now) {
        Turn::Now => None,
        Turn::Behind(way) => Some(way.queue),
    }
}

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn whoever_follows_keeps_its_place_however_often_the_first_goes_away() {
    let (mut lanes, now) = lanes();
    assert_eq!(turn(&mut lanes, who(1, false), now), None);
    lanes.comes_again("SO-1", who(1, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, false), now), Some(0));
    lanes.followed("SO-1", who(2, false), way(0, now + 6 * SECOND));
    // the first is back and done, the second still away: the third must not overtake it
    assert_eq!(turn(&mut lanes, who(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(3, false), now + 5 * SECOND), Some(0));
    lanes.followed("SO-1", who(3, false), way(0, now + 10 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, true), now + 6 * SECOND), None);
    lanes.comes_again("SO-1", who(2, false), way(1, now + 36 * SECOND));
    // the second is away again and still before the third
    assert_eq!(turn(&mut lanes, who(3, true), now + 10 * SECOND), Some(1));
    lanes.followed("SO-1", who(3, true), way(1, now + 40 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, true), now + 36 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(3, true), now + 40 * SECOND), None);
}

#[test]
fn a_copy_of_a_message_that_is_away_is_handled_after_it_and_before_what_follows() {
    let (mut lanes, now) = lanes();
    lanes.comes_again("SO-1", who(1, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, who(1, false), now), Some(0));
    lanes.followed("SO-1", who(1, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, false), now), Some(0));
    lanes.followed("SO-1", who(2, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, who(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(2, true), now + 5 * SECOND), Some(0));
    assert_eq!(turn(&mut lanes, who(1, true), now + 5 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(2, true), now + 5 * SECOND), None);
}

#[test]
fn a_message_that_another_replica_took_is_not_waited_for_long() {
    let (mut lanes, now) = lanes();
    lanes.comes_again("SO-1", who(1, false), way(0, now));
    assert_eq!(turn(&mut lanes, who(2, false), now + SECOND), Some(0));
    lanes.followed("SO-1", who(2, false), way(0, now + 2 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, true), now + 3 * SECOND), Some(0));
    assert_eq!(turn(&mut lanes, who(2, true), now + BACK_WITHIN), None);
}

#[test]
fn a_message_that_nobody_else_can_have_taken_is_waited_for_as_long_as_the_broker_may_hold_it_back() {
    let (mut lanes, now) = lanes();
    let who = |number, was_here| Who { alone_since: Some(now + 200 * SECOND), ..who(number, was_here) };
    lanes.comes_again("SO-1", who(1, false), way(0, now));
    assert_eq!(turn(&mut lanes, who(2, false), now + SECOND), Some(0));
    lanes.followed("SO-1", who(2, false), way(0, now + 2 * SECOND));
    let given_up = now + 200 * SECOND + BACK_AT_LAST;
    assert_eq!(turn(&mut lanes, who(2, true), given_up - SECOND), Some(0));
    assert_eq!(turn(&mut lanes, who(2, true), given_up), None);
}

#[test]
fn a_create_waits_for_none_of_those_that_wait_for_it_and_they_keep_their_order() {
    let (mut lanes, now) = lanes();
    // the broker gave them out before their create
    let who = |number, was_here| Who { rank: rank(number), alone_since: Some(now), ..who(number, was_here) };
    let waits = Way { awaits_create: true, ..way(0, now + 5 * SECOND) };
    lanes.comes_again("SO-1", who(1, false), waits);
    assert_eq!(lanes.turn("SO-1", &who(2, false), now), Turn::Behind(waits));
    lanes.followed("SO-1", who(2, false), waits);
    let create = |was_here| Who { creates: true, ..who(3, was_here) };
    assert_eq!(turn(&mut lanes, create(false), now), None);
    lanes.comes_again("SO-1", create(false), way(1, now + 30 * SECOND));
    // nor does its own absence let them pass
    assert_eq!(turn(&mut lanes, who(1, true), now + 5 * SECOND), Some(1));
    lanes.followed("SO-1", who(1, true), way(1, now + 35 * SECOND));
    assert_eq!(turn(&mut lanes, Who { creates: true, ..who(4, false) }, now + 5 * SECOND), Some(1), "another create");
    assert_eq!(turn(&mut lanes, create(true), now + 30 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(2, true), now + 30 * SECOND), Some(1));
    assert_eq!(turn(&mut lanes, who(1, true), now + 35 * SECOND), None);
    assert_eq!(turn(&mut lanes, who(2, true), now + 35 * SECOND), None);
}

#[test]
fn once_there_are_other_workers_nothing_waits_for_what_awaits_its_order() {
    let (mut lanes, now) = lanes();
    let alone = |number| Who { alone_since: Some(now), ..who(number, false) };
    lanes.comes_again("SO-1", alone(1), Way { awaits_create: true, ..way(0, now + 5 * SECOND) });
    assert_eq!(turn(&mut lanes, alone(2), now), Some(0));
    assert_eq!(turn(&mut lanes, who(2, false), now), None);
}

#[test]
fn what_was_given_out_first_comes_first_though_it_is_given_back_late() {
    let (mut lanes, now) = lanes();
    let ranked = |number, was_here| Who { rank: rank(number), ..who(number, was_here) };
    lanes.comes_again("SO-1", ranked(2, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, ranked(3, false), now), Some(0));
    lanes.followed("SO-1", ranked(3, false), way(0, now + 5 * SECOND));
    assert_eq!(turn(&mut lanes, ranked(1, true), now), None);
    lanes.comes_again("SO-1", ranked(1, true), way(1, now + 30 * SECOND));
    assert_eq!(turn(&mut lanes, ranked(2, true), now + 5 * SECOND), Some(1));
    lanes.followed("SO-1", ranked(2, true), way(1, now + 30 * SECOND));
    // of unknown rank
    assert_eq!(turn(&mut lanes, who(4, false), now), Some(1));
    lanes.followed("SO-1", who(4, false), way(1, now + 30 * SECOND));
    let order: Vec<_> = lanes.lanes["SO-1"].away.iter().map(|away| away.who.message.as_u128()).collect();
    assert_eq!(order, [1, 2, 3, 4]);
}

/// The rank of a message that happened, and was given out, in this second.
fn rank(second: u128) -> Option<Rank> {
    let at = jiff::Timestamp::from_second(second.try_into().unwrap()).unwrap();
    let history = History { first_taken_at: Some(at), ..History::default() };
    Rank::of(&Inbound { alone_since: Some(Instant::now()), history, ..Inbound::default() }, Some(at))
}

#[test]
fn a_message_keeps_its_place_while_it_is_behind_all_that_a_pause_has_kept_in_the_broker() {
    let (mut lanes, now) = lanes();
    lanes.comes_again("SO-1", who(1, false), way(0, now));
    assert_eq!(turn(&mut lanes, who(2, false), now + 3600 * SECOND), Some(0));
    lanes.followed("SO-1", who(2, false), way(0, now + 3601 * SECOND));
    // the first is back, and away again: it was sent after the second, which must not take that for its absence
    assert_eq!(turn(&mut lanes, who(1, true), now + 3602 * SECOND), None);
    lanes.comes_again("SO-1", who(1, false), way(0, now + 3603 * SECOND));
    assert_eq!(turn(&mut lanes, who(2, true), now + 3700 * SECOND), Some(0));
}

#[test]
fn a_place_is_forgotten_at_last() {
    let (mut lanes, now) = lanes();
    lanes.comes_again("SO-1", who(1, false), way(0, now));
    assert_eq!(turn(&mut lanes, who(2, false), now + REMEMBERED), None);
}

#[test]
fn messages_that_other_replicas_have_taken_do_not_pile_up() {
    let (mut lanes, now) = lanes();
    for order in 0..200_000_u32 {
        let (name, now) = (order.to_string(), now + order / 100 * SECOND);
        lanes.lanes.insert(name.clone(), Lane { busy: true, ..Lane::default() });
        lanes.comes_again(&name, who(1, false), way(0, now + 5 * SECOND));
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
