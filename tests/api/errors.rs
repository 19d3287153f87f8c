//! Every shape of an error, and the facts that are read from it.
//!
//! Not here: answers with an order in them.

use bwp_sync::ports::{ApiError, ErrorFact, OrderApi};
use serde_json::{Value, json};

use super::VERSION;
use crate::stub::{Reply, Stub};

fn fact(error_type: Option<&str>, code: Option<&str>, error_code: Option<u16>, document: bool) -> ErrorFact {
    ErrorFact {
        error_type: error_type.map(Into::into),
        code: code.map(Into::into),
        error_code,
        message: "said".into(),
        document,
        value: false,
        unknown_field: None,
    }
}

/// The facts of an answer to `createOrder`.
async fn facts(stub: &Stub, status: u16, body: &Value) -> Vec<ErrorFact> {
    stub.graphql.reply([Reply::json(status, body)]);
    let result = stub.client().create_order(&Default::default()).await;
    match result {
        Err(ApiError::Answered { status: answered, errors, .. }) if answered == status => errors,
        other => vec![ErrorFact { message: format!("{other:?}"), ..Default::default() }],
    }
}

#[tokio::test]
async fn every_shape_of_an_error_is_read_into_the_same_facts() {
    let stub = Stub::start(VERSION).await;
    let validation = fact(Some("ValidationError"), Some("ItemOutOfStock"), Some(400), false);
    let without_number = ErrorFact { error_code: None, ..validation.clone() };
    let complaint = |name| fact(Some(name), None, None, true);
    let names = json!({ "errorType": "ValidationError", "errorCode": 400, "code": "ItemOutOfStock" });
    let locations = json!([{ "line": 1, "column": 2 }]);

    let cases = [
        ("object", json!({ "extensions": { "classification": names } }), validation.clone()),
        (
            "object without a code",
            json!({ "extensions": { "classification": { "errorType": "ConflictError", "errorCode": 409 } } }),
            fact(Some("ConflictError"), None, Some(409), false),
        ),
        (
            "number as text",
            json!({ "extensions": { "classification": { "errorType": "ThrottlingError", "errorCode": "429" } } }),
            fact(Some("ThrottlingError"), None, Some(429), false),
        ),
        ("extensions", json!({ "extensions": names }), validation.clone()),
        (
            "classification before extensions",
            json!({ "extensions": { "classification": names, "errorType": "Other", "code": "Other" } }),
            validation.clone(),
        ),
        (
            "top level, text",
            json!({ "errorType": "ValidationError", "errorInfo": "ItemOutOfStock" }),
            without_number.clone(),
        ),
        (
            "top level, object",
            json!({ "errorType": "ValidationError", "errorInfo": { "code": "ItemOutOfStock", "errorCode": 400 } }),
            validation.clone(),
        ),
        (
            "top level, no info",
            json!({ "errorType": "ConflictException", "errorInfo": null }),
            fact(Some("ConflictException"), None, None, false),
        ),
        ("flat in a list", json!({ "type": "ValidationError", "code": "ItemOutOfStock" }), without_number.clone()),
        ("complaint", json!({ "extensions": { "classification": "ValidationError" } }), complaint("ValidationError")),
        ("syntax", json!({ "extensions": { "classification": "InvalidSyntax" } }), complaint("InvalidSyntax")),
        (
            "unsupported",
            json!({ "extensions": { "classification": "OperationNotSupported" } }),
            complaint("OperationNotSupported"),
        ),
        (
            "fetching",
            json!({ "path": ["createOrder"], "extensions": { "classification": "DataFetchingException" } }),
            complaint("DataFetchingException"),
        ),
        (
            "a name beside fetching says more",
            json!({ "extensions": { "classification": "DataFetchingException", "errorType": "ThrottlingError" } }),
            fact(Some("ThrottlingError"), None, None, false),
        ),
        (
            "another word of a framework",
            json!({ "extensions": { "classification": "ExecutionAborted" } }),
            fact(Some("ExecutionAborted"), None, None, false),
        ),
        (
            "a place in the document alone",
            json!({ "locations": locations, "path": null }),
            fact(None, None, None, true),
        ),
        (
            "a place and a code of another engine",
            json!({ "locations": locations, "extensions": { "code": "GRAPHQL_VALIDATION_FAILED" } }),
            fact(None, Some("GRAPHQL_VALIDATION_FAILED"), None, true),
        ),
        (
            "a place and a path",
            json!({ "locations": locations, "path": ["createOrder"] }),
            fact(None, None, None, false),
        ),
        (
            "a place and a type",
            json!({ "locations": locations, "errorType": "ValidationError" }),
            fact(Some("ValidationError"), None, None, false),
        ),
        ("nothing but text", json!({}), fact(None, None, None, false)),
        (
            "wrong kinds everywhere",
            json!({ "extensions": { "classification": [1] }, "errorType": {}, "errorInfo": [], "type": true, "locations": 3 }),
            fact(None, None, None, false),
        ),
    ];
    for (name, mut error, expected) in cases {
        error["message"] = "said".into();
        for status in [200, 400, 503] {
            assert_eq!(
                facts(&stub, status, &json!({ "errors": [error] })).await,
                std::slice::from_ref(&expected),
                "{name} {status}"
            );
        }
    }
}

#[tokio::test]
async fn a_flat_error_is_read_whatever_the_status() {
    let stub = Stub::start(VERSION).await;
    let body = json!({ "type": "ThrottlingError", "code": "TooMany", "message": "said" });
    for status in [200, 403, 429, 500] {
        assert_eq!(facts(&stub, status, &body).await, [fact(Some("ThrottlingError"), Some("TooMany"), None, false)]);
    }
}

#[tokio::test]
async fn a_place_in_the_document_is_no_complaint_once_there_is_data() {
    let stub = Stub::start(VERSION).await;
    let error = json!({ "message": "said", "locations": [{ "line": 1, "column": 2 }] });
    let body = json!({ "data": { "createOrder": null }, "errors": [error] });
    assert_eq!(facts(&stub, 200, &body).await, [fact(None, None, None, false)]);
}

#[tokio::test]
async fn errors_keep_their_order() {
    let stub = Stub::start(VERSION).await;
    let body = json!({ "data": null, "errors": [{ "message": "said", "errorType": "A" }, { "message": "said", "errorType": "B" }] });
    assert_eq!(
        facts(&stub, 200, &body).await,
        [fact(Some("A"), None, None, false), fact(Some("B"), None, None, false)]
    );
}

#[tokio::test]
async fn a_long_message_is_cut_between_words() {
    let stub = Stub::start(VERSION).await;
    let (long, fits) = ("ü".repeat(490), "ü".repeat(500));
    for (message, expected) in [
        (format!("{long} jane.roe@shop.example"), long.as_str()),
        (fits.clone(), fits.as_str()),
        // half of a word may be half of a name
        ("ü".repeat(600), ""),
    ] {
        let body = json!({ "errors": [{ "message": message }] });
        assert_eq!(facts(&stub, 200, &body).await[0].message, expected);
    }
}

#[tokio::test]
async fn an_answer_that_is_not_graphqls_is_its_status_and_what_it_is_instead() {
    let stub = Stub::start(VERSION).await;
    let huge = format!(r#"{{"data":{{"createOrder":{{"order":{{"id":"1","x":"{}"}}}}}}}}"#, "x".repeat(5 << 20));
    for (status, sent, body) in [
        (200, String::new(), "empty"),
        (200, "\u{feff} \n".to_owned(), "empty"),
        (200, "null".to_owned(), "JSON of another kind"),
        (200, "[]".to_owned(), "JSON of another kind"),
        (200, "{}".to_owned(), "JSON of another kind"),
        (200, r#"{"data":null}"#.to_owned(), "JSON of another kind"),
        (200, r#"{"data":{"createOrder":null}}"#.to_owned(), "JSON of another kind"),
        (200, r#"{"data":{"createOrder":{"order":null}},"errors":[]}"#.to_owned(), "JSON of another kind"),
        (200, r#"{"data":{"createOrder":{"order":{"id":null}}},"errors":null}"#.to_owned(), "JSON of another kind"),
        (200, huge, "larger than 4194304 bytes"),
        (200, r#"{"data":"#.to_owned(), "not JSON"),
        (403, r#"{"message":"Forbidden"}"#.to_owned(), "JSON of another kind"),
        (502, "\u{feff}<html>bad gateway</html>".to_owned(), "HTML or XML"),
    ] {
        stub.graphql.reply([Reply::new(status, sent)]);
        let error = stub.client().create_order(&Default::default()).await.unwrap_err();
        assert_eq!(error, ApiError::Unreadable { status, retry_after: None, body: body.into() });
    }
}
