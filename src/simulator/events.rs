//! What a test hears about a call while it is open.
//! Not here: what the call does.

use std::time::Instant;

use tokio::sync::broadcast;

use super::names::Operation;

/// A step in the life of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// Counts calls; the same in all events of one call.
    pub call: u64,
    /// What was called.
    pub operation: Operation,
    /// An alias id of the order concerned: `EXTERNAL_ID` where there is one. None for tokens.
    pub alias: Option<String>,
    /// Which step.
    pub phase: CallPhase,
}

/// The steps. `Opened` comes first. `Closed` comes last, unless the caller has gone before a delayed effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPhase {
    /// The arguments were understood; nothing has happened yet.
    Opened,
    /// The call was accepted and has done what it asks for; the caller does not know yet.
    TookEffect,
    /// An answer is about to be written.
    Answered,
    /// The call is over: answered, or its connection has ended.
    Closed,
}

/// One open call; closes itself when dropped, which is what happens when the caller goes away. Logs one line then.
#[derive(Debug)]
pub(super) struct OpenCall {
    teller: Teller,
    since: Instant,
    answer: Option<String>,
}

/// Tells the steps of one call to whoever listens.
#[derive(Debug, Clone)]
pub(super) struct Teller {
    events: broadcast::Sender<CallEvent>,
    call: u64,
    operation: Operation,
    alias: Option<String>,
}

impl OpenCall {
    pub(super) fn new(
        events: broadcast::Sender<CallEvent>,
        call: u64,
        operation: Operation,
        alias: Option<String>,
    ) -> Self {
        let teller = Teller { events, call, operation, alias };
        teller.tell(CallPhase::Opened);
        Self { teller, since: Instant::now(), answer: None }
    }

    /// `answer` is for the log: a status, or the name of a refusal.
    pub(super) fn answered(&mut self, answer: String) {
        self.answer = Some(answer);
        self.teller.tell(CallPhase::Answered);
    }

    /// For the task that carries the call out, which can outlive it.
    pub(super) fn teller(&self) -> Teller {
        self.teller.clone()
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        let Teller { call, operation, alias, .. } = &self.teller;
        let answer = self.answer.as_deref().unwrap_or("none");
        let millis = self.since.elapsed().as_millis();
        tracing::info!(call, operation = operation.name(), alias, answer, millis, "call");
        self.teller.tell(CallPhase::Closed);
    }
}

impl Teller {
    pub(super) fn tell(&self, phase: CallPhase) {
        let Self { call, operation, alias, .. } = self;
        let event = CallEvent { call: *call, operation: *operation, alias: alias.clone(), phase };
        // an error says that nobody listens
        self.events.send(event).ok();
    }
}
