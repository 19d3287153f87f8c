//! Facts → class.
//!
//! Not here: what is done about it.

use std::time::Duration;

use super::catalogue::{Class, OwnCode, QUERY_ACTION, ROWS, Row, UNLISTED_ACTION};
use crate::domain::stored::{UnknownField, Untold};
use crate::ports::{ApiError, ErrorFact, Operation, TokenError};

/// A failed call, understood.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Failure {
    /// The operation that failed.
    pub operation: Operation,
    /// What it means.
    pub class: Class,
    /// Type as the API wrote it, or what stands for it when the API said nothing.
    pub error_type: String,
    /// Code as the API wrote it; the type where there is none.
    pub code: String,
    /// The facts in words. May hold what the shopper entered.
    pub message: String,
    /// The facts that are nobody's own, for logs and headers: empty where all that is known is what the API said.
    pub detail: String,
    /// What an operator can do.
    pub action: &'static str,
    /// Whether it speaks of the API, the way to it or our credentials, rather than of one order.
    pub systemic: bool,
    /// Whether the call may have taken effect although it failed.
    pub effect_possible: bool,
    /// How long the API asks to wait.
    pub retry_after: Option<Duration>,
    /// What it costs its message.
    pub cost: Cost,
    /// The API gave it a name that stands in no row.
    pub unlisted: bool,
}

/// What a failure costs its message.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cost {
    /// A call was tried: an attempt, where that is counted, and a longer delay the next time.
    Attempt,
    /// There was no time for a call, or for a look at what came of one: a longer delay the next time.
    Delay,
    /// The call was put off for the sake of all calls: nothing.
    Nothing,
}

impl Failure {
    /// The cause in words that are nobody's own: the code, and what is known beside it.
    pub fn cause(&self) -> String {
        let Self { code, detail, .. } = self;
        if detail.is_empty() { code.clone() } else { format!("{code}: {detail}") }
    }

    /// The same, where there was no time to look whether it had an effect: nothing is given up for that.
    pub fn not_looked_at(&self) -> Self {
        Self { cost: Cost::Delay, ..self.clone() }
    }
}

/// Says what a failed call means, by the catalogue. Total: every error has a class.
pub fn classify(operation: Operation, error: &ApiError) -> Failure {
    classify_by(ROWS, operation, error)
}

/// The same by other rows: how tests show that every row matters.
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
                systemic: understood.class.is_the_apis() || *status == 401,
                effect_possible: matches!(understood.class, Class::Transient | Class::UnlistedTransient)
                    || *status >= 500,
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
    Failure { message, cost: Cost::Delay, ..put_off(operation, "OutOfTime") }
}

/// A call that was put off for the sake of all calls: its message has no part in it.
pub fn put_off(operation: Operation, why: &str) -> Failure {
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
        cost: Cost::Nothing,
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
        ..put_off(Operation::Order, what)
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
}

fn understand(rows: &[Row], operation: Operation, status: u16, fact: &ErrorFact) -> Understood {
    // several orders may meet it where the API has changed, so that it is judged as what no document lists
    if fact.value {
        let (class, action) = (Class::Unlisted, VALUE_ACTION);
        return Understood { class, action, stands_for: REFUSED_VALUE, unlisted: true };
    }
    // before the rows: the engine says `ValidationError` of a document, as the API does of an order
    if fact.document {
        let (class, action) = (Class::QueryRefused, QUERY_ACTION);
        return Understood { class, action, stands_for: "QueryRefused", unlisted: false };
    }
    if let Some(row) = find_row(rows, operation, fact) {
        return Understood { class: row.class, action: row.action, stands_for: row.error_type, unlisted: false };
    }
    let named = fact.error_type.is_some() || fact.code.is_some();
    let class = match fact.error_code.unwrap_or(status) {
        429 => Class::Throttled,
        401 | 403 => Class::Denied,
        500..=599 if named => Class::UnlistedTransient,
        500..=599 => Class::Transient,
        _ if operation != Operation::CreateOrder && says_not_found(fact) => Class::NotThere,
        _ => Class::Unlisted,
    };
    Understood { class, action: UNLISTED_ACTION, stands_for: "Unlisted", unlisted: named && class != Class::NotThere }
}

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
        // the engine's own "ValidationError" is about the query, never about the order
        _ if fact.document && code.is_none() => None,
        several => several.iter().copied().find(|row| row.code == code),
    }
}

/// What an unknown order answers is not documented; a name that says so is taken at its word.
fn says_not_found(fact: &ErrorFact) -> bool {
    [&fact.error_type, &fact.code].into_iter().flatten().any(|name| name.contains("NotFound"))
}

/// `ValidationError` and `ValidationException` are the same.
fn stem(error_type: &str) -> &str {
    error_type.strip_suffix("Error").or_else(|| error_type.strip_suffix("Exception")).unwrap_or(error_type)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(status: u16, error_type: Option<&str>, code: Option<&str>, error_code: Option<u16>) -> ApiError {
        let fact = ErrorFact {
            error_type: error_type.map(Into::into),
            code: code.map(Into::into),
            error_code,
            ..ErrorFact::default()
        };
        ApiError::Answered { status, retry_after: None, errors: vec![fact] }
    }

    #[test]
    fn error_and_exception_are_the_same() {
        for row in ROWS {
            for suffix in ["Error", "Exception", ""] {
                let error = answered(200, Some(&format!("{}{suffix}", row.error_type)), row.code, None);
                let failure = classify(row.operation, &error);
                assert_eq!((failure.class, failure.action), (row.class, row.action), "{row:?}");
            }
        }
    }

    #[test]
    fn a_code_alone_finds_its_row() {
        let failure = classify(Operation::CreateOrder, &answered(400, None, Some("ItemOutOfStock"), None));
        assert_eq!((failure.class, failure.error_type.as_str()), (Class::Rejected, "Validation"));
    }

    #[test]
    fn an_unlisted_error_goes_by_its_number() {
        let class = |status, number| {
            classify(Operation::CreateOrder, &answered(status, Some("Strange"), Some("Odd"), number)).class
        };
        assert_eq!(class(200, Some(429)), Class::Throttled);
        assert_eq!(class(200, Some(403)), Class::Denied);
        assert_eq!(class(200, Some(503)), Class::UnlistedTransient);
        assert_eq!(class(200, Some(400)), Class::Unlisted);
        assert_eq!(class(503, None), Class::UnlistedTransient);
        assert_eq!(class(200, None), Class::Unlisted);
        let nameless = classify(Operation::CreateOrder, &answered(503, None, None, None));
        assert_eq!(nameless.class, Class::Transient);
    }

    #[test]
    fn only_a_name_that_stands_in_no_row_is_unlisted() {
        let unlisted = |operation, error: ApiError| classify(operation, &error).unlisted;
        for number in [400, 403, 429, 503] {
            assert!(unlisted(Operation::CreateOrder, answered(200, Some("Strange"), None, Some(number))));
        }
        assert!(unlisted(Operation::CreateOrder, answered(200, Some("ValidationError"), Some("NewRule"), None)));
        for known in [
            answered(200, Some("ValidationError"), None, None),
            answered(200, Some("ThrottlingError"), Some("SlowDown"), None),
            answered(503, None, None, None),
            ApiError::NoAnswer { reason: String::new() },
        ] {
            assert!(!unlisted(Operation::CreateOrder, known));
        }
        assert!(!unlisted(Operation::Order, answered(200, Some("OrderNotFoundException"), None, None)));
    }

    #[test]
    fn an_unlisted_code_of_a_known_type_keeps_its_names() {
        let failure = classify(Operation::CreateOrder, &answered(200, Some("ValidationError"), Some("NewRule"), None));
        assert_eq!(
            (failure.class, failure.error_type.as_str(), failure.code.as_str()),
            (Class::Unlisted, "ValidationError", "NewRule")
        );
    }

    #[test]
    fn an_order_that_is_not_found_is_not_there() {
        let class = |operation, error: ApiError| classify(operation, &error).class;
        let named = || answered(200, Some("OrderNotFoundException"), None, None);
        assert_eq!(class(Operation::Order, named()), Class::NotThere);
        // a gateway says so too, of every order
        assert_eq!(class(Operation::UpdateOrder, answered(404, None, None, None)), Class::Unlisted);
        assert_eq!(class(Operation::CreateOrder, named()), Class::Unlisted);
    }

    #[test]
    fn a_complaint_about_the_query_is_not_the_orders_fault() {
        for complaint in ["InvalidSyntax", "ValidationError"] {
            let fact = ErrorFact { document: true, error_type: Some(complaint.into()), ..ErrorFact::default() };
            let error = ApiError::Answered { status: 200, retry_after: None, errors: vec![fact] };
            assert_eq!(classify(Operation::CreateOrder, &error).class, Class::QueryRefused);
        }
    }

    #[test]
    fn a_complaint_about_a_value_is_the_messages_and_speaks_of_no_outage() {
        let fact = ErrorFact { document: true, value: true, ..ErrorFact::default() };
        let error = ApiError::Answered { status: 400, retry_after: None, errors: vec![fact] };
        let failure = classify(Operation::CreateOrder, &error);
        assert_eq!((failure.class, failure.code.as_str()), (Class::Unlisted, "ValueRefused"));
        assert!(!failure.systemic && !failure.effect_possible);
    }

    #[test]
    fn a_field_that_is_not_known_is_named_whichever_error_names_it() {
        let named = ErrorFact { document: true, unknown_field: Some("Order.id".into()), ..ErrorFact::default() };
        let other = ErrorFact { document: true, ..ErrorFact::default() };
        let error = ApiError::Answered { status: 400, retry_after: None, errors: vec![other, named] };
        let failure = classify(Operation::Order, &error);
        assert_eq!(failure.cause(), "QueryRefused: field Order.id: not known to the API");
    }

    #[test]
    fn a_cause_says_what_happened() {
        let cause = |error: ApiError| classify(Operation::Order, &error).cause();
        let no_token = |error| cause(ApiError::NoToken(error));
        let refused = TokenError::Refused { status: 401, code: "InvalidClientId".into() };
        assert_eq!(no_token(TokenError::Unavailable { reason: "HTTP 407".into() }), "NoToken: HTTP 407");
        assert_eq!(no_token(refused), "NoToken: refused with HTTP 401 InvalidClientId");
        assert_eq!(cause(ApiError::NotSent { reason: "connection refused".into() }), "NotSent: connection refused");
        let page = ApiError::Unreadable { status: 200, retry_after: None, body: "HTML or XML".into() };
        assert_eq!(cause(page), "Http200: HTTP 200 without a GraphQL answer: HTML or XML");
        // its words may be somebody's own
        assert_eq!(cause(answered(200, Some("ThrottlingError"), None, None)), "ThrottlingError");
    }

    #[test]
    fn what_may_have_taken_effect_is_said_so() {
        let effect = |error: ApiError| classify(Operation::CreateOrder, &error).effect_possible;
        assert!(effect(ApiError::NoAnswer { reason: String::new() }));
        assert!(effect(ApiError::Unreadable { status: 502, retry_after: None, body: "empty".into() }));
        assert!(effect(ApiError::Unreadable { status: 200, retry_after: None, body: "empty".into() }));
        assert!(effect(answered(200, Some("InternalServerError"), None, None)));
        assert!(!effect(ApiError::NotSent { reason: String::new() }));
        assert!(!effect(ApiError::Unreadable { status: 429, retry_after: None, body: "empty".into() }));
        assert!(!effect(answered(200, Some("ValidationError"), Some("ItemOutOfStock"), None)));
    }

    #[test]
    fn a_failed_look_up_is_classified_as_the_read_that_it_is_and_has_no_effect() {
        for (read, class) in [
            (ApiError::NoAnswer { reason: String::new() }, Class::OutcomeUnknown),
            (ApiError::Unreadable { status: 502, retry_after: None, body: "empty".into() }, Class::OutcomeUnknown),
            (answered(200, Some("InternalServerError"), None, None), Class::Transient),
            (answered(200, Some("AccessDeniedError"), None, None), Class::Denied),
            (answered(200, Some("ThrottlingError"), None, None), Class::Throttled),
        ] {
            let failure = classify(Operation::UpdateOrder, &ApiError::NotLookedUp(Box::new(read)));
            assert_eq!((failure.class, failure.effect_possible), (class, false));
            assert_eq!(failure.operation, Operation::UpdateOrder);
        }
    }

    #[test]
    fn an_order_that_is_not_found_by_a_look_up_is_not_there() {
        let failure = classify(Operation::UpdateOrder, &ApiError::OrderNotFound);
        assert_eq!((failure.class, failure.effect_possible), (Class::NotThere, false));
    }

    #[test]
    fn only_the_rows_that_say_so_mean_done() {
        for row in ROWS {
            let done = matches!(row.class, Class::AlreadyDone);
            assert_eq!(done, row.code == Some("ExecutionAlreadyStarted"), "{row:?}");
        }
    }
}
