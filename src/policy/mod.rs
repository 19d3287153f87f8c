//! Meaning of an error, and the decision on it. PURE: time and randomness are arguments.
//!
//! Facts (`ports::ApiError`) → class (`classify`) → decision (`decide`); the worker acts.
//!
//! Not here: calls, waiting, logging; no knowledge of HTTP or AMQP beyond the facts.

#![warn(clippy::wildcard_enum_match_arm)]

pub mod breaker;
pub mod breakers;
pub mod call_queue;
pub mod catalogue;
pub mod classify;
pub mod decide;
pub mod health;
pub mod limiter;
pub mod sign;
pub mod suspicion;
