//! Meaning of an error and the decision on it; the rate of calls and when they are paused. PURE: time is an argument.
//!
//! Facts (`ports::ApiError`) → class (`classify`) → decision (`catalogue::class`, `decide`); the worker acts. Beside it, pauses
//! (`breakers`, fed by `sign` and `health`) and the rate (`limiter`, `call_queue`).
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
