//! When a message is tried again: here, later, or not at all, and which delay it takes.
//!
//! Not here: which classes are tried again (`catalogue::class`); the waiting and the calling.

use std::time::Duration;

use jiff::Timestamp;

use super::catalogue::{Budget, Class};
use super::classify::{Cost, Failure};
use crate::ports::{History, Later, WaitReason};

/// The numbers that decisions are made with; all are settings.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Counted attempts before a message is given up, for failures that pass by themselves.
    pub attempts: u32,
    /// Counted attempts before a message is given up that was denied, or failed with a code that no document lists.
    pub denied_attempts: u32,
    /// Panics over one message before it is given up.
    pub panics: u32,
    /// Delays of the retry queues, shortest first.
    pub delays: Vec<Duration>,
    /// How long a message waits for the order that it is about.
    pub wait_for_create: Duration,
}

impl Limits {
    /// The delay of a retry queue; past the end the longest.
    pub fn delay(&self, queue: usize) -> Duration {
        self.delays.get(queue).or(self.delays.last()).copied().unwrap_or_default()
    }
}

/// Whether the same call may be made again at once, without looking first.
///
/// An update whose effect is unclear is read back before it is sent again; a create is not,
/// since its alias decides.
pub fn again_here(failure: &Failure) -> bool {
    let passes = match failure.class {
        Class::Throttled | Class::Transient | Class::OutcomeUnknown | Class::Unlisted => true,
        Class::MaybeAlreadyDone
        | Class::AlreadyDone
        | Class::Denied
        | Class::NotThere
        | Class::Rejected
        | Class::QueryRefused => false,
    };
    passes && (!failure.effect_possible || failure.operation.repeats_without_harm())
}

/// Whether a message comes again, and when.
#[derive(Clone, Debug)]
pub enum Again {
    /// After a trip through a retry queue.
    Later(Later),
    /// The budget is spent.
    GiveUp {
        /// Attempts that were counted against any budget, this one included.
        attempts: u32,
    },
}

/// After a failure that may pass. `counts` says whether the operation worked for others meanwhile. When it works for
/// nobody, the message is not at fault and its budget is not touched. A message that was put off waits no longer the next
/// time. Without a budget nothing is counted.
pub fn retry(
    limits: &Limits,
    history: &History,
    failure: &Failure,
    budget: Option<Budget>,
    counts: bool,
    now: Timestamp,
) -> Again {
    let counts = counts && budget.is_some() && failure.cost == Cost::Attempt;
    let counted = u32::from(counts);
    let attempts = history.attempts + counted;
    let (is_spent, denied) = match budget {
        Some(Budget::Passing) => (attempts.saturating_sub(history.denied + history.panics) >= limits.attempts, 0),
        Some(Budget::Denied) => (history.denied + counted >= limits.denied_attempts, counted),
        None => (false, 0),
    };
    if counts && is_spent {
        return Again::GiveUp { attempts };
    }
    let hinted = failure.retry_after.map_or(0, |hint| {
        let longest = limits.delays.len().saturating_sub(1);
        limits.delays.iter().position(|delay| *delay >= hint).unwrap_or(longest)
    });
    let mut later = next(history, now, format!("{}/{}", failure.error_type, failure.cause()));
    later.queue = later.queue.max(hinted);
    later.history.attempts = attempts;
    later.history.denied += denied;
    let put_off = matches!(failure.cost, Cost::Nothing(_));
    later.history.delays -= u32::from(put_off);
    later.history.outcome_unknown |= failure.effect_possible;
    // put off with all others of its operation: it would be held for as long as those are
    later.may_be_held = !put_off;
    later.reason = failure.cost.reason();
    Again::Later(later)
}

/// The order is not there (yet). The delays of its retry queues are what counts: neither an outage nor a clock of another
/// machine makes its time shorter.
pub fn await_create(limits: &Limits, history: &History, now: Timestamp) -> Again {
    if history.awaited.is_some_and(|awaited| awaited >= limits.wait_for_create) {
        return Again::GiveUp { attempts: history.attempts + 1 };
    }
    let mut later = next(history, now, "OrderNotFound".into());
    later.history.awaited = Some(history.awaited.unwrap_or_default() + limits.delay(later.queue));
    Again::Later(Later { awaits_create: true, reason: WaitReason::Create, ..later })
}

/// Nobody may look whether the order is there: the message comes again, and its time to wait does not pass.
pub fn await_pause(history: &History, now: Timestamp) -> Later {
    let mut later = next(history, now, "OrderNotFound".into());
    later.history.delays = history.delays;
    Later { awaits_create: true, reason: WaitReason::Pause, ..later }
}

/// The process survived a panic over this message. Always counted: nobody else caused it.
pub fn after_panic(limits: &Limits, history: &History, now: Timestamp) -> Again {
    let (attempts, panics) = (history.attempts + 1, history.panics + 1);
    if panics >= limits.panics {
        return Again::GiveUp { attempts };
    }
    let mut later = next(history, now, "Panic".into());
    later.history.attempts = attempts;
    later.history.panics = panics;
    // the call may have been under way
    later.history.outcome_unknown = true;
    Again::Later(later)
}

fn next(history: &History, now: Timestamp, error: String) -> Later {
    let mut carried = history.clone();
    carried.delays += 1;
    carried.first_failed_at.get_or_insert(now);
    carried.last_failed_at = Some(now);
    carried.last_error = Some(error);
    let queue = history.delays as usize;
    Later { queue, history: carried, reason: WaitReason::Delay, awaits_create: false, may_be_held: false }
}

#[cfg(test)]
mod tests {
    use strum::IntoEnumIterator;

    use super::*;
    use crate::domain::stored::Untold;
    use crate::policy::classify::{not_told, out_of_time, put_off};
    use crate::ports::Operation;

    fn limits() -> Limits {
        Limits {
            attempts: 3,
            denied_attempts: 2,
            panics: 2,
            delays: [5, 30, 120].map(Duration::from_secs).to_vec(),
            wait_for_create: Duration::from_secs(60),
        }
    }

    fn failure(retry_after: Option<u64>) -> Failure {
        Failure {
            operation: Operation::CreateOrder,
            class: Class::Throttled,
            error_type: "ThrottlingError".into(),
            code: "ThrottlingError".into(),
            message: String::new(),
            detail: String::new(),
            action: "",
            systemic: false,
            effect_possible: false,
            retry_after: retry_after.map(Duration::from_secs),
            cost: Cost::Attempt,
            unlisted: false,
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn later(again: Again) -> Later {
        match again {
            Again::Later(later) => later,
            Again::GiveUp { attempts } => panic!("given up after {attempts}"),
        }
    }

    #[test]
    fn a_budget_is_spent_by_counted_attempts_alone() {
        let mut history = History::default();
        for _ in 0..50 {
            history = later(retry(&limits(), &history, &failure(None), Some(Budget::Passing), false, at(0))).history;
        }
        assert_eq!((history.attempts, history.delays), (0, 50));
        for _ in 0..2 {
            history = later(retry(&limits(), &history, &failure(None), Some(Budget::Passing), true, at(0))).history;
        }
        assert!(matches!(
            retry(&limits(), &history, &failure(None), Some(Budget::Passing), true, at(0)),
            Again::GiveUp { attempts: 3 }
        ));
    }

    #[test]
    fn each_kind_of_failure_has_a_budget_of_its_own() {
        let again = |history: &History, budget| retry(&limits(), history, &failure(None), budget, true, at(0));
        let (limits, mut history) = (limits(), History::default());
        for _ in 1..limits.attempts {
            history = later(again(&history, Some(Budget::Passing))).history;
        }
        history = later(after_panic(&limits, &history, at(0))).history;
        history = later(again(&history, Some(Budget::Denied))).history;
        assert_eq!((history.attempts, history.denied, history.panics), (4, 1, 1));
        for _ in 0..50 {
            history = later(again(&history, None)).history;
        }
        for spent in [again(&history, Some(Budget::Passing)), again(&history, Some(Budget::Denied))] {
            assert!(matches!(spent, Again::GiveUp { attempts: 5 }), "{spent:?}");
        }
        assert!(matches!(after_panic(&limits, &history, at(0)), Again::GiveUp { attempts: 5 }));
    }

    #[test]
    fn delays_grow_and_a_longer_hint_takes_a_longer_queue() {
        let queue = |delays, hint| {
            let history = History { delays, ..History::default() };
            later(retry(&limits(), &history, &failure(hint), Some(Budget::Passing), true, at(0))).queue
        };
        assert_eq!((queue(0, None), queue(1, None), queue(7, None)), (0, 1, 7));
        assert_eq!((queue(0, Some(5)), queue(0, Some(6)), queue(0, Some(9999))), (0, 1, 2));
        assert_eq!(queue(0, Some(u64::MAX)), 2, "too long to count");
        assert_eq!(queue(2, Some(6)), 2);
    }

    #[test]
    fn what_was_put_off_waits_no_longer_the_next_time() {
        let mut history = History { delays: 1, ..History::default() };
        let paused = put_off(Operation::Order, "Paused", WaitReason::Pause);
        for _ in 0..5 {
            let put_off = later(retry(&limits(), &history, &paused, Some(Budget::Passing), false, at(0)));
            assert_eq!((put_off.queue, put_off.history.delays, put_off.history.attempts), (1, 1, 0));
            assert!(!put_off.may_be_held, "others go on meanwhile");
            history = put_off.history;
        }
    }

    #[test]
    fn what_there_was_no_time_for_costs_a_longer_delay_and_no_attempt() {
        let mut history = History { attempts: 2, ..History::default() };
        for delays in 0..50 {
            for late in [out_of_time(Operation::Order), failure(None).not_looked_at()] {
                history.delays = delays;
                let late = later(retry(&limits(), &history, &late, Some(Budget::Passing), true, at(0)));
                assert_eq!((late.history.delays, late.history.attempts), (delays + 1, 2));
            }
        }
    }

    #[test]
    fn whatever_waits_has_its_reason() {
        let (limits, history) = (limits(), History::default());
        let of =
            |failure: &Failure| later(retry(&limits, &history, failure, Some(Budget::Passing), true, at(0))).reason;
        assert_eq!(of(&failure(None)), WaitReason::Delay);
        assert_eq!(of(&not_told(Untold::ExecutionState, &[])), WaitReason::Delay);
        assert_eq!(of(&out_of_time(Operation::Order)), WaitReason::MaxHold);
        assert_eq!(of(&failure(None).not_looked_at()), WaitReason::MaxHold);
        for reason in WaitReason::iter() {
            assert_eq!(of(&put_off(Operation::Order, "NoTurn", reason)), reason);
        }
        assert_eq!(later(await_create(&limits, &history, at(0))).reason, WaitReason::Create);
        assert_eq!(await_pause(&history, at(0)).reason, WaitReason::Pause);
        assert_eq!(later(after_panic(&limits, &history, at(0))).reason, WaitReason::Delay);
    }

    #[test]
    fn the_first_failure_is_remembered() {
        let first =
            later(retry(&limits(), &History::default(), &failure(None), Some(Budget::Passing), true, at(7))).history;
        let second = later(retry(&limits(), &first, &failure(None), Some(Budget::Passing), true, at(9))).history;
        assert_eq!(second.first_failed_at, Some(at(7)));
    }

    #[test]
    fn waiting_for_a_create_ends_after_its_time() {
        let mut history = History::default();
        // whatever a clock says, and however long an outage was: 5, 30 and 120 s
        for (clock, awaited) in [(0, 5), (-90_000, 35), (90_000, 155)] {
            history = later(await_create(&limits(), &history, at(clock))).history;
            assert_eq!(history.awaited, Some(Duration::from_secs(awaited)));
        }
        for clock in [-90_000, 0, 90_000] {
            assert!(matches!(await_create(&limits(), &history, at(clock)), Again::GiveUp { .. }));
        }
    }

    #[test]
    fn a_panic_always_counts() {
        let history = later(after_panic(&limits(), &History::default(), at(0))).history;
        assert!(history.outcome_unknown);
        assert!(matches!(after_panic(&limits(), &history, at(0)), Again::GiveUp { attempts: 2 }));
    }

    #[test]
    fn an_update_that_may_have_taken_effect_is_looked_at_first() {
        let unclear = |operation| again_here(&Failure { operation, effect_possible: true, ..failure(None) });
        assert!(Operation::iter().map(unclear).eq([true, false, true]));
    }
}
