//! Arguments and subcommands; the only place where the rooms are wired together.
//!
//! Not here: any work of a room.

pub mod args;
mod asyncapi;
mod check;
mod check_api;
mod check_port;
mod completions;
pub mod dead_letters;
mod errors;
mod exit;
mod first_token;
mod held;
mod holder;
mod map;
mod map_check;
mod migrate;
mod order;
mod publish;
mod run;
mod schema;
mod terminal;
mod topology;
mod validate;
mod worker;

use std::process::ExitCode;

use args::{Args, Command};
use exit::Exit;

use crate::settings::Settings;
use crate::telemetry;
use crate::telemetry::traces::Traces;

/// Runs a subcommand to its exit code.
pub fn main(args: &Args) -> ExitCode {
    match &args.command {
        // these need no settings
        Command::Errors(errors) => end(errors::errors(errors)),
        Command::Schema(schema) => end(schema::schema(schema)),
        Command::Completions(completions) => end(completions::completions(completions)),
        Command::Mapper => end(map::serve()),
        Command::Map(map) if map.needs_no_settings() => alone(map_or_check(None, map)),
        // mappings stand in files alone: faults of settings that are not there would be beside the point
        Command::Map(_) if args.config.is_empty() => explain("arguments", &map::NoMapping, Exit::Usage),
        Command::Map(map) => work(args, async |settings| map_or_check(Some(settings), map).await),
        Command::Validate(validate) if args.config.is_empty() && validate.by.mapping.is_none() => {
            alone(validate::validate(None, validate))
        }
        Command::Validate(_) if args.config.is_empty() => explain("arguments", &map::NoMapping, Exit::Usage),
        Command::Validate(validate) => work(args, async |settings| validate::validate(Some(settings), validate).await),
        Command::Run => work(args, run::run),
        Command::Check(check) => work(args, async |settings| check::check(settings, check).await),
        Command::Held(held) => work(args, async |settings| held::held(settings, held).await),
        Command::Order(order) => work(args, async |settings| order::order(settings, order).await),
        Command::Topology(topology) => work(args, async |settings| topology::topology(settings, topology).await),
        Command::Publish(publish) => work(args, async |settings| publish::publish(settings, publish).await),
        Command::Migrate => work(args, migrate::migrate),
        Command::DeadLetters(command) => work(args, async |settings| dead_letters::run(settings, command).await),
    }
}

async fn map_or_check(settings: Option<&Settings>, args: &args::Map) -> anyhow::Result<Exit> {
    if args.check { map_check::check(settings, args).await } else { map::map(settings, args).await }
}

/// Settings, logging, the command itself.
fn work(args: &Args, command: impl AsyncFnOnce(&Settings) -> anyhow::Result<Exit>) -> ExitCode {
    let settings = match Settings::load(&args.config) {
        Ok(settings) => settings,
        Err(error) => return explain("settings", &error, Exit::BadSettings),
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return explain("cannot start", &error, Exit::Failed),
    };
    // of a worker alone: an operator's command is no part of a message's way
    let traced = matches!(args.command, Command::Run);
    let traces = if traced { Traces::start(&settings, runtime.handle()) } else { Ok(None) };
    let traces = match traces {
        Ok(traces) => traces,
        Err(error) => return explain("settings", &error, Exit::BadSettings),
    };
    if let Err(error) = telemetry::start(&settings.log, traces.as_ref()) {
        return explain("settings", &error, Exit::BadSettings);
    }
    let ended = runtime.block_on(command(&settings));
    if let Some(traces) = traces {
        traces.end();
    }
    // tasks that outlast the grace period must not keep the process
    runtime.shutdown_background();
    end(ended)
}

/// A command that needs no settings, and waits.
fn alone(command: impl Future<Output = anyhow::Result<Exit>>) -> ExitCode {
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => end(runtime.block_on(command)),
        Err(error) => explain("cannot start", &error, Exit::Failed),
    }
}

fn end(ended: anyhow::Result<Exit>) -> ExitCode {
    match ended {
        Ok(exit) => exit.into(),
        Err(error) => explain("failed", error.as_ref(), Exit::Failed),
    }
}

/// Prints an error with its causes on stderr.
fn explain(what: &str, error: &dyn std::error::Error, exit: Exit) -> ExitCode {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    // the last line of a command, whose output may be closed
    terminal::note(format_args!("bwp-sync: {what}: {text}")).ok();
    exit.into()
}
