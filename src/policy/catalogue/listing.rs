//! The whole catalogue as it is printed: the API's errors and the worker's own, in one form.
//!
//! Not here: how it is laid out.

use serde::Serialize;

use super::class::Class;
use super::own_code::OwnCode;
use super::rows::{Row, rows};
use crate::ports::Operation;

/// Stands for the type of [`OwnCode::RetriesExhausted`], and the class of this one and of [`OwnCode::OutcomeUnknown`]: those
/// of the last error.
const LAST: &str = "(the last error's)";
/// The class of what is refused by the worker itself.
const REFUSED: Class = Class::Rejected;

/// One line of the catalogue.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// The operation of the API; `any` for an own code that every message can get.
    pub operation: &'static str,
    /// The type without `Error` or `Exception`, which the API uses interchangeably.
    #[serde(rename = "type")]
    pub error_type: &'static str,
    /// The code; `None` where the API gives none.
    pub code: Option<&'static str>,
    /// Its class, as letters and results write it.
    pub class: &'static str,
    /// The worker's decision: see [`super::Decision`].
    pub decision: &'static str,
    /// Advice to the operator.
    pub suggested_action: &'static str,
}

/// Every line: the API's errors in the order of its documents, then the worker's own codes.
pub fn entries() -> impl Iterator<Item = Entry> {
    rows().map(of_api).chain(OwnCode::all().map(own))
}

fn of_api(row: &Row) -> Entry {
    Entry {
        operation: row.operation.name(),
        error_type: row.error_type,
        code: row.code,
        class: row.class.name(),
        decision: row.class.decision().name(),
        suggested_action: row.action,
    }
}

fn own(code: OwnCode) -> Entry {
    let (error_type, class) = match code {
        OwnCode::RetriesExhausted => (LAST, LAST),
        OwnCode::OutcomeUnknown => (code.error_type(), LAST),
        OwnCode::InvalidMessage
        | OwnCode::UnsupportedMessage
        | OwnCode::PoisonMessage
        | OwnCode::OrderNotFound
        | OwnCode::AliasBelongsToAnotherOrder
        | OwnCode::Broken(_)
        | OwnCode::ExecutionCannotBeStartedDueToCancellation => (code.error_type(), REFUSED.name()),
    };
    Entry {
        operation: code.operation().map_or("any", Operation::name),
        error_type,
        code: Some(code.name()),
        class,
        decision: REFUSED.decision().name(),
        suggested_action: code.action(),
    }
}
