//! When calling is of no use for any message: closed (work goes on), open (nothing is called), half-open (one message
//! at a time finds out).
//!
//! Not here: who stops taking messages, and the waiting.

use std::time::Duration;

use super::sign::{Cause, Sign};
use crate::ports::Flow;

/// So many orders must fail in a row, without a sign of life between, before it is an outage. One is that order's own
/// trouble, however often it fails. Of calls that fail by chance every second time, five in a row are one in 32, and
/// the pause is then a second long; a real outage is noticed after the first five of the messages in hand.
const ORDERS_THAT_MAKE_AN_OUTAGE: usize = 5;
/// Creates of so many orders denied, and none accepted between, are a matter of credentials.
const ORDERS_THAT_MAKE_A_DENIAL: usize = 2;

/// A time, by a clock that only goes forward.
type Time = Duration;

/// A pause.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Pause {
    /// Why, by the last failure.
    pub cause: Cause,
    /// Since the first.
    pub since: Time,
}

/// How long to pause before a message may try.
#[derive(Clone, Debug)]
pub struct Waits {
    /// After the first failure; doubled after each try that fails.
    pub first: Duration,
    /// Never longer.
    pub longest: Duration,
}

/// The breaker. Time is an argument.
#[derive(Clone, Debug)]
pub struct Breaker {
    waits: Waits,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    /// Orders that failed for a cause since the last sign that it does not hold.
    Closed {
        down: Vec<String>,
        denied: Vec<String>,
    },
    Open {
        pause: Pause,
        wait: Duration,
        probe_at: Time,
    },
    HalfOpen {
        pause: Pause,
        wait: Duration,
        began: Time,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { down: Vec::new(), denied: Vec::new() }
    }
}

impl Breaker {
    /// Closed, with nothing seen yet.
    pub fn new(waits: Waits) -> Self {
        Self { waits, state: State::default() }
    }

    /// An attempt that began then has ended, and says this.
    pub fn seen(&mut self, sign: Sign, order: &str, began: Time, now: Time) {
        match (&mut self.state, sign) {
            (State::Closed { down, denied }, Sign::Works { create }) => {
                down.clear();
                if create {
                    denied.clear();
                }
            }
            (State::Closed { down, denied }, Sign::Fails(cause)) => {
                let holds = match cause {
                    Cause::ApiDown => another(down, order, ORDERS_THAT_MAKE_AN_OUTAGE),
                    Cause::CreatesDenied => another(denied, order, ORDERS_THAT_MAKE_A_DENIAL),
                    // no order has a part in it
                    Cause::CredentialsRefused => true,
                };
                if holds {
                    self.open(Pause { cause, since: now }, self.waits.first, now);
                }
            }
            // what was under way before the probe says nothing new
            (State::HalfOpen { began: probing, .. }, _) if began < *probing => {}
            (State::HalfOpen { pause, .. }, Sign::Works { create: false }) if pause.cause == Cause::CreatesDenied => {}
            (State::HalfOpen { .. }, Sign::Works { .. }) => self.state = State::default(),
            (State::HalfOpen { pause, wait, .. }, Sign::Fails(cause)) => {
                let (pause, wait) = (Pause { cause, ..*pause }, (*wait * 2).min(self.waits.longest));
                self.open(pause, wait, now);
            }
            (State::Open { .. }, _) | (_, Sign::Nothing) => {}
        }
    }

    /// How many messages may be taken. Lets one try when it is time for that.
    pub fn flow(&mut self, now: Time) -> Flow {
        match self.state {
            State::Closed { .. } => Flow::Full,
            State::HalfOpen { .. } => Flow::One,
            State::Open { probe_at, .. } if now < probe_at => Flow::Nothing,
            State::Open { pause, wait, .. } => {
                self.state = State::HalfOpen { pause, wait, began: now };
                Flow::One
            }
        }
    }

    /// The pause, while there is one.
    pub fn pause(&self) -> Option<Pause> {
        match self.state {
            State::Closed { .. } => None,
            State::Open { pause, .. } | State::HalfOpen { pause, .. } => Some(pause),
        }
    }

    /// When a message may try, while none may.
    pub fn next_probe(&self) -> Option<Time> {
        match self.state {
            State::Open { probe_at, .. } => Some(probe_at),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    fn open(&mut self, pause: Pause, wait: Duration, now: Time) {
        self.state = State::Open { pause, wait, probe_at: now + wait };
    }
}

/// Notes an order; whether so many have failed by now.
fn another(orders: &mut Vec<String>, order: &str, many: usize) -> bool {
    if !orders.iter().any(|seen| seen == order) {
        orders.push(order.to_owned());
    }
    orders.len() >= many
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::sign::works;
    use crate::ports::Operation;

    const DOWN: Sign = Sign::Fails(Cause::ApiDown);
    const DENIED: Sign = Sign::Fails(Cause::CreatesDenied);
    const REFUSED: Sign = Sign::Fails(Cause::CredentialsRefused);

    fn breaker() -> Breaker {
        Breaker::new(Waits { first: Duration::from_secs(1), longest: Duration::from_secs(5) })
    }

    fn at(second: u64) -> Time {
        Duration::from_secs(second)
    }

    /// All of this at once; whether work goes on.
    fn goes_on(seen: &[(Sign, &str)]) -> bool {
        let (mut breaker, now) = (breaker(), Time::ZERO);
        seen.iter().for_each(|(sign, order)| breaker.seen(*sign, order, now, now));
        breaker.flow(now) == Flow::Full
    }

    #[test]
    fn an_outage_is_five_orders_that_fail_with_no_sign_of_life_between() {
        let works = works(Operation::Order);
        assert!(!goes_on(&[(DOWN, "1"), (DOWN, "2"), (DOWN, "3"), (DOWN, "4"), (DOWN, "5")]));
        assert!(goes_on(&[(DOWN, "1"), (DOWN, "2"), (works, "9"), (DOWN, "3"), (DOWN, "4"), (DOWN, "5")]));
    }

    #[test]
    fn a_single_order_that_fails_is_no_outage() {
        assert!(goes_on(&[(DOWN, "1"); 100]));
        assert!(goes_on(&[(DENIED, "1"); 100]));
    }

    #[test]
    fn a_refused_token_needs_no_second_order() {
        assert!(!goes_on(&[(REFUSED, "1")]));
    }

    #[test]
    fn creates_denied_for_two_orders_pause_unless_one_is_accepted_between() {
        assert!(!goes_on(&[(DENIED, "1"), (works(Operation::Order), "3"), (DENIED, "2")]));
        assert!(goes_on(&[(DENIED, "1"), (works(Operation::CreateOrder), "3"), (DENIED, "2")]));
    }

    #[test]
    fn a_denied_read_and_a_throttled_call_say_nothing() {
        assert!(goes_on(&[(Sign::Nothing, "1"), (Sign::Nothing, "2"), (Sign::Nothing, "3")]));
    }

    #[test]
    fn a_pause_ends_with_a_probe_that_works_and_waits_longer_after_each_that_does_not() {
        let mut breaker = breaker();
        breaker.seen(REFUSED, "1", at(0), at(0));
        let (mut now, mut waited) = (0, Vec::new());
        for _ in 0..5 {
            let next = breaker.next_probe().unwrap().as_secs();
            assert_eq!(breaker.flow(at(next - 1)), Flow::Nothing);
            assert_eq!(breaker.flow(at(next)), Flow::One);
            waited.push(next - now);
            now = next;
            breaker.seen(DOWN, "2", at(now), at(now));
        }
        assert_eq!(waited, [1, 2, 4, 5, 5]);
        let pause = breaker.pause().unwrap();
        assert_eq!(pause, Pause { cause: Cause::ApiDown, since: at(0) }, "the present cause, since the first");
        breaker.flow(at(1000));
        breaker.seen(works(Operation::Order), "2", at(1000), at(1001));
        assert_eq!((breaker.flow(at(1001)), breaker.pause()), (Flow::Full, None));
    }

    #[test]
    fn what_was_under_way_before_the_probe_decides_nothing() {
        let mut breaker = breaker();
        breaker.seen(REFUSED, "1", at(0), at(0));
        breaker.seen(works(Operation::Order), "2", at(0), at(0));
        assert_eq!(breaker.flow(at(0)), Flow::Nothing);
        assert_eq!(breaker.flow(at(1)), Flow::One);
        breaker.seen(DOWN, "3", at(0), at(2));
        breaker.seen(works(Operation::Order), "4", at(0), at(2));
        assert_eq!(breaker.flow(at(2)), Flow::One);
    }

    #[test]
    fn denied_creates_are_over_when_a_create_is_accepted_and_not_before() {
        let mut breaker = breaker();
        ["1", "2"].iter().for_each(|order| breaker.seen(DENIED, order, at(0), at(0)));
        assert_eq!(breaker.flow(at(1)), Flow::One);
        breaker.seen(works(Operation::UpdateOrder), "3", at(1), at(1));
        assert_eq!(breaker.flow(at(1)), Flow::One);
        breaker.seen(works(Operation::CreateOrder), "4", at(1), at(1));
        assert_eq!(breaker.flow(at(1)), Flow::Full);
    }
}
