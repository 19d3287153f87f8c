//! Everything goes wrong at once, and nothing is lost or done twice. The short form runs with all tests, the long one by
//! `scripts/chaos`.
//! Not here: single faults with their exact ends; see `tests/broker`.

#![expect(clippy::expect_used, clippy::panic, reason = "a broken premise fails the test")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod support;

#[path = "../broker/messages.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod messages;

mod board;
mod checked;
mod checker;
mod faults;
mod history;
mod link;
mod model;
mod orders;
mod play;
mod report;
mod scenario;
mod stage;
mod worker;

/// A node, three workers of which one is fed, the API, and all that can happen to them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whatever_happens_to_one_node() {
    play::play("one-node").await;
}

/// Nodes of a cluster come and go, and so does its quorum.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_doubled_whatever_happens_to_a_cluster() {
    play::play("cluster").await;
}

/// While the API is away messages wait; none becomes a letter.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_api_outage_writes_no_letter_and_takes_next_to_nothing() {
    play::play("api-outage").await;
}

/// No credentials are good for a while.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refused_credentials_write_no_letter_and_take_next_to_nothing() {
    play::play("credentials").await;
}

/// An answer that no document lists costs no order, and a field that is not known stops nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strange_answers_and_an_unknown_field_lose_and_double_nothing() {
    play::play("strange-answers").await;
}
