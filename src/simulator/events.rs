//! Events of an open call, for tests.
//! Not here: effects of the call.

use std::time::Instant;

use tokio::sync::broadcast;

use super::names::Operation;

/// A step in the life of one call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallEvent {
    /// Number of the call, equal in all its events.
    pub call: u64,
    /// Operation that was called.
    pub operation: Operation,
    /// An alias id of the order: the one of type `EXTERNAL_ID` if there is one. `None` for tokens.
    pub alias: Option<String>,
    /// Step that was reached.
    pub phase: CallPhase,
}

/// Steps of a call. `Opened` comes first. `Closed` comes last, unless the caller disconnects before a delayed effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPhase {
    /// The arguments were understood; no effect yet.
    Opened,
    /// The call was accepted and took effect; no answer yet.
    TookEffect,
    /// The answer is about to be written.
    Answered,
    /// The call has ended: answered, or disconnected.
    Closed,
}

/// One open call. It closes when it is dropped, which also happens when the caller disconnects; then it logs one line.
#[derive(Debug)]
pub(super) struct OpenCall {
    teller: Teller,
    since: Instant,
    answer: Option<String>,
}

/// Sends the events of one call to all subscribers.
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

    /// Records the answer for the log: a status, or the name of a refusal.
    pub(super) fn answered(&mut self, answer: String) {
        self.answer = Some(answer);
        self.teller.tell(CallPhase::Answered);
    }

    /// A sender of events for the task that executes the call, which can outlive the connection.
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
        // an error says that there is no subscriber
        self.events.send(event).ok();
    }
}
