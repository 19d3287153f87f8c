//! The ends of a message: how each is written, and whether it comes again.
//!
//! Not here: calls and waits; which end a message takes.

use jiff::Timestamp;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::context::Context;
use super::label::Label;
use super::mapped::{advice, mapping, with_mapping};
use super::memory::Memory;
use super::open::{Delivered, Opened};
use super::pace::Pace;
use crate::domain::outcome::{Outcome, ResultData, ResultEvent, ResultFailure, ResultKind};
use crate::domain::outcome::{letter_id, result_id};
use crate::domain::privacy::Private;
use crate::domain::rejection::Rejection;
use crate::domain::stored::{ExecutionState, StoredOrder};
use crate::policy::catalogue::{Budget, Class, Decision, OwnCode};
use crate::policy::classify::Failure;
use crate::policy::decide::{self, Again, Limits};
use crate::ports::{History, Inbound, Letter, Operation, Settlement};

/// Source of all results: this program, whichever replica.
const SOURCE: &str = "/bwp-sync";

/// The settlement of a message whose command cannot go on: an early exit.
#[derive(Debug)]
pub(super) struct EndsHere(Box<Settlement>);

impl From<Settlement> for EndsHere {
    fn from(settlement: Settlement) -> Self {
        Self(Box::new(settlement))
    }
}

impl EndsHere {
    /// The settlement of a command, whether it came to its end or went no further.
    pub(super) fn settlement(command: Result<Settlement, Self>) -> Settlement {
        command.unwrap_or_else(|Self(early)| *early)
    }
}

/// Writes the end of one message.
#[derive(Debug)]
pub(super) struct Ending<'a> {
    inbound: &'a Inbound,
    label: &'a Label,
    /// Its payload, where it was read. Private texts of it are removed from letters.
    payload: Option<&'a RawValue>,
    limits: &'a Limits,
    pace: &'a Pace,
    memory: &'a Memory,
    /// Begin of this attempt.
    began: Instant,
}

impl<'a> Ending<'a> {
    /// The ends of this message, of which an attempt begins now.
    pub(super) fn new<A>(context: &'a Context<A>, delivered: Delivered<'a>) -> Self {
        let Delivered { inbound, label, opened } = delivered;
        let payload = match opened {
            Opened::Message(envelope) => Some(&*envelope.data),
            Opened::Refused(_) | Opened::Ignored | Opened::Unread(_) => None,
        };
        let Context { limits, pace, memory, .. } = context;
        Self { inbound, label, payload, limits, pace, memory, began: Instant::now() }
    }

    /// Whether an earlier attempt may have taken effect without our knowing.
    pub(super) fn outcome_unknown(&self) -> bool {
        self.inbound.redelivered || self.inbound.history.outcome_unknown || self.inbound.history.replays > 0
    }

    /// Whether the message waits for its order to be created.
    pub(super) fn awaits_create(&self) -> bool {
        self.inbound.history.awaited.is_some()
    }

    /// It is done.
    pub(super) fn done(&self, kind: ResultKind, outcome: Outcome, stored: &StoredOrder) -> Settlement {
        self.done_with(kind, outcome, stored, |_| {})
    }

    /// It is done, and there is more to say.
    pub(super) fn done_with(
        &self,
        kind: ResultKind,
        outcome: Outcome,
        stored: &StoredOrder,
        more: impl FnOnce(&mut ResultData),
    ) -> Settlement {
        let mut data = ResultData {
            outcome: Some(outcome),
            buy_with_prime_id: Some(stored.id.clone()),
            aliases: stored.aliases.clone().unwrap_or_default(),
            execution_state: stored.execution_state.as_ref().map(execution_state),
            attempts: self.inbound.history.attempts + 1,
            ..self.data()
        };
        more(&mut data);
        Settlement::Done(self.result(kind, data))
    }

    /// Refused without a call, or for a reason of our own.
    pub(super) fn refuse(&self, code: OwnCode, why: &str) -> Settlement {
        self.refuse_and_advise(code, why, code.action())
    }

    /// Refused as in [`Ending::refuse`], with advice for this case.
    pub(super) fn refuse_and_advise(&self, code: OwnCode, why: &str, advice: &str) -> Settlement {
        self.letter(code.error_type(), code.name(), "rejected", why, advice, self.inbound.history.attempts + 1)
    }

    /// Refused because of what is in it.
    pub(super) fn reject(&self, rejection: &Rejection) -> Settlement {
        let code = rejection.code.into();
        let action = advice(self.inbound, code, self.payload.is_some());
        self.refuse_and_advise(code, &with_mapping(self.inbound, &rejection.message), action)
    }

    /// Nothing is to be done: a mapping said that the message is not for this worker.
    pub(super) fn ignored(&self) -> Settlement {
        let attempts = self.inbound.history.attempts;
        let data = ResultData { outcome: Some(Outcome::Ignored), attempts, ..self.data() };
        Settlement::Done(self.result(ResultKind::MessageIgnored, data))
    }

    /// Refused by the API.
    pub(super) fn refused(&self, failure: &Failure) -> Settlement {
        let Failure { error_type, code, class, message, action, .. } = failure;
        self.letter(error_type, code, class.name(), message, action, self.inbound.history.attempts + 1)
    }

    /// The budget is spent.
    pub(super) fn exhausted(&self, failure: &Failure, attempts: u32) -> Settlement {
        if failure.class == Class::Unlisted {
            // an operator knows it by the API's names alone
            let Failure { error_type, code, class, message, action, .. } = failure;
            return self.letter(error_type, code, class.name(), message, action, attempts);
        }
        let own = OwnCode::RetriesExhausted;
        let last = format!("{}/{} after {attempts} attempts: {}", failure.error_type, failure.code, failure.message);
        self.letter(&failure.error_type, own.name(), failure.class.name(), &last, own.action(), attempts)
    }

    /// The API says that a name is taken, and a read says that it is nobody's.
    pub(super) fn conflict_with_nobody(&self, conflict: &Failure) -> Settlement {
        self.unclear_within(Some(Budget::Passing), conflict)
    }

    /// Comes back later, or the budget is spent and `given_up` says what then.
    pub(super) fn retry(&self, failure: &Failure, budget: Option<Budget>) -> Again {
        let history = self.history();
        // a message that has only followed another through a retry queue has not failed there
        let has_failed = history.last_failed_at.is_some();
        let since = self.inbound.failed_by.filter(|_| has_failed).unwrap_or(self.began);
        let counts = !self.pace.is_paused(failure.operation)
            && self.memory.works_for_others(failure.operation, self.label.order(), since);
        decide::retry(self.limits, &history, failure, budget, counts, Timestamp::now())
    }

    /// History for the next attempt. After a hop, the broker does not tell again that it had delivered the message before.
    pub(super) fn history(&self) -> History {
        History { outcome_unknown: self.outcome_unknown(), ..self.inbound.history.clone() }
    }

    /// Nobody can say whether the order of a create is there, so there can be no letter that says it is not.
    pub(super) fn unclear(&self, failure: &Failure) -> Settlement {
        let budget = match failure.class.decision() {
            Decision::Retry(budget) if failure.class == Class::Unlisted => Some(budget),
            // it passes, for this order or for all
            Decision::Retry(_) | Decision::AwaitCreate => None,
            // the read itself is refused for good: somebody has to look
            Decision::Refuse | Decision::Compare | Decision::Done => Some(Budget::Passing),
        };
        self.unclear_within(budget, failure)
    }

    /// Nobody can say whether an effect is there; after so many counted attempts somebody has to look.
    pub(super) fn unclear_within(&self, budget: Option<Budget>, failure: &Failure) -> Settlement {
        match self.retry(failure, budget) {
            Again::Later(later) => Settlement::Later(later),
            Again::GiveUp { attempts } => {
                let own = OwnCode::OutcomeUnknown;
                let why = format!("what became of it cannot be told: {}", failure.cause());
                self.letter(own.error_type(), own.name(), failure.class.name(), &why, own.action(), attempts)
            }
        }
    }

    /// No read tells what is there. While none tells it of any order, that passes; else somebody has to look in the end.
    pub(super) fn untold(&self, failure: &Failure) -> Settlement {
        self.unclear_within(Some(Budget::Passing), failure)
    }

    /// An update that certainly had no effect: when it is tried again, if ever.
    pub(super) fn not_updated(&self, failure: &Failure) -> Settlement {
        match failure.class.decision() {
            Decision::AwaitCreate => self.await_create(),
            Decision::Retry(_) => self.try_again(failure),
            Decision::Refuse | Decision::Compare | Decision::Done => self.refused(failure),
        }
    }

    /// Comes back later, or is given up when its budget is spent.
    pub(super) fn try_again(&self, failure: &Failure) -> Settlement {
        let budget = match failure.class.decision() {
            Decision::Retry(budget) => budget,
            // a read or an update that was refused for good says nothing about the order: few tries, then a letter
            Decision::Done | Decision::Compare | Decision::AwaitCreate | Decision::Refuse => Budget::Denied,
        };
        match self.retry(failure, Some(budget)) {
            Again::Later(later) => Settlement::Later(later),
            Again::GiveUp { attempts } => self.exhausted(failure, attempts),
        }
    }

    /// Waits in the retry queues for the order to be created.
    pub(super) fn await_create(&self) -> Settlement {
        match decide::await_create(self.limits, &self.history(), Timestamp::now()) {
            Again::Later(later) => Settlement::Later(later),
            Again::GiveUp { .. } => self.refuse(OwnCode::OrderNotFound, "no such order was created in time"),
        }
    }

    /// Waits for a pause to end, since nobody may look whether the order is there.
    pub(super) fn await_pause(&self) -> Settlement {
        Settlement::Later(decide::await_pause(&self.history(), Timestamp::now()))
    }

    fn data(&self) -> ResultData {
        ResultData {
            causation_id: self.label.message_id.clone(),
            replays: self.inbound.history.replays,
            replay_id: self.inbound.history.replay_id.as_deref().map(Into::into),
            ..ResultData::default()
        }
    }

    fn result(&self, kind: ResultKind, data: ResultData) -> ResultEvent {
        let Label { source, message_id, order, .. } = self.label;
        ResultEvent {
            specversion: "1.0",
            id: result_id(source, message_id, kind, data.replays),
            source: SOURCE.into(),
            kind,
            subject: order.clone(),
            time: Timestamp::now(),
            datacontenttype: "application/json",
            data,
            traceparent: self.inbound.headers.get("traceparent").cloned(),
            replayed_letter: self.inbound.history.replayed_letter.as_deref().map(Into::into),
            replay_to: self.inbound.history.replay_to.as_deref().map(Into::into),
        }
    }

    fn letter(
        &self,
        error_type: &str,
        code: &str,
        class: &str,
        message: &str,
        action: &str,
        attempts: u32,
    ) -> Settlement {
        let Label { source, message_id, order, .. } = self.label;
        let history = &self.inbound.history;
        let now = Timestamp::now();
        let letter = Letter {
            id: letter_id(source, message_id, history.replays),
            operation: self.label.operation().map_or("none", Operation::name).into(),
            error_type: error_type.into(),
            code: code.into(),
            class: class.into(),
            message: self.payload.map(Private::of).unwrap_or_default().scrub(message),
            suggested_action: action.into(),
            order: order.clone(),
            attempts,
            first_failed_at: history.first_failed_at.unwrap_or(now),
            dead_lettered_at: now,
            replays: history.replays,
            mapping: mapping(self.inbound),
            bare: false,
        };
        let failure = ResultFailure {
            letter_id: letter.id,
            error_type: letter.error_type.clone(),
            code: letter.code.clone(),
            class: letter.class.clone(),
            suggested_action: letter.suggested_action.clone(),
        };
        let data = ResultData { failure: Some(failure), attempts, ..self.data() };
        Settlement::DeadLetter(Box::new(letter), self.result(ResultKind::OrderFailed, data))
    }
}

fn execution_state(state: &ExecutionState) -> String {
    match state {
        ExecutionState::NotStarted => "NOT_STARTED".into(),
        ExecutionState::Started => "STARTED".into(),
        ExecutionState::Other(name) => name.clone(),
    }
}
