//! The page for dead letters, in a real browser and against whatever else may speak to it, with a real RabbitMQ and worker.
//! Not here: what a replay does; see `tests/dead_letters`.

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
#[path = "../dead_letters/tool.rs"]
#[expect(dead_code, reason = "shared with `tests/dead_letters`")]
mod tool;

mod attacks;
mod browser;
mod cases;
mod crashes;
mod pictures;
mod site;
mod walk;
