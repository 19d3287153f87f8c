//! What a test hears about a call while it is open.
//! Not here: what the call does.

use tokio::sync::broadcast;

use super::Operation;

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

/// The steps. `Opened` comes first and `Closed` last, whatever happens between.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallPhase {
    /// The arguments were understood; nothing has happened yet.
    Opened,
    /// An answer is about to be written.
    Answered,
    /// The call is over: answered, or its connection has ended.
    Closed,
}

/// One open call; closes itself when dropped, which is what happens when the caller goes away.
#[derive(Debug)]
pub(super) struct OpenCall {
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
        let open = Self { events, call, operation, alias };
        open.tell(CallPhase::Opened);
        open
    }

    pub(super) fn answered(&self) {
        self.tell(CallPhase::Answered);
    }

    fn tell(&self, phase: CallPhase) {
        let Self { call, operation, alias, .. } = self;
        tracing::info!(call, operation = operation.name(), alias, ?phase, "call");
        let event = CallEvent { call: *call, operation: *operation, alias: alias.clone(), phase };
        // an error says that nobody listens
        self.events.send(event).ok();
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.tell(CallPhase::Closed);
    }
}
