//! The cost of a message without any wait: from its body to the input of its call, and the meaning of a failed call.
//! Not here: the worker with a broker and an API (`scripts/bench`).
//!
//! The usual crates for this bring another form of clap's help texts with them, which tests compare.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout, reason = "a measuring tool")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use bwp_sync::domain::conventions::Conventions;
use bwp_sync::policy::catalogue::rows;
use bwp_sync::policy::classify::classify_by;
use bwp_sync::ports::{ApiError, ErrorFact, Operation};

use self::messages::{What, input_of, message};

#[allow(dead_code, reason = "bwp-bench needs more of it")]
#[path = "../tests/bench/messages.rs"]
mod messages;

/// For how long each is repeated.
const LONG: Duration = Duration::from_secs(2);
/// Repetitions between two looks at the clock.
const OFTEN: u32 = 100;

fn main() {
    let conventions = Conventions::default();
    for what in [What::Creates, What::Starts] {
        let body = message(what, 1, 2_048, None);
        measure(&format!("body to input, {}", what.name()), || input_of(black_box(&body), &conventions));
    }
    let rows: Vec<_> = rows().copied().collect();
    for code in ["ItemOutOfStock", "SomethingNew"] {
        let error = refusal(code);
        let classify = || classify_by(&rows, Operation::CreateOrder, black_box(&error));
        measure(&format!("classify {code}"), classify);
    }
}

fn measure<T>(name: &str, mut once: impl FnMut() -> T) {
    let (began, mut times) = (Instant::now(), 0);
    while began.elapsed() < LONG {
        (0..OFTEN).for_each(|_| drop(black_box(once())));
        times += OFTEN;
    }
    println!("{name}: {:?}", began.elapsed() / times);
}

fn refusal(code: &str) -> ApiError {
    let fact = ErrorFact {
        error_type: Some("ValidationError".to_owned()),
        code: Some(code.to_owned()),
        message: "the error's own words".to_owned(),
        ..ErrorFact::default()
    };
    ApiError::Answered { status: 200, retry_after: None, errors: vec![fact] }
}
