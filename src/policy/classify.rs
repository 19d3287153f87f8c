//! Facts → class.
//!
//! Not here: what is done about it.

use std::time::Duration;

use super::catalogue::{Class, OwnCode, QUERY_ACTION, Row, UNLISTED_ACTION, rows};
use crate::domain::stored::{UnknownField, Untold};
use crate::ports::{ApiError, ErrorFact, Operation, TokenError, WaitReason};

/// A failed call, understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The operation that failed.
    pub operation: Operation,
    /// Its class.
    pub class: Class,
    /// Type as the API wrote it, or what stands for it when the API said nothing.
    pub error_type: String,
    /// Code as the API wrote it; the type where there is none.
    pub code: String,
    /// The facts in words. May hold what the shopper entered.
    pub message: String,
    /// The facts that are nobody's own, for logs and headers: empty where all that is known is what the API said.
    pub detail: String,
    /// Advice to the operator.
    pub action: &'static str,
    /// Whether it speaks of the API, the way to it or our credentials, rather than of one order.
    pub systemic: bool,
    /// Whether the call may have taken effect although it failed.
    pub effect_possible: bool,
    /// How long the API asks to wait.
    pub retry_after: Option<Duration>,
    /// Its cost for the message.
    pub cost: Cost,
    /// The API gave it a name that stands in no row.
    pub unlisted: bool,
}

/// Cost of a failure for its message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cost {
    /// A call was tried: an attempt, where that is counted, and a longer delay the next time.
    Attempt,
    /// There was no time for a call, or for a look at what came of one: a longer delay the next time.
    Delay,
    /// The call was put off for the sake of all calls: nothing.
    Nothing(WaitReason),
}

impl Cost {
    /// Why the message waits then.
    pub fn reason(self) -> WaitReason {
        match self {
            Self::Attempt => WaitReason::Delay,
            Self::Delay => WaitReason::MaxHold,
            Self::Nothing(reason) => reason,
        }
    }
}

impl Failure {
    /// The cause in words that are nobody's own: the code, and what is known beside it.
    pub fn cause(&self) -> String {
        let Self { code, detail, .. } = self;
        if detail.is_empty() { code.clone() } else { format!("{code}: {detail}") }
    }

    /// This failure, where there was no time to look whether it had an effect. Nothing is given up for that.
    pub fn not_looked_at(&self) -> Self {
        Self { cost: Cost::Delay, ..self.clone() }
    }
}

/// Says what a failed call means, by the catalogue. Total: every error has a class.
pub fn classify(operation: Operation, error: &ApiError) -> Failure {
    classify_by(&rows().copied().collect::<Vec<_>>(), operation, error)
}

/// Classifies by other rows: tests show with it that every row matters.
pub fn classify_by(rows: &[Row], operation: Operation, error: &ApiError) -> Failure {
    let message = error.to_string();
    let nameless = |class, error_type: &str, action, effect_possible, retry_after| Failure {
        operation,
        class,
        error_type: error_type.into(),
        code: error_type.into(),
        message: message.clone(),
        detail: error.detail(),
        action,
        systemic: class.is_the_apis(),
        effect_possible,
        retry_after,
        cost: Cost::Attempt,
        unlisted: false,
    };
    match error {
        ApiError::NotSent { .. } => nameless(Class::Transient, "NotSent", NETWORK_ACTION, false, None),
        ApiError::NoAnswer { .. } => nameless(Class::OutcomeUnknown, "NoAnswer", NETWORK_ACTION, true, None),
        ApiError::NoToken(error) => {
            let (class, action, retry_after) = match error {
                TokenError::Refused { .. } => (Class::Denied, CREDENTIALS_ACTION, None),
                TokenError::Throttled { retry_after } => (Class::Throttled, NETWORK_ACTION, *retry_after),
                TokenError::Unavailable { .. } => (Class::Transient, NETWORK_ACTION, None),
            };
            Failure { systemic: true, ..nameless(class, NO_TOKEN, action, false, retry_after) }
        }
        // whatever became of the read, the operation itself was not sent
        ApiError::NotLookedUp(read) => {
            Failure { operation, message, effect_possible: false, ..classify_by(rows, Operation::Order, read) }
        }
        ApiError::OrderNotFound => {
            let own = OwnCode::OrderNotFound;
            nameless(Class::NotThere, own.name(), own.action(), false, None)
        }
        ApiError::Unreadable { status, retry_after, .. } => {
            let (class, effect_possible) = by_status(*status);
            let failure = nameless(class, &format!("Http{status}"), NETWORK_ACTION, effect_possible, *retry_after);
            // the API itself denies by an answer; this is the way to it
            Failure { systemic: failure.systemic || class == Class::Denied, ..failure }
        }
        ApiError::Answered { status, errors, retry_after } => {
            let mut fact = errors.first().cloned().unwrap_or_default();
            // a blank name is none
            for name in [&mut fact.error_type, &mut fact.code] {
                name.take_if(|name| name.trim().is_empty());
            }
            let number = fact.error_code.unwrap_or(*status);
            let understood = understand(rows, operation, *status, &fact);
            let error_type = fact.error_type.unwrap_or_else(|| understood.stands_for.into());
            Failure {
                operation,
                class: understood.class,
                // the engine's own type says nothing to an operator
                code: match fact.code {
                    Some(code) => code,
                    None if fact.value => REFUSED_VALUE.into(),
                    None if understood.class == Class::QueryRefused => "QueryRefused".into(),
                    None if understood.class == Class::Unlisted && !understood.unlisted => format!("Http{number}"),
                    None => error_type.clone(),
                },
                error_type,
                message,
                detail: errors
                    .iter()
                    .find_map(|error| error.unknown_field.as_deref())
                    .map(unknown_field)
                    .unwrap_or_default(),
                action: understood.action,
                systemic: understood.class.is_the_apis() || *status == 401 || understood.says_that_it_failed,
                // the engine refuses a value before it runs anything
                effect_possible: !fact.value
                    && operation.changes_an_order()
                    && (matches!(understood.class, Class::Transient | Class::Unlisted) || *status >= 500),
                retry_after: *retry_after,
                cost: Cost::Attempt,
                unlisted: understood.unlisted,
            }
        }
    }
}

/// A call for which there is no time any more: its message has been held for long, or would be by then.
pub fn out_of_time(operation: Operation) -> Failure {
    let message = "what came before took too long".into();
    Failure { message, cost: Cost::Delay, ..put_off(operation, "OutOfTime", WaitReason::MaxHold) }
}

/// A call that was put off for the sake of all calls: its message has no part in it.
pub fn put_off(operation: Operation, why: &str, reason: WaitReason) -> Failure {
    Failure {
        operation,
        class: Class::Transient,
        error_type: why.into(),
        code: why.into(),
        message: "no call was made".into(),
        detail: String::new(),
        action: NETWORK_ACTION,
        systemic: false,
        effect_possible: false,
        retry_after: None,
        cost: Cost::Nothing(reason),
        unlisted: false,
    }
}

/// A read that left out what the decision hangs on. Every order meets it where the API does not know the field, so that
/// no attempt is counted then.
pub fn not_told(what: Untold, unknown: &[UnknownField]) -> Failure {
    let untold = not_understood(what.code());
    match what.for_want_of(unknown) {
        None => untold,
        Some(field) => {
            let detail = unknown_field(&field.name);
            Failure { message: detail.clone(), detail, action: QUERY_ACTION, cost: Cost::Delay, ..untold }
        }
    }
}

/// A read whose answer says nothing that the decision can hang on.
pub fn not_understood(what: &str) -> Failure {
    Failure {
        message: "the API answered without what the decision hangs on".into(),
        action: "look at the order in Buy with Prime, then replay",
        cost: Cost::Attempt,
        ..put_off(Operation::Order, what, WaitReason::Delay)
    }
}

fn unknown_field(name: &str) -> String {
    format!("field {name}: not known to the API")
}

/// Type and code of a call that was not made for want of a token.
pub const NO_TOKEN: &str = "NoToken";

/// Code of a value that is not of its type in the API's schema.
const REFUSED_VALUE: &str = "ValueRefused";
const VALUE_ACTION: &str = "the API does not take a value of this message: read its text, mend the message, replay";

const NETWORK_ACTION: &str = "check the network and the API's status, then replay";
const CREDENTIALS_ACTION: &str = "check `api.client_id` and `api.client_secret`, then replay";

/// The status alone: class, and whether it may hide an effect.
fn by_status(status: u16) -> (Class, bool) {
    match status {
        429 => (Class::Throttled, false),
        401 | 403 => (Class::Denied, false),
        // a success, or a failure somewhere behind the API, that nobody can read: the effect may be there
        200..=299 | 500..=599 => (Class::OutcomeUnknown, true),
        // 1xx, redirects and refusals that a proxy may send: nothing says that the order is at fault
        100..=199 | 300..=499 => (Class::Transient, false),
        _ => (Class::OutcomeUnknown, true),
    }
}

struct Understood {
    class: Class,
    action: &'static str,
    /// Type to write where the API gave none.
    stands_for: &'static str,
    /// The API gave it a name that stands in no row.
    unlisted: bool,
    /// That name comes with a number by which the API itself has failed.
    says_that_it_failed: bool,
}

fn understand(rows: &[Row], operation: Operation, status: u16, fact: &ErrorFact) -> Understood {
    let known = |class, action, stands_for| Understood {
        class,
        action,
        stands_for,
        unlisted: false,
        says_that_it_failed: false,
    };
    // several orders may meet it where the API has changed, so that it is judged as what no document lists
    if fact.value {
        return Understood { unlisted: true, ..known(Class::Unlisted, VALUE_ACTION, REFUSED_VALUE) };
    }
    // before the rows: the engine says `ValidationError` of a document, as the API does of an order
    if fact.document && fact.error_type.as_deref() != Some(WHILE_RUNNING) {
        return known(Class::QueryRefused, QUERY_ACTION, "QueryRefused");
    }
    if let Some(row) = find_row(rows, operation, fact) {
        return known(row.class, row.action, row.error_type);
    }
    let named = fact.error_type.is_some() || fact.code.is_some();
    let number = fact.error_code.unwrap_or(status);
    let failed = [number, status].iter().any(|number| (500..=599).contains(number));
    let class = match number {
        429 => Class::Throttled,
        401 | 403 => Class::Denied,
        500..=599 if !named => Class::Transient,
        // a write is sent to an order that a read has just shown
        _ if operation == Operation::Order && says_not_found(fact) => Class::NotThere,
        _ => Class::Unlisted,
    };
    let unlisted = named && class != Class::NotThere;
    let says_that_it_failed = class == Class::Unlisted && failed;
    Understood { class, action: UNLISTED_ACTION, stands_for: "Unlisted", unlisted, says_that_it_failed }
}

/// The engine's word for whatever went wrong while it ran a document, which is then no fault of the document.
const WHILE_RUNNING: &str = "DataFetchingException";

/// The row of an error: the one with its type and its code; where no type was given, the code decides.
fn find_row<'r>(rows: &'r [Row], operation: Operation, fact: &ErrorFact) -> Option<&'r Row> {
    let code = fact.code.as_deref();
    let mut of_operation = rows.iter().filter(|row| row.operation == operation);
    let Some(stem) = fact.error_type.as_deref().map(stem) else {
        return of_operation.find(|row| code.is_some() && row.code == code);
    };
    let of_type: Vec<_> = of_operation.filter(|row| row.error_type == stem).collect();
    match of_type.as_slice() {
        // a type that has no codes is told by itself, whatever code comes with it
        [only] if only.code.is_none() => Some(only),
        several => several.iter().copied().find(|row| row.code == code),
    }
}

/// The answer about an unknown order is not documented; a name that says so is taken at its word.
fn says_not_found(fact: &ErrorFact) -> bool {
    [&fact.error_type, &fact.code].into_iter().flatten().any(|name| name.contains("NotFound"))
}

/// `ValidationError` and `ValidationException` are the same.
fn stem(error_type: &str) -> &str {
    error_type.strip_suffix("Error").or_else(|| error_type.strip_suffix("Exception")).unwrap_or(error_type)
}

#[cfg(test)]
mod tests;
