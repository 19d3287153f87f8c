//! The operator's tool for dead letters, against a real RabbitMQ with the real worker; `scripts/test` brings the broker.
//! Not here: how letters come to be; see `tests/broker`.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken premise fails the test")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod support;

#[path = "../broker/messages.rs"]
#[expect(dead_code, reason = "shared with `tests/broker`")]
mod messages;
#[path = "../broker/stage.rs"]
#[expect(dead_code, reason = "shared with `tests/broker`")]
mod stage;
mod tool;

#[path = "../tls/authority.rs"]
#[expect(dead_code, reason = "shared with `tests/tls`")]
mod authority;
mod browse;
mod collector;
mod crashes;
#[path = "../tls/front.rs"]
mod front;
mod operating_page;
mod order;
mod plan;
mod replay;
mod terminal;
mod together;
mod traces;
mod trouble;
