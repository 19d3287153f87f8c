//! Log lines and metrics of settlements and waits.
//!
//! Not here: anything that changes what becomes of the message.

use std::time::Duration;

use metrics::{counter, gauge, histogram};
use strum::IntoEnumIterator;

use super::label::Label;
use crate::domain::outcome::{Outcome, ResultKind};
use crate::policy::catalogue::{self, Class};
use crate::policy::sign::Cause;
use crate::ports::{History, Later, MAX_TEXT_BYTES, Operation, Settlement, WaitReason};
use crate::trace;

/// Class of a call that succeeded, in metrics.
pub(super) const SUCCESS: &str = "ok";
/// Kind of what comes again, in metrics.
const LATER: &str = "later";
/// Outcome of a dead letter, in metrics.
const DEAD_LETTERED: &str = "dead-lettered";
/// Stands for a code that is in no list: the API may invent codes without end, labels must not.
const OTHER: &str = "other";

/// Begins all series of this room at zero, so that the absence of an event shows.
pub fn begin_series() {
    let settled = |kind: &'static str, outcome: &'static str, code: &'static str| {
        counter!("bwp_messages_settled_total", "kind" => kind, "outcome" => outcome, "code" => code).absolute(0);
    };
    Outcome::iter().for_each(|outcome| settled(outcome.kind().name(), outcome.name(), ""));
    catalogue::codes().chain([OTHER]).for_each(|code| settled(ResultKind::OrderFailed.name(), DEAD_LETTERED, code));
    settled(LATER, "", "");
    for kind in ResultKind::iter().map(ResultKind::name).chain([LATER]) {
        drop(histogram!("bwp_message_seconds", "kind" => kind));
    }
    for operation in Operation::iter().map(Operation::name) {
        counter!("bwp_unlisted_errors_total", "operation" => operation).absolute(0);
        for class in Class::iter().map(Class::name).chain([SUCCESS]) {
            drop(histogram!("bwp_api_call_seconds", "operation" => operation, "class" => class));
        }
    }
    Cause::iter().for_each(|cause| gauge!("bwp_paused", "cause" => cause.name()).set(0));
}

/// One line for each settlement, and its figures. `delay` is that of a retry queue.
pub(super) fn record(label: &Label, settlement: &Settlement, took: Duration, delay: Option<Duration>) {
    let Label { order, message_id, .. } = label;
    let took_ms = milliseconds(took);
    let (kind, outcome, code) = match settlement {
        Settlement::Done(result) => {
            let (kind, data) = (result.kind.name(), &result.data);
            let outcome = data.outcome.map_or("", Outcome::name);
            let attempts = data.attempts;
            tracing::info!(kind, order, outcome, message_id, attempts, took_ms, "done");
            (kind, outcome, String::new())
        }
        Settlement::Later(Later { history, reason, .. }) => {
            let (waits_for, delay_ms) = (reason.name(), delay.map(milliseconds));
            let History { last_error: code, attempts, delays, .. } = history;
            tracing::info!(order, message_id, waits_for, delay_ms, code, attempts, delays, took_ms, "later");
            (LATER, "", String::new())
        }
        Settlement::DeadLetter(letter, result) => {
            let (kind, operation, error_type, code) =
                (result.kind.name(), &letter.operation, &letter.error_type, &letter.code);
            let (error, attempts) = (cut(&letter.message), letter.attempts);
            let letter_id = letter.id;
            tracing::warn!(
                kind,
                order,
                operation,
                error_type,
                code,
                error,
                message_id,
                %letter_id,
                attempts,
                took_ms,
                "dead-lettered"
            );
            (kind, DEAD_LETTERED, letter.code.clone())
        }
    };
    let code = if code.is_empty() || catalogue::knows(&code) { code } else { OTHER.into() };
    counter!("bwp_messages_settled_total", "kind" => kind, "outcome" => outcome, "code" => code).increment(1);
    histogram!("bwp_message_seconds", "kind" => kind).record(took);
}

/// The end of a message in its trace.
pub(super) fn end_span(span: &tracing::Span, settlement: &Settlement) {
    match settlement {
        Settlement::Done(result) => trace::ended(span, result.data.outcome.map_or("", Outcome::name)),
        Settlement::Later(later) => {
            trace::ended(span, LATER);
            // a message that waits for another has not failed
            if let (WaitReason::Delay, Some(error)) = (later.reason, &later.history.last_error) {
                trace::failed(span, error);
            }
        }
        Settlement::DeadLetter(letter, _) => {
            trace::ended(span, DEAD_LETTERED);
            trace::failed(span, &letter.code);
        }
    }
}

/// One line for a message that is held for so long.
pub(super) fn record_hold(label: &Label, reason: WaitReason, history: &History, held_for: Duration) {
    let Label { order, message_id, .. } = label;
    let (waits_for, held_ms) = (reason.name(), milliseconds(held_for));
    tracing::info!(order, message_id, waits_for, held_ms, code = history.last_error, "held");
}

/// The part of a text that the letter's header carries.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_TEXT_BYTES)]
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
