//! What is said of a settlement: a line in the log, and figures.
//!
//! Not here: anything that changes what becomes of the message.

use std::time::Duration;

use metrics::{counter, histogram};

use crate::domain::outcome::Outcome;
use crate::policy::catalogue;
use crate::ports::{Later, Settlement};

/// One line for each settlement, and its figures.
pub(super) fn record(order: Option<&str>, settlement: &Settlement, took: Duration) {
    let took_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
    let (kind, outcome, code) = match settlement {
        Settlement::Done(result) => {
            let (kind, data) = (result.kind.name(), &result.data);
            let outcome = data.outcome.map_or("", Outcome::name);
            tracing::info!(
                kind,
                order,
                outcome,
                message_id = data.causation_id,
                attempts = data.attempts,
                took_ms,
                "done"
            );
            (kind, outcome, String::new())
        }
        Settlement::Later(Later { history, .. }) => {
            let (attempts, delays) = (history.attempts, history.delays);
            tracing::info!(order, code = history.last_error, attempts, delays, took_ms, "later");
            ("later", "", String::new())
        }
        Settlement::DeadLetter(letter, result) => {
            let (kind, operation, code, attempts) =
                (result.kind.name(), &letter.operation, &letter.code, letter.attempts);
            let (message_id, letter_id) = (&result.data.causation_id, letter.id);
            tracing::warn!(kind, order, operation, code, message_id, %letter_id, attempts, took_ms, "dead-lettered");
            (kind, "dead-lettered", letter.code.clone())
        }
    };
    // the API may invent codes without end, labels must not
    let code = if code.is_empty() || catalogue::knows(&code) { code } else { "other".into() };
    counter!("bwp_messages_settled_total", "kind" => kind, "outcome" => outcome, "code" => code).increment(1);
    histogram!("bwp_message_seconds", "kind" => kind).record(took);
}
