//! Log lines and metrics when a pause begins, changes its cause, or ends.
//!
//! Not here: when it does.

use metrics::gauge;
use strum::IntoEnumIterator;

use crate::policy::breakers::Stopped;
use crate::policy::sign::Cause;
use crate::ports::Operation;

/// A pause, as it is told.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Paused {
    pub(super) stopped: Stopped,
    pub(super) cause: Cause,
    pub(super) answer: String,
}

/// Tells which pauses have begun, changed or ended.
pub(super) fn of_pauses(before: &[Paused], after: &[Paused]) {
    let has = |pauses: &[Paused], cause| pauses.iter().any(|pause| pause.cause == cause);
    for cause in Cause::iter() {
        if has(before, cause) != has(after, cause) {
            gauge!("bwp_paused", "cause" => cause.name()).set(u8::from(has(after, cause)));
        }
    }
    for Paused { stopped, cause, answer } in after {
        let (cause_name, operation) = (cause.name(), stopped.map(Operation::name));
        match (before.iter().find(|earlier| earlier.stopped == *stopped), operation) {
            (Some(earlier), _) if earlier.cause == *cause => {}
            (Some(_), operation) => {
                tracing::warn!(cause = cause_name, answer, operation, "paused for another cause");
            }
            (None, None) => {
                tracing::warn!(cause = cause_name, answer, "paused: no call is made, messages are held");
            }
            (None, Some(operation)) => tracing::warn!(
                cause = cause_name,
                answer,
                operation,
                "paused: no call of this operation is made, others go on"
            ),
        }
    }
    for Paused { stopped, cause, .. } in before {
        if after.iter().all(|later| later.stopped != *stopped) {
            tracing::info!(cause = cause.name(), operation = stopped.map(Operation::name), "the pause is over");
        }
    }
}
