//! The API adapter against a server of the tests' own: what goes out, what is made of every answer, the life of a token.
//!
//! Not here: what is done about an error.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::duplicate_mod, reason = "the same tests for each version")]

mod dialect;
#[path = "../support/hearing.rs"]
mod hearing;
mod log;
mod stub;
#[path = "../support/until.rs"]
mod until;

/// Tests of every version, once for each.
#[path = "."]
mod v2024_11_01 {
    const VERSION: bwp_sync::api::ApiVersion = bwp_sync::api::ApiVersion::V2024_11_01;

    mod answers;
    mod encodings;
    mod errors;
    mod fallback;
    mod requests;
    mod sent_or_not;
    mod settings;
    mod tokens;
}

#[path = "."]
mod v2024_04_01 {
    const VERSION: bwp_sync::api::ApiVersion = bwp_sync::api::ApiVersion::V2024_04_01;

    mod answers;
    mod encodings;
    mod errors;
    mod fallback;
    mod requests;
    mod sent_or_not;
    mod settings;
    mod tokens;
}
