//! The limiter against an API that takes so many calls a second, for minutes of a clock that the test moves.
//! Not here: the same with real workers on a real clock; `scripts/measure speed` does that.

use std::collections::BinaryHeap;
use std::time::Duration;

use bwp_sync::policy::limiter::Limiter;

/// Rate that the API allows.
const PER_SECOND: f64 = 50.0;
const BURST: f64 = 10.0;
/// Let the limiters find it, then look.
const SETTLING: Duration = Duration::from_secs(60);
const MEASURED: Duration = Duration::from_secs(60);

/// An API that takes `PER_SECOND` calls, and `BURST` at once.
struct Api {
    tokens: f64,
    at: Duration,
}

impl Api {
    fn takes(&mut self, now: Duration) -> bool {
        self.tokens = (self.tokens + (now - self.at).as_secs_f64() * PER_SECOND).min(BURST);
        self.at = now;
        let taken = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(taken));
        taken
    }
}

/// Events to come, soonest first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
struct Event {
    at: std::cmp::Reverse<Duration>,
    client: usize,
    what: What,
}

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
enum What {
    /// A client that always has something to do asks for a token.
    Asks,
    /// An answer to a call that began then.
    Answer { began: Duration, taken: bool },
}

#[derive(Debug, Default)]
struct Seen {
    taken: u32,
    throttled: u32,
}

/// Measures several clients with more work than the API takes, each with a limiter of its own.
fn measure(clients: usize, seed: u64) -> Seen {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut api = Api { tokens: BURST, at: Duration::ZERO };
    let mut limiters = vec![Limiter::new(None); clients];
    // a worker has no more than its prefetch under way, also while it has no limit
    let mut under_way = vec![0; clients];
    let mut seen = Seen::default();
    let mut events: BinaryHeap<_> =
        (0..clients).map(|client| Event { at: std::cmp::Reverse(Duration::ZERO), client, what: What::Asks }).collect();
    while let Some(Event { at: std::cmp::Reverse(now), client, what }) = events.pop() {
        if now >= SETTLING + MEASURED {
            break;
        }
        let mut later = |after: Duration, what| events.push(Event { at: std::cmp::Reverse(now + after), client, what });
        match what {
            What::Answer { began, taken } => {
                under_way[client] -= 1;
                if taken { limiters[client].passed(now) } else { limiters[client].throttled(began, now) }
            }
            What::Asks if under_way[client] == 50 => later(Duration::from_millis(1), What::Asks),
            What::Asks => match limiters[client].take(now) {
                Err(wait) => later(wait, What::Asks),
                Ok(()) => {
                    let taken = api.takes(now);
                    under_way[client] += 1;
                    // an answer takes its time, and a timer wakes late
                    later(Duration::from_millis(random.u64(20..150)), What::Answer { began: now, taken });
                    later(Duration::from_micros(random.u64(1..2000)), What::Asks);
                    if now >= SETTLING {
                        seen.taken += u32::from(taken);
                        seen.throttled += u32::from(!taken);
                    }
                }
            },
        }
    }
    seen
}

#[test]
fn a_limit_is_used_and_hardly_ever_run_into_by_one_client_and_by_three() {
    for clients in [1, 3] {
        for seed in 0..20 {
            let seen = measure(clients, seed);
            let throttled = f64::from(seen.throttled) / f64::from(seen.taken + seen.throttled);
            let used = f64::from(seen.taken) / (PER_SECOND * MEASURED.as_secs_f64());
            let shown = format!("{clients} clients, seed {seed}: throttled {throttled:.3}, used {used:.3}");
            println!("{shown}");
            assert!(throttled <= 0.05 && used >= 0.85, "{shown}");
        }
    }
}
