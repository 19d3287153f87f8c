//! Tests against a real RabbitMQ; `scripts/test` brings one.
//! Not here: what can be shown without a broker; see `tests/it`.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a broken premise fails the test")]

#[path = "../support/mod.rs"]
#[expect(dead_code, reason = "shared by test programs, none of which needs all of it")]
mod support;

mod messages;
mod stage;
mod work;

mod acks;
mod admin;
mod alarm;
mod bridge;
mod check;
mod cluster;
mod crashes;
mod delivery;
mod depths;
mod drops;
mod handover;
mod handovers;
mod harness;
mod hazards;
mod held;
mod idlers;
mod innocent;
mod letters;
mod mappings;
mod migrate;
mod names;
mod old_queues;
mod order;
mod outage;
mod pause;
mod recovery;
mod retries;
mod returns;
mod room;
mod shutdown;
mod storm;
mod suspects;
mod topology;
mod unacknowledged;
mod updates;
