//! Every error of a call has a class, and a name that fits into a dead letter.
//!
//! Not here: the class of each error; see the catalogue's rows.

use std::collections::BTreeSet;
use std::time::Duration;

use bwp_sync::policy::catalogue::Class;
use bwp_sync::policy::classify::classify;
use bwp_sync::ports::{ApiError, ErrorFact, Operation, TokenError};
use proptest::prelude::*;
use strum::IntoEnumIterator;

/// Names in an answer: documented ones, others, and arbitrary text.
fn name() -> impl Strategy<Value = Option<String>> {
    let known = prop::sample::select(vec![
        "ValidationError",
        "ValidationException",
        "ConflictException",
        "ThrottlingError",
        "InternalServerError",
        "AccessDeniedError",
        "OrderNotFoundException",
        "ItemOutOfStock",
        "AliasValueAlreadyExists",
        "ExecutionAlreadyStarted",
        "Error",
        "Exception",
        "",
        " ",
    ]);
    prop::option::of(prop_oneof![known.prop_map(str::to_owned), any::<String>()])
}

fn fact() -> impl Strategy<Value = ErrorFact> {
    (name(), name(), any::<Option<u16>>(), any::<String>(), any::<bool>(), name()).prop_map(
        |(error_type, code, error_code, message, document, unknown_field)| ErrorFact {
            error_type,
            code,
            error_code,
            message,
            document,
            value: false,
            unknown_field,
        },
    )
}

fn error() -> impl Strategy<Value = ApiError> {
    let hint = any::<Option<u32>>().prop_map(|seconds| seconds.map(|seconds| Duration::from_secs(seconds.into())));
    let token = prop_oneof![
        (any::<u16>(), any::<String>()).prop_map(|(status, code)| TokenError::Refused { status, code }),
        hint.clone().prop_map(|retry_after| TokenError::Throttled { retry_after }),
        any::<String>().prop_map(|reason| TokenError::Unavailable { reason }),
    ];
    let facts = prop::collection::vec(fact(), 0..3);
    let leaf = prop_oneof![
        any::<String>().prop_map(|reason| ApiError::NotSent { reason }),
        any::<String>().prop_map(|reason| ApiError::NoAnswer { reason }),
        (any::<u16>(), hint.clone()).prop_map(|(status, retry_after)| {
            ApiError::Unreadable { status, retry_after, body: "not JSON".into() }
        }),
        (any::<u16>(), hint, facts).prop_map(|(status, retry_after, errors)| ApiError::Answered {
            status,
            retry_after,
            errors
        }),
        token.prop_map(ApiError::NoToken),
        Just(ApiError::OrderNotFound),
    ];
    leaf.prop_recursive(2, 3, 1, |inner| inner.prop_map(|read| ApiError::NotLookedUp(Box::new(read))))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

    #[test]
    fn every_error_has_a_class_and_names_for_its_letter(
        error in error(),
        operation in prop::sample::select(vec![Operation::CreateOrder, Operation::UpdateOrder, Operation::Order]),
    ) {
        let failure = classify(operation, &error);
        let names: BTreeSet<_> = Class::iter().map(|class| class.name()).collect();
        prop_assert!(names.contains(failure.class.name()));
        prop_assert_eq!(failure.operation, operation);
        for text in [&failure.code, &failure.error_type, &failure.action.to_owned()] {
            prop_assert!(!text.trim().is_empty(), "{:?}", failure);
        }
    }
}
