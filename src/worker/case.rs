//! One message on its way to a settlement: who it is, and how each end of it is written.
//!
//! Not here: which end it takes.

use std::sync::atomic::AtomicBool;

use jiff::Timestamp;
use tokio::time::Instant;

use super::amended::Stamp;
use super::board::{Held, Whose};
use super::clock::Clock;
use super::context::Context;
use super::mapped::{mapping, with_mapping};
use crate::domain::outcome::{Failure as ResultFailure, Outcome, ResultData, ResultEvent, ResultKind};
use crate::domain::outcome::{letter_id, result_id};
use crate::domain::privacy::Private;
use crate::domain::rejection::{Rejection, RejectionCode};
use crate::domain::stored::{ExecutionState, StoredOrder};
use crate::policy::catalogue::{Class, OwnCode};
use crate::policy::classify::Failure;
use crate::policy::decide::{self, Action, Budget, Verdict, action};
use crate::ports::{History, Inbound, Letter, Operation, OrderApi, Settlement, WaitReason};

/// Source of all results: this program, whichever replica.
const SOURCE: &str = "/bwp-sync";

/// A message, and what was found out of it.
#[derive(Debug)]
pub struct Case<'a, A> {
    /// What all messages share.
    pub context: &'a Context<A>,
    /// The message as it was delivered.
    pub inbound: &'a Inbound,
    /// Who it is.
    pub identity: Identity,
    /// What in it must not be repeated.
    pub private: Private,
    /// Where it stands among the amendments of its order.
    pub stamp: Stamp,
    /// Its id is its own, not one that was made from its content.
    pub has_own_id: bool,
    /// When this attempt began, by the calendar.
    pub began: Timestamp,
    /// The same, by the process' clock.
    pub began_at: Instant,
    /// For how long the message has been handled.
    pub clock: Clock,
    /// Whether it has made a call in this attempt.
    pub has_called: AtomicBool,
}

/// Who a message is.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Its id, given or made from the body.
    pub message_id: String,
    /// Its source.
    pub source: String,
    /// The shop's order id, or Buy with Prime's.
    pub order: Option<String>,
    /// The operation that it asks for.
    pub operation: Option<Operation>,
}

impl<A: OrderApi> Case<'_, A> {
    /// Name of the order in what is remembered; the message's own id where it has none.
    pub fn order(&self) -> &str {
        self.identity.order.as_deref().unwrap_or(&self.identity.message_id)
    }

    /// Shows that the message waits, and why, until the returned guard is dropped.
    pub(super) fn waits_for(&self, reason: WaitReason) -> Held {
        let Identity { order, message_id, .. } = &self.identity;
        self.context.board.holds(&Whose { order: order.clone(), message_id: message_id.clone() }, reason)
    }

    /// Whether an earlier attempt may have taken effect without our knowing.
    pub fn outcome_unknown(&self) -> bool {
        self.inbound.redelivered || self.inbound.history.outcome_unknown || self.inbound.history.replays > 0
    }

    /// It is done.
    pub fn done(&self, kind: ResultKind, outcome: Outcome, stored: &StoredOrder) -> Settlement {
        self.done_with(kind, outcome, stored, |_| {})
    }

    /// It is done, and there is more to say.
    pub fn done_with(
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
    pub fn refuse(&self, code: OwnCode, why: &str) -> Settlement {
        self.refuse_and_advise(code, why, code.action())
    }

    /// The same, with advice for this case of it.
    pub fn refuse_and_advise(&self, code: OwnCode, why: &str, advice: &str) -> Settlement {
        self.letter(code.error_type(), code.name(), "rejected", why, advice, self.inbound.history.attempts + 1)
    }

    /// Refused because of what is in it.
    pub fn reject(&self, rejection: &Rejection) -> Settlement {
        let code = match rejection.code {
            RejectionCode::InvalidMessage => OwnCode::InvalidMessage,
            RejectionCode::UnsupportedMessage => OwnCode::UnsupportedMessage,
            RejectionCode::Broken(rule) => OwnCode::Broken(rule),
        };
        self.refuse(code, &with_mapping(self.inbound, &rejection.message))
    }

    /// Refused by the API.
    pub fn refused(&self, failure: &Failure) -> Settlement {
        let Failure { error_type, code, class, message, action, .. } = failure;
        self.letter(error_type, code, class.name(), message, action, self.inbound.history.attempts + 1)
    }

    /// The budget is spent.
    pub fn exhausted(&self, failure: &Failure, attempts: u32) -> Settlement {
        if failure.class == Class::Unlisted {
            // whoever looks for it knows it by the API's names alone
            let Failure { error_type, code, class, message, action, .. } = failure;
            return self.letter(error_type, code, class.name(), message, action, attempts);
        }
        let own = OwnCode::RetriesExhausted;
        let last = format!("{}/{} after {attempts} attempts: {}", failure.error_type, failure.code, failure.message);
        self.letter(&failure.error_type, own.name(), failure.class.name(), &last, own.action(), attempts)
    }

    /// The API says that a name is taken, and a read says that it is nobody's.
    pub fn taken_by_nobody(&self, conflict: &Failure) -> Settlement {
        self.unclear_within(Budget::Passing, conflict)
    }

    /// Comes back later, or the budget is spent and `given_up` says what then.
    pub fn retry(&self, failure: &Failure, budget: Budget) -> Verdict {
        let history = self.history();
        // what has only followed another through a retry queue has not failed there
        let has_failed = history.last_failed_at.is_some();
        let since = self.inbound.failed_by.filter(|_| has_failed).unwrap_or(self.began_at);
        let counts = !self.context.pace.is_paused(failure.operation)
            && self.context.works_for_others(failure.operation, self.order(), since);
        decide::retry(&self.context.limits, &history, failure, budget, counts, Timestamp::now())
    }

    /// What the next attempt must know: that the broker delivered it before is not told again after a hop.
    pub(super) fn history(&self) -> History {
        History { outcome_unknown: self.outcome_unknown(), ..self.inbound.history.clone() }
    }

    /// Nobody can say whether the order of a create is there, so there can be no letter that says it is not.
    pub fn unclear(&self, failure: &Failure) -> Settlement {
        let budget = match action(failure.class) {
            Action::Retry(budget) if failure.class == Class::Unlisted => budget,
            // it passes, for this order or for all
            Action::Retry(_) | Action::AwaitCreate => Budget::Endless,
            // the read itself is refused for good: somebody has to look
            Action::Refuse | Action::Compare | Action::Done => Budget::Passing,
        };
        self.unclear_within(budget, failure)
    }

    /// Nobody can say whether an effect is there; after so many counted attempts somebody has to look.
    pub fn unclear_within(&self, budget: Budget, failure: &Failure) -> Settlement {
        match self.retry(failure, budget) {
            Verdict::Later(later) => Settlement::Later(later),
            Verdict::GiveUp { attempts } => {
                let own = OwnCode::OutcomeUnknown;
                let why = format!("what became of it cannot be told: {}", failure.cause());
                self.letter(own.error_type(), own.name(), failure.class.name(), &why, own.action(), attempts)
            }
        }
    }

    pub(super) fn data(&self) -> ResultData {
        ResultData {
            causation_id: self.identity.message_id.clone(),
            replays: self.inbound.history.replays,
            replay_id: self.inbound.history.replay_id.clone(),
            ..ResultData::default()
        }
    }

    pub(super) fn result(&self, kind: ResultKind, data: ResultData) -> ResultEvent {
        let Identity { source, message_id, order, .. } = &self.identity;
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
        let Identity { source, message_id, order, operation } = &self.identity;
        let history = &self.inbound.history;
        let now = Timestamp::now();
        let letter = Letter {
            id: letter_id(source, message_id, history.replays),
            operation: operation.map_or("none", Operation::name).into(),
            error_type: error_type.into(),
            code: code.into(),
            class: class.into(),
            message: self.private.scrub(message),
            suggested_action: action.into(),
            order: order.clone(),
            attempts,
            first_failed_at: history.first_failed_at.unwrap_or(now),
            dead_lettered_at: now,
            replays: history.replays,
            mapping: mapping(self.inbound, message_id),
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
