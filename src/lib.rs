//! `bwp-sync` syncs a shop with Buy with Prime. It reads messages from RabbitMQ, calls `createOrder` and `updateOrder`,
//! and publishes results and dead letters to RabbitMQ.
//!
//! # The rooms
//!
//! Each room imports only what its arrow points to; `tests/it/arrows.rs` enforces that.
//!
//! | room | what it is | what it must never contain | imports |
//! |---|---|---|---|
//! | [`domain`] | what a message means and asks for | I/O, clocks, `async`, logging | nothing |
//! | [`mapping`] | foreign JSON to our messages, by jq programs | I/O, clocks, `async`, logging, files | domain |
//! | [`mapper`] | the process in which mappings run | jq itself, AMQP, API calls | worker, ports, mapping, domain |
//! | [`ports`] | plain data that rooms hand each other, and the trait `OrderApi` | behaviour | domain |
//! | [`policy`] | what an error means and what follows | calls, waiting, clocks, logging | ports, domain |
//! | [`worker`] | message in, settlement out; the pool around it | HTTP, AMQP | policy, ports, domain, trace |
//! | [`api`] | the Order API by reqwest; reports facts | retries, judgement | ports, domain, secret, tls |
//! | [`broker`] | RabbitMQ by lapin; carries settlements out | meaning of messages, API calls | ports, domain, secret, tls, trace |
//! | [`dead_letters`] | what operators do with dead letters: look, choose, edit, replay, discard | AMQP, output | policy, ports, domain, broker, mapper |
//! | [`page`] | pages in a browser, over the same letters | AMQP, API calls, a second logic of replays | dead_letters, domain, broker, listening |
//! | [`listening`] | HTTP connections within limits | what is answered | nothing |
//! | [`secret`] | a value that is never shown, inline or in a file that may change | what it is for | nothing |
//! | [`tls`] | whom TLS trusts and how we show who we are | files, connections | nothing |
//! | [`trace`] | spans for a collector of traces, and the context in headers | sending them, log lines | nothing |
//! | [`admin`] | probes and metrics over HTTP | measuring | worker, ports, listening |
//! | [`settings`], [`telemetry`], [`shutdown`] | what the process is told, and how it speaks and stops | work of a room | types that they fill |
//! | [`cli`] | arguments and subcommands; wires the rooms together | work of a room | everything |
//! | `simulator` (feature) | a Buy with Prime API to run against | anything of ours | nothing |
//!
//! # Where a change belongs
//!
//! A field of a message: `domain`. A new error code: `policy::catalogue`. The time of the next attempt:
//! `policy::decide`; which errors are tried again: `policy::catalogue`. A shop's format: a program in `config/mappings`; a
//! function for such programs: `mapping::library`. The look-up before a dead letter is written: `worker::last_look`. The
//! shape of an answer: `api::wire`. A difference between versions of the API: `api::dialect`. A queue: `broker::topology`.
//! A header: its name in `broker::headers`, its value in `broker::copies`. A span: `trace`. A dead letter as operators see it:
//! `broker::letters`. A page in the browser: `page`. A finding of `check`: `broker::preflight`. A setting: `config/default.toml` and `settings`.
//!
//! # How one message travels
//!
//! 1. `broker::session` takes a delivery and makes a [`ports::Job`] of it. Where there are mappings, `mapper::stage` maps its
//!    body before the worker gets it.
//! 2. `worker::pool` opens it once, and gives it a lane. A panic over it ends in the pool, not the process.
//! 3. `worker::handle` carries out its command: it calls the API through [`ports::OrderApi`], classifies, decides, and writes
//!    the end.
//! 4. The [`ports::Settlement`] goes back.
//! 5. `broker::session` publishes result or dead letter, waits for the confirm, and only then acknowledges.

pub mod admin;
pub mod api;
pub mod broker;
pub mod cli;
pub mod dead_letters;
pub mod domain;
pub mod listening;
pub mod mapper;
pub mod mapping;
pub mod page;
pub mod policy;
pub mod ports;
pub mod secret;
pub mod settings;
pub mod shutdown;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod telemetry;
pub mod tls;
pub mod trace;
pub mod worker;
