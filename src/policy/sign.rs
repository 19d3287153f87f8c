//! Sign of one attempt for all calls.
//!
//! Not here: how many of them say enough (`breaker`); what it means for its own message (`classify`, `decide`).

use strum::EnumIter;

use super::catalogue::Class;
use super::classify::Failure;
use crate::ports::{ApiError, Operation, TokenError};

/// Why calls are paused. The names stand in `/readyz` and in metrics.
#[derive(Clone, Copy, Debug, EnumIter, Eq, PartialEq)]
pub enum Cause {
    /// No answers, or answers that the API itself has failed.
    ApiDown,
    /// The token endpoint refuses our credentials, or the API a token that was just renewed.
    CredentialsRefused,
    /// Creates are denied whatever the order.
    CreatesDenied,
    /// Answers that no document lists, whatever the order.
    ApiUnclear,
}

impl Cause {
    /// The cause in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiDown => "api-down",
            Self::CredentialsRefused => "credentials-refused",
            Self::CreatesDenied => "creates-denied",
            Self::ApiUnclear => "api-unclear",
        }
    }
}

/// Sign of one attempt for all calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sign {
    /// The API answers, takes our credentials, and does this.
    Works(Operation),
    /// It may stand for a cause.
    Fails(Cause),
    /// Nothing either way: throttled, a read of one order denied, our query refused, a name that says "not found".
    Nothing,
}

/// Sign of an attempt that failed.
pub fn sign(failure: &Failure, error: &ApiError) -> Sign {
    match error {
        ApiError::NotSent { .. } | ApiError::NoAnswer { .. } => Sign::Fails(Cause::ApiDown),
        ApiError::NoToken(TokenError::Refused { .. }) => Sign::Fails(Cause::CredentialsRefused),
        ApiError::NoToken(TokenError::Unavailable { .. }) => Sign::Fails(Cause::ApiDown),
        ApiError::NoToken(TokenError::Throttled { .. }) => Sign::Nothing,
        ApiError::NotLookedUp(read) => sign(failure, read),
        ApiError::OrderNotFound => Sign::Works(Operation::Order),
        // the client has renewed the token before it reports this
        ApiError::Unreadable { status: 401, .. } | ApiError::Answered { status: 401, .. } => {
            Sign::Fails(Cause::CredentialsRefused)
        }
        ApiError::Unreadable { status: 403, .. } => denied(failure.operation),
        ApiError::Unreadable { status: 429, .. } => Sign::Nothing,
        // something else than the API speaks in its place
        ApiError::Unreadable { .. } => Sign::Fails(Cause::ApiDown),
        ApiError::Answered { .. } => match failure.class {
            Class::Denied => denied(failure.operation),
            // a gateway can say of every order that it is not found
            Class::Throttled | Class::QueryRefused | Class::NotThere => Sign::Nothing,
            // a conflict of two updates is that order's
            Class::Transient if failure.error_type.starts_with("Conflict") => Sign::Works(failure.operation),
            Class::Transient | Class::OutcomeUnknown => Sign::Fails(Cause::ApiDown),
            Class::Unlisted if failure.systemic => Sign::Fails(Cause::ApiDown),
            Class::Unlisted => Sign::Fails(Cause::ApiUnclear),
            Class::MaybeAlreadyDone | Class::AlreadyDone | Class::Rejected => Sign::Works(failure.operation),
        },
    }
}

/// How the API answered, by status and its own names; where it did not, by ours.
pub fn answer(failure: &Failure, error: &ApiError) -> String {
    match error {
        ApiError::Answered { status, errors, .. } => {
            let names = errors.first().into_iter().flat_map(|fact| [&fact.error_type, &fact.code]).flatten();
            let names: Vec<_> = names.map(|name| name.trim()).filter(|name| !name.is_empty()).collect();
            let answer = format!("HTTP {status} {}", names.join("/"));
            answer.trim_end().chars().take(LONGEST_ANSWER).collect()
        }
        ApiError::NotLookedUp(read) => answer(failure, read),
        ApiError::NotSent { .. }
        | ApiError::NoAnswer { .. }
        | ApiError::NoToken(_)
        | ApiError::OrderNotFound
        | ApiError::Unreadable { .. } => failure.code.clone(),
    }
}

/// The API may invent names of any length; this one stands in a line of the log.
const LONGEST_ANSWER: usize = 200;

/// Of any other operation than a create it may mean that this order is not there (yet).
fn denied(operation: Operation) -> Sign {
    if operation.creates_an_order() { Sign::Fails(Cause::CreatesDenied) } else { Sign::Nothing }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::classify::classify;
    use crate::ports::ErrorFact;

    const DOWN: Sign = Sign::Fails(Cause::ApiDown);
    const UNCLEAR: Sign = Sign::Fails(Cause::ApiUnclear);
    const DENIED: Sign = Sign::Fails(Cause::CreatesDenied);
    const REFUSED: Sign = Sign::Fails(Cause::CredentialsRefused);

    #[test]
    fn what_each_failure_says() {
        use Operation::{CreateOrder, Order, UpdateOrder};
        let answered = |status, error_type: &str, code: Option<&str>| ApiError::Answered {
            status,
            retry_after: None,
            errors: vec![ErrorFact {
                error_type: Some(error_type.into()),
                code: code.map(Into::into),
                ..ErrorFact::default()
            }],
        };
        let unreadable = |status| ApiError::Unreadable { status, retry_after: None, body: "empty".into() };
        let token = |status| ApiError::NoToken(TokenError::Refused { status, code: String::new() });
        let silent = || ApiError::NoAnswer { reason: String::new() };
        for (operation, error, expected) in [
            (CreateOrder, silent(), DOWN),
            (CreateOrder, ApiError::NotSent { reason: String::new() }, DOWN),
            (UpdateOrder, ApiError::NotLookedUp(Box::new(silent())), DOWN),
            (UpdateOrder, ApiError::OrderNotFound, Sign::Works(Order)),
            (CreateOrder, unreadable(502), DOWN),
            (CreateOrder, unreadable(404), DOWN),
            (CreateOrder, unreadable(429), Sign::Nothing),
            (CreateOrder, unreadable(401), REFUSED),
            (CreateOrder, unreadable(403), DENIED),
            (Order, unreadable(403), Sign::Nothing),
            (Order, answered(401, "AccessDeniedError", None), REFUSED),
            (CreateOrder, answered(200, "AccessDeniedError", None), DENIED),
            (UpdateOrder, answered(200, "AccessDeniedError", None), Sign::Nothing),
            (Order, answered(200, "AccessDeniedError", None), Sign::Nothing),
            (CreateOrder, answered(200, "InternalServerError", None), DOWN),
            (CreateOrder, answered(200, "ThrottlingError", None), Sign::Nothing),
            (UpdateOrder, answered(200, "ConflictException", None), Sign::Works(UpdateOrder)),
            (CreateOrder, answered(200, "ConflictException", None), Sign::Works(CreateOrder)),
            (CreateOrder, answered(200, "ValidationError", Some("ItemOutOfStock")), Sign::Works(CreateOrder)),
            (CreateOrder, answered(200, "INTERNAL_SERVER_ERROR", None), UNCLEAR),
            (UpdateOrder, answered(404, "MaintenanceException", None), UNCLEAR),
            (Order, answered(400, "ValidationError", Some("NewRule")), UNCLEAR),
            (UpdateOrder, answered(200, "DataFetchingException", None), UNCLEAR),
            (CreateOrder, answered(503, "MaintenanceException", None), DOWN),
            (CreateOrder, answered(403, "MaintenanceException", None), DENIED),
            (UpdateOrder, answered(200, "OrderNotFoundException", None), UNCLEAR),
            (Order, answered(200, "OrderNotFoundException", None), Sign::Nothing),
            (CreateOrder, token(400), REFUSED),
            (CreateOrder, ApiError::NoToken(TokenError::Unavailable { reason: String::new() }), DOWN),
            (CreateOrder, ApiError::NoToken(TokenError::Throttled { retry_after: None }), Sign::Nothing),
        ] {
            assert_eq!(sign(&classify(operation, &error), &error), expected, "{operation:?} {error:?}");
        }
    }

    #[test]
    fn an_answer_is_named_by_its_names_and_its_status() {
        let named = |status, error_type: Option<&str>, code: Option<&str>| {
            let (error_type, code) = (error_type.map(Into::into), code.map(Into::into));
            let fact = ErrorFact { error_type, code, ..ErrorFact::default() };
            let error = ApiError::Answered { status, retry_after: None, errors: vec![fact] };
            answer(&classify(Operation::CreateOrder, &error), &error)
        };
        assert_eq!(named(200, Some("MaintenanceException"), None), "HTTP 200 MaintenanceException");
        assert_eq!(named(400, Some("Closed"), Some("MAINTENANCE")), "HTTP 400 Closed/MAINTENANCE");
        assert_eq!(named(400, None, Some("MAINTENANCE")), "HTTP 400 MAINTENANCE");
        assert_eq!(named(404, None, None), "HTTP 404");
        let silent = ApiError::NoAnswer { reason: String::new() };
        assert_eq!(answer(&classify(Operation::CreateOrder, &silent), &silent), "NoAnswer");
    }
}
