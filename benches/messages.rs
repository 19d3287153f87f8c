//! The cost of a message without any wait: from its body to the input of its call, and the meaning of a failed call.
//! Not here: the worker with a broker and an API (`scripts/bench`).
#![allow(clippy::unwrap_used, clippy::panic, reason = "a measuring tool")]

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::policy::catalogue::rows;
use bwp_sync::policy::classify::{Failure, classify_by};
use bwp_sync::ports::{ApiError, ErrorFact, Operation};
use divan::{Bencher, black_box};

use self::messages::{What, input_of, message};

#[allow(dead_code, reason = "bwp-bench needs more of it")]
#[path = "../tests/bench/messages.rs"]
mod messages;

fn main() {
    divan::main();
}

/// Opens a message of 2 KB, makes its command, and writes the input of its call.
#[divan::bench(args = [What::Creates, What::Starts])]
fn body_to_input(bencher: Bencher<'_, '_>, what: What) {
    let (body, conventions) = (message(what, 1, 2_048, None), Conventions::default());
    bencher.bench(|| input_of(black_box(&body), &conventions));
}

/// An error that the API documents.
#[divan::bench]
fn classify_listed(bencher: Bencher<'_, '_>) {
    classify(bencher, "ItemOutOfStock");
}

/// An error that no document lists.
#[divan::bench]
fn classify_unlisted(bencher: Bencher<'_, '_>) {
    classify(bencher, "SomethingNew");
}

fn classify(bencher: Bencher<'_, '_>, code: &str) {
    let rows: Vec<_> = rows().copied().collect();
    let fact = ErrorFact {
        error_type: Some("ValidationError".to_owned()),
        code: Some(code.to_owned()),
        message: "the error's own words".to_owned(),
        ..ErrorFact::default()
    };
    let error = ApiError::Answered { status: 200, retry_after: None, errors: vec![fact] };
    bencher.bench(|| -> Failure { classify_by(&rows, Operation::CreateOrder, black_box(&error)) });
}
