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
    for row in rows() {
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
    assert_eq!(class(200, Some(503)), Class::Unlisted);
    assert_eq!(class(200, Some(400)), Class::Unlisted);
    assert_eq!(class(503, None), Class::Unlisted);
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
    // the order that is updated was read before
    assert_eq!(class(Operation::UpdateOrder, named()), Class::Unlisted);
}

#[test]
fn an_error_without_a_name_is_named_by_its_number() {
    let code = |status, number| classify(Operation::CreateOrder, &answered(status, None, None, number)).code;
    assert_eq!(
        (code(404, None), code(200, None), code(200, Some(409))),
        ("Http404".into(), "Http200".into(), "Http409".into())
    );
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
fn that_a_document_failed_while_it_ran_says_nothing_of_the_document() {
    let fact = ErrorFact { document: true, error_type: Some(WHILE_RUNNING.into()), ..ErrorFact::default() };
    let error = ApiError::Answered { status: 200, retry_after: None, errors: vec![fact] };
    let failure = classify(Operation::UpdateOrder, &error);
    assert_eq!((failure.class, failure.effect_possible), (Class::Unlisted, true));
}

#[test]
fn what_may_have_taken_effect_is_said_so() {
    let effect = |error: ApiError| classify(Operation::CreateOrder, &error).effect_possible;
    assert!(effect(ApiError::NoAnswer { reason: String::new() }));
    assert!(effect(ApiError::Unreadable { status: 502, retry_after: None, body: "empty".into() }));
    assert!(effect(ApiError::Unreadable { status: 200, retry_after: None, body: "empty".into() }));
    assert!(effect(answered(200, Some("InternalServerError"), None, None)));
    assert!(effect(answered(400, Some("MaintenanceException"), None, None)));
    let read = answered(200, Some("MaintenanceException"), None, None);
    assert!(!classify(Operation::Order, &read).effect_possible, "a read has none");
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
    for row in rows() {
        let done = matches!(row.class, Class::AlreadyDone);
        assert_eq!(done, row.code == Some("ExecutionAlreadyStarted"), "{row:?}");
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
