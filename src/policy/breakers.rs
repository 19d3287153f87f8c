//! Which calls are of no use: all of them, or those of one operation.
//!
//! Not here: when that is so (`breaker`), the waiting.

use std::iter;

use strum::IntoEnumIterator;

use super::breaker::{self, Breaker, Failed, Outage, Waits};
use super::sign::{Cause, Sign};
use crate::ports::{Operation, OperationTable};

/// A time, by a clock that only goes forward.
type Time = std::time::Duration;

/// A breaker of all calls, and one for each operation.
///
/// The first opens when nothing works any more: messages are held. One of an operation opens when that operation alone
/// does not work: its messages make way for others.
#[derive(Clone, Debug)]
pub struct Breakers {
    calls: Breaker,
    operations: OperationTable<Breaker>,
}

/// Whether a call may begin.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Admission {
    /// It may; [`Breakers::release`] must be called at its end.
    Free(Probe),
    /// All calls wait: until this time, or, without one, for the call under way.
    Wait(Option<Time>),
    /// Calls of its operation are paused.
    Paused,
}

/// Which breakers a call is a probe for.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Probe {
    calls: bool,
    operation: Option<Operation>,
}

/// The calls that a pause stops.
pub type Stopped = Option<Operation>;

impl Breakers {
    /// No pause.
    pub fn new(waits: &Waits) -> Self {
        let breaker = Breaker::new(waits.clone());
        Self { calls: breaker.clone(), operations: OperationTable::filled(breaker) }
    }

    /// Calls begin one at a time until one is answered.
    pub fn one_at_a_time(&mut self) {
        self.calls.one_at_a_time();
    }

    /// Whether a call may begin now.
    pub fn admit(&mut self, operation: Operation, now: Time) -> Admission {
        let mut probe = Probe::default();
        match self.calls.admit(now) {
            breaker::Admission::Free => {}
            breaker::Admission::Probe => probe.calls = true,
            breaker::Admission::Wait(until) => return Admission::Wait(until),
        }
        match self.operations[operation].admit(now) {
            breaker::Admission::Free => {}
            breaker::Admission::Probe => probe.operation = Some(operation),
            breaker::Admission::Wait(_) => {
                self.release(probe);
                return Admission::Paused;
            }
        }
        Admission::Free(probe)
    }

    /// A call has ended, or was not begun after all.
    pub fn release(&mut self, probe: Probe) {
        if probe.calls {
            self.calls.release();
        }
        if let Some(operation) = probe.operation {
            self.operations[operation].release();
        }
    }

    /// An attempt of this operation that began then has ended.
    pub fn ended(&mut self, operation: Operation, sign: Sign, (order, answer): (&str, &str), began: Time, now: Time) {
        match sign {
            Sign::Works(operation) => {
                self.calls.works(began);
                self.operations[operation].works(began);
            }
            Sign::Fails(cause) => {
                let failed = Failed { order, cause, answer };
                match cause {
                    Cause::ApiDown | Cause::CredentialsRefused => self.calls.fails(failed, began, now),
                    Cause::CreatesDenied => {
                        // the API answers, and knows our credentials
                        self.calls.works(began);
                        self.operations[operation].fails(failed, began, now);
                    }
                    Cause::ApiUnclear => {
                        self.calls.fails(failed, began, now);
                        // which operation it is shows once others work
                        if self.calls.outage().is_none() {
                            self.operations[operation].fails(failed, began, now);
                        }
                    }
                }
            }
            Sign::Nothing => {}
        }
    }

    /// Whether all calls wait for more than their rate: a pause, or a takeover that no call has been answered after.
    pub fn holds_back(&self) -> bool {
        self.calls.holds_back()
    }

    /// Whether calls of this operation are paused, alone or with all others.
    pub fn is_paused(&self, operation: Operation) -> bool {
        self.calls.outage().or(self.operations[operation].outage()).is_some()
    }

    /// Whether a call of this operation that asks now is put off, since that operation is paused.
    pub fn puts_off(&self, operation: Operation, now: Time) -> bool {
        self.operations[operation].makes_wait(now)
    }

    /// The outages, with when a message may try; the one of all calls goes first.
    pub fn outages(&self) -> impl Iterator<Item = (Stopped, &Outage, Option<Time>)> {
        let operations = Operation::iter().map(|operation| (Some(operation), &self.operations[operation]));
        iter::once((None, &self.calls))
            .chain(operations)
            .filter_map(|(stopped, breaker)| Some((stopped, breaker.outage()?, breaker.next_probe())))
    }
}

#[cfg(test)]
mod tests {
    use Operation::{CreateOrder, Order, UpdateOrder};

    use super::*;

    const SECOND: Time = Time::from_secs(1);
    const UNCLEAR: Sign = Sign::Fails(Cause::ApiUnclear);

    fn breakers() -> Breakers {
        Breakers::new(&Waits { first: SECOND, longest: 5 * SECOND })
    }

    fn seen(breakers: &mut Breakers, operation: Operation, sign: Sign, order: u32, now: Time) {
        breakers.ended(operation, sign, (&order.to_string(), "HTTP 200 MAINTENANCE"), now, now);
    }

    /// The calls that are paused.
    fn paused(breakers: &Breakers) -> Vec<Stopped> {
        breakers.outages().map(|(stopped, ..)| stopped).collect()
    }

    #[test]
    fn what_every_order_meets_pauses_all_calls_and_one_operation_only_while_others_work() {
        let mut breakers = breakers();
        (0..5).for_each(|order| seen(&mut breakers, UpdateOrder, UNCLEAR, order, Time::ZERO));
        assert_eq!(paused(&breakers), [None]);
        let (_, outage, next) = breakers.outages().next().unwrap();
        assert_eq!((outage.answer.as_str(), next), ("HTTP 200 MAINTENANCE", Some(SECOND)));
        assert_eq!(breakers.admit(Order, Time::ZERO), Admission::Wait(Some(SECOND)));

        // the read passes, the update behind it does not: that operation alone
        let mut others_work = self::breakers();
        for order in 0..5 {
            seen(&mut others_work, Order, Sign::Works(Order), order, Time::ZERO);
            seen(&mut others_work, UpdateOrder, UNCLEAR, order, Time::ZERO);
        }
        assert_eq!(paused(&others_work), [Some(UpdateOrder)]);
        assert!(others_work.is_paused(UpdateOrder) && !others_work.is_paused(Order) && !others_work.holds_back());
        assert!(others_work.puts_off(UpdateOrder, Time::ZERO) && !others_work.puts_off(CreateOrder, Time::ZERO));
        assert_eq!(others_work.admit(UpdateOrder, Time::ZERO), Admission::Paused);
        assert!(matches!(others_work.admit(CreateOrder, Time::ZERO), Admission::Free(_)));
    }

    #[test]
    fn a_pause_of_one_operation_ends_with_a_probe_of_that_operation_alone() {
        for operation in [CreateOrder, UpdateOrder, Order] {
            let other = if operation == Order { CreateOrder } else { Order };
            let mut breakers = breakers();
            for order in 0..5 {
                seen(&mut breakers, other, Sign::Works(other), order, Time::ZERO);
                seen(&mut breakers, operation, UNCLEAR, order, Time::ZERO);
            }
            seen(&mut breakers, other, Sign::Works(other), 9, SECOND);
            assert_eq!(paused(&breakers), [Some(operation)]);
            assert!(!breakers.puts_off(operation, SECOND), "its time has come");
            let Admission::Free(probe) = breakers.admit(operation, SECOND) else { panic!("no probe") };
            assert!(breakers.puts_off(operation, SECOND), "one at a time");
            assert_eq!(breakers.admit(operation, SECOND), Admission::Paused);
            seen(&mut breakers, operation, Sign::Works(operation), 9, SECOND);
            breakers.release(probe);
            assert_eq!(paused(&breakers), []);
        }
    }

    #[test]
    fn an_operation_that_still_fails_after_all_calls_have_been_paused_pauses_soon() {
        let mut breakers = breakers();
        (0..5).for_each(|order| seen(&mut breakers, CreateOrder, UNCLEAR, order, Time::ZERO));
        let Admission::Free(probe) = breakers.admit(Order, SECOND) else { panic!("no probe") };
        seen(&mut breakers, Order, Sign::Works(Order), 9, SECOND);
        breakers.release(probe);
        assert_eq!(paused(&breakers), []);
        seen(&mut breakers, CreateOrder, UNCLEAR, 6, SECOND);
        assert_eq!(paused(&breakers), [Some(CreateOrder)]);
    }
}
