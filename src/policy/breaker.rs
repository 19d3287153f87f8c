//! When calling is of no use: closed (calls begin), open (none begins), half-open (one at a time finds out).
//!
//! Not here: which attempts say so (`sign`), the waiting.

use std::time::Duration;

use super::sign::Cause;

/// Failures of so many orders in a row, without a sign of life between, are an outage. One is that order's own trouble,
/// however often it fails. Of calls that fail by chance every second time, five in a row are one in 32. The pause is then
/// a second long. A real outage is noticed after the first five of the messages in flight.
const ORDERS_THAT_MAKE_AN_OUTAGE: usize = 5;
/// Creates of so many orders denied, and none accepted between, are a matter of credentials.
const ORDERS_THAT_MAKE_A_DENIAL: usize = 2;

/// A time, by a clock that only goes forward.
type Time = Duration;

/// Why calls do not work, from the first failure that paused them until a call succeeds.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Outage {
    /// Why, by the last failure.
    pub cause: Cause,
    /// How the API answered then, in its own names.
    pub answer: String,
    /// Since the first failure that paused.
    pub since: Time,
}

/// An attempt that failed, as far as it speaks against calling.
#[derive(Clone, Copy, Debug)]
pub struct Failed<'a> {
    /// The order that it was for.
    pub order: &'a str,
    /// The cause that it may stand for.
    pub cause: Cause,
    /// How the API answered, in its own names.
    pub answer: &'a str,
}

/// How long to pause before a message may try.
#[derive(Clone, Debug)]
pub struct Waits {
    /// After the first failure; doubled after each try that fails.
    pub first: Duration,
    /// Never longer.
    pub longest: Duration,
}

/// Whether a call may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It may.
    Free,
    /// It may, alone: [`Breaker::release`] must be called at its end.
    Probe,
    /// Not now: at this time, or, without one, when the call under way has ended.
    Wait(Option<Time>),
}

/// The breaker of a group of operations. Time is an argument.
#[derive(Clone, Debug)]
pub struct Breaker {
    waits: Waits,
    state: State,
}

#[derive(Clone, Debug)]
enum State {
    Closed {
        /// Orders that failed since the last sign that calling is of use, each for its last cause.
        failing: Vec<(String, Cause)>,
        /// After a takeover, until a call is answered: whether one is under way.
        one_at_a_time: Option<bool>,
    },
    Open {
        outage: Outage,
        wait: Duration,
        probe_at: Time,
    },
    HalfOpen {
        outage: Outage,
        wait: Duration,
        began: Time,
        under_way: bool,
    },
}

impl Default for State {
    fn default() -> Self {
        Self::Closed { failing: Vec::new(), one_at_a_time: None }
    }
}

impl Breaker {
    /// Closed, with nothing seen yet.
    pub fn new(waits: Waits) -> Self {
        Self { waits, state: State::default() }
    }

    /// Calls begin one at a time until one is answered: the worker before this one may have paused.
    pub fn one_at_a_time(&mut self) {
        if let State::Closed { one_at_a_time, .. } = &mut self.state {
            one_at_a_time.get_or_insert(false);
        }
    }

    /// Whether a call may begin now.
    pub fn admit(&mut self, now: Time) -> Admission {
        if let State::Open { outage, wait, probe_at } = &self.state {
            if now < *probe_at {
                return Admission::Wait(Some(*probe_at));
            }
            self.state = State::HalfOpen { outage: outage.clone(), wait: *wait, began: now, under_way: false };
        }
        match &mut self.state {
            State::Closed { one_at_a_time: Some(under_way), .. } | State::HalfOpen { under_way, .. } => {
                if std::mem::replace(under_way, true) {
                    Admission::Wait(None)
                } else {
                    Admission::Probe
                }
            }
            State::Closed { one_at_a_time: None, .. } | State::Open { .. } => Admission::Free,
        }
    }

    /// A call that was admitted as a probe has ended, whatever it said.
    pub fn release(&mut self) {
        match &mut self.state {
            State::Closed { one_at_a_time: Some(under_way), .. } | State::HalfOpen { under_way, .. } => {
                *under_way = false;
            }
            State::Closed { one_at_a_time: None, .. } | State::Open { .. } => {}
        }
    }

    /// An attempt that began then has shown that calling is of use.
    pub fn works(&mut self, began: Time) {
        match &self.state {
            State::Closed { failing, one_at_a_time: None } if failing.is_empty() => {}
            State::Closed { .. } => self.state = State::default(),
            // an attempt from before the probe says nothing new
            State::HalfOpen { began: probing, .. } if began >= *probing => self.state = State::default(),
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// An attempt that began then has failed.
    pub fn fails(&mut self, failed: Failed<'_>, began: Time, now: Time) {
        let Failed { cause, answer, .. } = failed;
        let outage = |since| Outage { cause, answer: answer.into(), since };
        match &mut self.state {
            State::Closed { failing, .. } => {
                if is_enough(failing, failed) {
                    self.open(outage(now), self.waits.first, now);
                }
            }
            State::HalfOpen { outage: before, wait, began: probing, .. } if began >= *probing => {
                let (outage, wait) = (outage(before.since), (*wait * 2).min(self.waits.longest));
                self.open(outage, wait, now);
            }
            State::HalfOpen { .. } | State::Open { .. } => {}
        }
    }

    /// Whether a call that asks now would wait.
    pub fn makes_wait(&self, now: Time) -> bool {
        match &self.state {
            State::Closed { one_at_a_time, .. } => *one_at_a_time == Some(true),
            State::Open { probe_at, .. } => now < *probe_at,
            State::HalfOpen { under_way, .. } => *under_way,
        }
    }

    /// Whether calls wait for more than their rate: a pause, or a takeover that no call has been answered after.
    pub fn holds_back(&self) -> bool {
        !matches!(self.state, State::Closed { one_at_a_time: None, .. })
    }

    /// The outage, while there is one.
    pub fn outage(&self) -> Option<&Outage> {
        match &self.state {
            State::Closed { .. } => None,
            State::Open { outage, .. } | State::HalfOpen { outage, .. } => Some(outage),
        }
    }

    /// When a message may try, while none may.
    pub fn next_probe(&self) -> Option<Time> {
        match self.state {
            State::Open { probe_at, .. } => Some(probe_at),
            State::Closed { .. } | State::HalfOpen { .. } => None,
        }
    }

    fn open(&mut self, outage: Outage, wait: Duration, now: Time) {
        self.state = State::Open { outage, wait, probe_at: now + wait };
    }
}

/// Notes an order that failed; whether so many have failed by now that it is the matter of none of them.
fn is_enough(failing: &mut Vec<(String, Cause)>, Failed { order, cause, .. }: Failed<'_>) -> bool {
    failing.retain(|(seen, _)| seen != order);
    failing.push((order.to_owned(), cause));
    match cause {
        Cause::ApiDown | Cause::ApiUnclear => failing.len() >= ORDERS_THAT_MAKE_AN_OUTAGE,
        Cause::CreatesDenied => failing.iter().filter(|(_, seen)| *seen == cause).count() >= ORDERS_THAT_MAKE_A_DENIAL,
        // no order has a part in it
        Cause::CredentialsRefused => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker::new(Waits { first: Duration::from_secs(1), longest: Duration::from_secs(5) })
    }

    fn at(second: u64) -> Time {
        Duration::from_secs(second)
    }

    fn failed(cause: Cause, order: &str) -> Failed<'_> {
        Failed { order, cause, answer: "MAINTENANCE" }
    }

    /// Failures of these orders for this cause, all at once, with a success where there is no order; whether calls go on.
    fn goes_on(cause: Cause, seen: &[Option<&str>]) -> bool {
        let (mut breaker, now) = (breaker(), Time::ZERO);
        for order in seen {
            match order {
                Some(order) => breaker.fails(failed(cause, order), now, now),
                None => breaker.works(now),
            }
        }
        breaker.admit(now) == Admission::Free
    }

    #[test]
    fn an_outage_is_five_orders_that_fail_with_no_sign_of_life_between() {
        assert!(!goes_on(Cause::ApiDown, &["1", "2", "3", "4", "5"].map(Some)));
        assert!(goes_on(Cause::ApiDown, &["1", "2", "3", "4"].map(Some)));
        assert!(goes_on(Cause::ApiDown, &[Some("1"), Some("2"), None, Some("3"), Some("4"), Some("5")]));
    }

    #[test]
    fn an_answer_that_nobody_understands_pauses_when_five_orders_meet_it_and_none_passes() {
        assert!(!goes_on(Cause::ApiUnclear, &["1", "2", "3", "4", "5"].map(Some)));
        assert!(goes_on(Cause::ApiUnclear, &["1", "2", "3", "4"].map(Some)));
        assert!(goes_on(Cause::ApiUnclear, &[Some("1"), Some("2"), None, Some("3"), Some("4"), Some("5")]));
        // an outage shows in both ways; a denial is none of them
        let (mut breaker, now) = (breaker(), Time::ZERO);
        for (order, cause) in ["1", "2", "3"].into_iter().zip([Cause::ApiDown, Cause::ApiUnclear, Cause::ApiDown]) {
            breaker.fails(failed(cause, order), now, now);
        }
        breaker.fails(failed(Cause::CreatesDenied, "4"), now, now);
        assert_eq!(breaker.admit(now), Admission::Free);
        breaker.fails(failed(Cause::ApiUnclear, "5"), now, now);
        assert_eq!(breaker.admit(now), Admission::Wait(Some(at(1))));
    }

    #[test]
    fn a_single_order_that_fails_is_no_outage() {
        assert!(goes_on(Cause::ApiDown, &[Some("1"); 100]));
        assert!(goes_on(Cause::CreatesDenied, &[Some("1"); 100]));
    }

    #[test]
    fn a_refused_token_needs_no_second_order() {
        assert!(!goes_on(Cause::CredentialsRefused, &[Some("1")]));
    }

    #[test]
    fn creates_denied_for_two_orders_pause_unless_one_is_accepted_between() {
        assert!(!goes_on(Cause::CreatesDenied, &[Some("1"), Some("2")]));
        assert!(goes_on(Cause::CreatesDenied, &[Some("1"), None, Some("2")]));
    }

    #[test]
    fn a_pause_ends_with_a_probe_that_works_and_waits_longer_after_each_that_does_not() {
        let mut breaker = breaker();
        breaker.fails(failed(Cause::CredentialsRefused, "1"), at(0), at(0));
        let (mut now, mut waited) = (0, Vec::new());
        for _ in 0..5 {
            let next = breaker.next_probe().unwrap().as_secs();
            assert_eq!(breaker.admit(at(next - 1)), Admission::Wait(Some(at(next))));
            assert_eq!(breaker.admit(at(next)), Admission::Probe);
            waited.push(next - now);
            now = next;
            breaker.fails(failed(Cause::ApiDown, "2"), at(now), at(now));
        }
        assert_eq!(waited, [1, 2, 4, 5, 5]);
        let expected = Outage { cause: Cause::ApiDown, answer: "MAINTENANCE".into(), since: at(0) };
        assert_eq!(breaker.outage(), Some(&expected), "the present cause, since the first");
        breaker.admit(at(1000));
        breaker.works(at(1000));
        assert_eq!((breaker.admit(at(1001)), breaker.outage()), (Admission::Free, None));
    }

    #[test]
    fn one_call_at_a_time_probes_and_the_next_one_after_a_probe_that_said_nothing() {
        let mut breaker = breaker();
        breaker.fails(failed(Cause::CredentialsRefused, "1"), at(0), at(0));
        assert_eq!(breaker.admit(at(1)), Admission::Probe);
        assert_eq!(breaker.admit(at(1)), Admission::Wait(None));
        breaker.release();
        assert_eq!(breaker.admit(at(1)), Admission::Probe);
    }

    #[test]
    fn what_was_under_way_before_the_probe_decides_nothing() {
        let mut breaker = breaker();
        breaker.fails(failed(Cause::CredentialsRefused, "1"), at(0), at(0));
        breaker.works(at(0));
        assert_eq!(breaker.admit(at(0)), Admission::Wait(Some(at(1))));
        assert_eq!(breaker.admit(at(1)), Admission::Probe);
        breaker.fails(failed(Cause::ApiDown, "3"), at(0), at(2));
        breaker.works(at(0));
        assert_eq!(breaker.admit(at(2)), Admission::Wait(None));
    }

    #[test]
    fn after_a_takeover_calls_begin_one_at_a_time_until_one_is_answered() {
        let mut breaker = breaker();
        breaker.one_at_a_time();
        assert!(breaker.holds_back() && breaker.outage().is_none());
        assert_eq!(breaker.admit(at(0)), Admission::Probe);
        assert_eq!(breaker.admit(at(0)), Admission::Wait(None));
        breaker.fails(failed(Cause::ApiDown, "1"), at(0), at(1));
        breaker.release();
        assert_eq!(breaker.admit(at(1)), Admission::Probe, "one order that fails is no outage");
        breaker.works(at(1));
        assert_eq!((breaker.admit(at(1)), breaker.holds_back()), (Admission::Free, false));
    }
}
