//! What one attempt says about all calls.
//!
//! Not here: how many of them say enough (`breaker`); what it means for its own message (`classify`, `decide`).

use super::catalogue::Class;
use super::classify::Failure;
use crate::ports::{ApiError, Operation, TokenError};

/// Why calls are paused. The names stand in `/readyz` and in metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Cause {
    /// No answers, or answers that the API itself has failed.
    ApiDown,
    /// The token endpoint refuses our credentials, or the API a token that was just renewed.
    CredentialsRefused,
    /// Creates are denied whatever the order.
    CreatesDenied,
}

impl Cause {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::ApiDown, Self::CredentialsRefused, Self::CreatesDenied];

    /// Whether it keeps every call back, or creates alone.
    pub fn stops_all_calls(self) -> bool {
        match self {
            Self::ApiDown | Self::CredentialsRefused => true,
            Self::CreatesDenied => false,
        }
    }

    /// The cause in one word.
    pub fn name(self) -> &'static str {
        match self {
            Self::ApiDown => "api-down",
            Self::CredentialsRefused => "credentials-refused",
            Self::CreatesDenied => "creates-denied",
        }
    }
}

/// What one attempt says about all calls.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Sign {
    /// The API answers, and takes our credentials. `create` when it says so of a create.
    Works {
        /// Whether it is known for creates, too.
        create: bool,
    },
    /// It may stand for a cause.
    Fails(Cause),
    /// Nothing either way: throttled, a read of one order denied, our query refused.
    Nothing,
}

/// What an attempt that failed says.
pub fn sign(failure: &Failure, error: &ApiError) -> Sign {
    match error {
        ApiError::NotSent { .. } | ApiError::NoAnswer { .. } => Sign::Fails(Cause::ApiDown),
        ApiError::NoToken(TokenError::Refused { .. }) => Sign::Fails(Cause::CredentialsRefused),
        ApiError::NoToken(TokenError::Unavailable { .. }) => Sign::Fails(Cause::ApiDown),
        ApiError::NoToken(TokenError::Throttled { .. }) => Sign::Nothing,
        ApiError::NotLookedUp(read) => sign(failure, read),
        ApiError::OrderNotFound => Sign::Works { create: false },
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
            Class::Throttled | Class::QueryRefused => Sign::Nothing,
            // a conflict of two updates is that order's
            Class::Transient if failure.error_type.starts_with("Conflict") => works(failure.operation),
            Class::Transient | Class::OutcomeUnknown | Class::UnlistedTransient => Sign::Fails(Cause::ApiDown),
            Class::MaybeAlreadyDone | Class::AlreadyDone | Class::NotThere | Class::Rejected | Class::Unlisted => {
                works(failure.operation)
            }
        },
    }
}

/// What an attempt that the API answered says.
pub fn works(operation: Operation) -> Sign {
    Sign::Works { create: operation == Operation::CreateOrder }
}

/// Of a read or an update it may mean that this order is not there (yet).
fn denied(operation: Operation) -> Sign {
    match operation {
        Operation::CreateOrder => Sign::Fails(Cause::CreatesDenied),
        Operation::UpdateOrder | Operation::Order => Sign::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::classify::classify;
    use crate::ports::ErrorFact;

    const DOWN: Sign = Sign::Fails(Cause::ApiDown);
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
            (UpdateOrder, ApiError::OrderNotFound, works(UpdateOrder)),
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
            (UpdateOrder, answered(200, "ConflictException", None), works(UpdateOrder)),
            (CreateOrder, answered(200, "ConflictException", None), works(CreateOrder)),
            (CreateOrder, answered(200, "ValidationError", Some("ItemOutOfStock")), works(CreateOrder)),
            (CreateOrder, token(400), REFUSED),
            (CreateOrder, ApiError::NoToken(TokenError::Unavailable { reason: String::new() }), DOWN),
            (CreateOrder, ApiError::NoToken(TokenError::Throttled { retry_after: None }), Sign::Nothing),
        ] {
            assert_eq!(sign(&classify(operation, &error), &error), expected, "{operation:?} {error:?}");
        }
    }
}
