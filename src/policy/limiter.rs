//! How fast calls may be made, and how many may be made again: learned from what the API answers.
//!
//! Not here: the waiting; who asks.

use std::time::Duration;

/// The rate after the first throttling, in calls per second: until then nothing is known of the API's limit. From here
/// a limit of 50 is found in about five seconds.
const FIRST_RATE: f64 = 10.0;
/// The lowest rate: a call a second burdens nobody, and finds out when the API takes more again.
const LOWEST_RATE: f64 = 1.0;
/// Part of the rate that is left after a throttling. With [`GROWTH`] from CUBIC: RFC 9438, 4.6 and 4.1. Far from the last limit it grows fast, near it hardly, so that most of
/// the time is spent just below the limit.
const LEFT: f64 = 0.7;
/// Growth of the rate, in calls per second, per cubed second.
const GROWTH: f64 = 0.4;
/// One success raises the rate by at most this factor. A limit of a few calls a second is not overrun between two answers.
const STEP: f64 = 1.05;
/// Timers wake late. This much of the lost time may be made up for; it is also the longest burst.
const LATE: Duration = Duration::from_millis(20);

/// A time, by a clock that only goes forward.
type Time = Duration;

/// A rate that grows with success and backs off when the API throttles. Each attempt takes a token.
///
/// Until the API throttles for the first time there is no limit but `ceiling`: a healthy API costs no wait.
#[derive(Clone, Debug)]
pub struct Limiter {
    /// Calls per second.
    rate: f64,
    /// The rate is never higher; infinite where nobody has set one.
    ceiling: f64,
    throttled: Option<Throttled>,
    /// When the next token is there.
    next: Option<Time>,
    /// Somebody had to wait since the last growth. A rate that is not used up does not grow, since success says
    /// nothing about more.
    held_back: bool,
}

#[derive(Clone, Copy, Debug)]
struct Throttled {
    at: Time,
    /// The rate at that time: about what the API takes.
    rate: f64,
}

impl Limiter {
    /// No limit but this one, in calls per second.
    pub fn new(ceiling: Option<f64>) -> Self {
        let ceiling = ceiling.unwrap_or(f64::INFINITY);
        Self { rate: ceiling, ceiling, throttled: None, next: None, held_back: false }
    }

    /// Takes a token for one attempt.
    ///
    /// # Errors
    /// How long to wait before asking again.
    pub fn take(&mut self, now: Time) -> Result<(), Duration> {
        if self.rate.is_infinite() {
            return Ok(());
        }
        if let Some(wait) = self.next.and_then(|next| next.checked_sub(now)).filter(|wait| !wait.is_zero()) {
            self.held_back = true;
            return Err(wait);
        }
        let due = self.next.map_or(now, |next| next.max(now.saturating_sub(LATE)));
        self.next = Some(due + self.interval());
        Ok(())
    }

    /// The API let a call through.
    pub fn passed(&mut self, now: Time) {
        let Some(last) = self.throttled.filter(|_| self.held_back) else { return };
        self.held_back = false;
        let back_there = (last.rate * (1.0 - LEFT) / GROWTH).cbrt();
        let since = now.saturating_sub(last.at).as_secs_f64() - back_there;
        let wanted = last.rate + GROWTH * since.powi(3);
        self.rate = wanted.clamp(self.rate, self.rate * STEP).min(self.ceiling);
    }

    /// The API refused a call because of its rate. Of the calls that were under way together only the first one
    /// counts: what began before the last back-off says nothing about the rate since.
    pub fn throttled(&mut self, began: Time, now: Time) {
        if self.throttled.is_some_and(|last| began <= last.at) {
            return;
        }
        let rate = if self.rate.is_infinite() { FIRST_RATE / LEFT } else { self.rate };
        self.throttled = Some(Throttled { at: now, rate });
        self.rate = (rate * LEFT).max(LOWEST_RATE).min(self.ceiling);
        self.next = Some(now + self.interval());
    }

    /// The present rate in calls per second, if there is a limit at all.
    pub fn rate(&self) -> Option<f64> {
        self.rate.is_finite().then_some(self.rate)
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }
}

/// Retries that may be made at once, in tenths. There are as many as messages in flight by default: when all of them fail
/// in one moment, none needs a retry queue.
const MOST_RETRIES: u32 = 50 * TENTHS;
/// One more retry for ten successes: an API that fails often gets at most a tenth more calls by it.
const TENTHS: u32 = 10;

/// Retries that all messages share. An API that fails is not called the more for it: when it is used up, messages
/// take their retry queues.
#[derive(Clone, Debug)]
pub struct RetryQuota {
    tenths: u32,
}

impl Default for RetryQuota {
    fn default() -> Self {
        Self { tenths: MOST_RETRIES }
    }
}

impl RetryQuota {
    /// Whether a call may be made again; uses up one retry.
    pub fn take(&mut self) -> bool {
        let left = self.tenths.checked_sub(TENTHS);
        self.tenths = left.unwrap_or(self.tenths);
        left.is_some()
    }

    /// A call succeeded.
    pub fn succeeded(&mut self) {
        self.tenths = (self.tenths + 1).min(MOST_RETRIES);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::policy::call_queue::CallQueue;

    const MILLI: Duration = Duration::from_millis(1);

    /// Takes as many tokens as there are until then; returns how many.
    fn drain(limiter: &mut Limiter, from: Time, until: Time) -> u32 {
        let (mut now, mut taken) = (from, 0);
        while now < until {
            match limiter.take(now) {
                Ok(()) => taken += 1,
                Err(wait) => now += wait,
            }
        }
        taken
    }

    #[test]
    fn there_is_no_limit_before_the_first_throttling() {
        let (mut limiter, now) = (Limiter::new(None), Time::ZERO);
        for _ in 0..10_000 {
            assert_eq!(limiter.take(now), Ok(()));
            limiter.passed(now);
        }
        assert_eq!(limiter.rate(), None);
    }

    #[test]
    fn a_ceiling_holds_from_the_beginning_and_is_never_passed() {
        let (mut limiter, now) = (Limiter::new(Some(20.0)), Time::ZERO);
        assert_eq!(drain(&mut limiter, now, now + Duration::from_secs(10)), 200);
        for second in 0..100 {
            limiter.held_back = true;
            limiter.passed(now + Duration::from_secs(second));
        }
        assert_eq!(limiter.rate(), Some(20.0));
    }

    #[test]
    fn the_first_throttling_sets_a_rate_that_growth_starts_from() {
        let (mut limiter, now) = (Limiter::new(None), Time::ZERO);
        limiter.throttled(now, now);
        assert_eq!(limiter.rate(), Some(FIRST_RATE));
        let second = Duration::from_secs(1);
        assert_eq!(drain(&mut limiter, now, now + second), 9, "the first one after a wait");
    }

    #[test]
    fn calls_that_were_under_way_together_back_off_once() {
        let (mut limiter, now) = (Limiter::new(None), Time::ZERO);
        for late in 0..50 {
            limiter.throttled(now, now + late * MILLI);
        }
        assert_eq!(limiter.rate(), Some(FIRST_RATE));
        limiter.throttled(now + MILLI, now + 60 * MILLI);
        assert_eq!(limiter.rate(), Some(FIRST_RATE * LEFT));
    }

    #[test]
    fn it_never_starves() {
        let (mut limiter, mut now) = (Limiter::new(None), Time::ZERO);
        for _ in 0..100 {
            now += MILLI;
            limiter.throttled(now, now);
        }
        assert_eq!(limiter.rate(), Some(LOWEST_RATE));
        assert!(drain(&mut limiter, now, now + Duration::from_secs(10)) >= 9);
        // each message needs several calls one after the other, and may wait for so long in all
        for calls in 1..=4 {
            let (mut limiter, possible) = (limiter.clone(), 600 / calls);
            let done = messages_done(&mut limiter, now, calls);
            assert!(done * 10 >= possible * 9, "{done} of {possible} messages with {calls} calls");
        }
    }

    /// Works with fifty messages in flight for ten minutes. One makes way for another if it has made no call after 25 s, or
    /// not all of its calls after 50 s. Returns how many made them.
    fn messages_done(limiter: &mut Limiter, from: Time, calls: u32) -> u32 {
        let (mut line, mut now, mut done) = (CallQueue::default(), from, 0);
        let new = |line: &mut CallQueue<()>, now| {
            let rank = line.rank();
            (rank, line.join(rank, ()), now, 0)
        };
        let mut in_flight: Vec<_> = (0..50).map(|_| new(&mut line, now)).collect();
        while now < from + Duration::from_secs(600) {
            if let Err(wait) = limiter.take(now) {
                now += wait;
                continue;
            }
            for message in &mut in_flight {
                let (_, place, since, made) = *message;
                if now > since + Duration::from_secs(if made == 0 { 25 } else { 50 }) {
                    line.leave(place);
                    *message = new(&mut line, now);
                }
            }
            let first = in_flight.iter_mut().find(|(_, place, ..)| line.is_first(*place)).unwrap();
            let (rank, place, _, made) = first;
            line.leave(*place);
            *made += 1;
            if *made == calls {
                done += 1;
                *first = new(&mut line, now);
            } else {
                *place = line.join(*rank, ());
            }
        }
        done
    }

    #[test]
    fn a_rate_that_nobody_uses_up_does_not_grow() {
        let (mut limiter, now) = (Limiter::new(None), Time::ZERO);
        limiter.throttled(now, now);
        for second in 1..1000 {
            let now = now + Duration::from_secs(second);
            assert_eq!(limiter.take(now), Ok(()));
            limiter.passed(now);
        }
        assert_eq!(limiter.rate(), Some(FIRST_RATE));
    }

    #[test]
    fn what_a_late_timer_lost_is_made_up_for() {
        let (mut limiter, now) = (Limiter::new(Some(100.0)), Time::ZERO);
        let mut taken = 0;
        // asked every 7 ms for tokens that are 10 ms apart
        for ask in 0..1000_u32 {
            taken += u32::from(limiter.take(now + ask * 7 * MILLI).is_ok());
        }
        assert_eq!(taken, 700);
    }

    #[test]
    fn retries_are_bounded_and_come_back_with_success() {
        let mut quota = RetryQuota::default();
        assert_eq!((0..1000).filter(|_| quota.take()).count(), 50);
        for _ in 0..10 {
            assert!(!quota.take());
            quota.succeeded();
        }
        assert!(quota.take() && !quota.take());
        (0..100_000).for_each(|_| quota.succeeded());
        assert_eq!((0..1000).filter(|_| quota.take()).count(), 50);
    }

    /// An event of a limiter.
    #[derive(Clone, Copy, Debug)]
    enum Step {
        Take,
        Passed,
        Throttled { ago: u32 },
    }

    fn steps() -> impl Strategy<Value = Vec<(u32, Step)>> {
        let step = prop_oneof![
            4 => Just(Step::Take),
            3 => Just(Step::Passed),
            1 => (0..500_u32).prop_map(|ago| Step::Throttled { ago }),
        ];
        prop::collection::vec((0..300_u32, step), 1..400)
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn whatever_happens_the_rate_stays_within_its_bounds_and_a_token_comes(steps in steps(), capped: bool) {
            let mut limiter = Limiter::new(capped.then_some(30.0));
            let mut now = Duration::from_secs(1);
            for (millis, step) in steps {
                now += millis * MILLI;
                let before = limiter.rate();
                match step {
                    Step::Take => {
                        if let Err(wait) = limiter.take(now) {
                            prop_assert!(wait <= Duration::from_secs(1), "{wait:?}");
                            prop_assert!(limiter.clone().take(now + wait).is_ok());
                        }
                    }
                    Step::Passed => {
                        limiter.passed(now);
                        prop_assert!(limiter.rate() >= before);
                    }
                    Step::Throttled { ago } => {
                        limiter.throttled(now.saturating_sub(ago * MILLI), now);
                        prop_assert!(before.is_none_or(|before| limiter.rate() <= Some(before)));
                    }
                }
                let rate = limiter.rate().unwrap_or(f64::INFINITY);
                prop_assert!(rate >= LOWEST_RATE && (!capped || rate <= 30.0), "{rate}");
            }
        }
    }
}
