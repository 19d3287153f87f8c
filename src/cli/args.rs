//! The arguments and subcommands of the program.
//!
//! Not here: the subcommands' work.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use strum::IntoEnumIterator;

use crate::domain::envelope::Kind;
use crate::domain::outcome::ResultKind;

/// Keeps a shop and Buy with Prime in step: RabbitMQ messages in, createOrder and updateOrder calls out.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
pub struct Args {
    /// Settings file (TOML), over the built-in defaults; may be given several times
    #[arg(long, value_name = "FILE", global = true)]
    pub config: Vec<PathBuf>,
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommand.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Take messages from RabbitMQ until SIGTERM or SIGINT
    Run,
    /// Look whether settings, API and broker are as they must be, and change nothing
    Check(Check),
    /// List the messages that wait in the worker on this machine, and say why
    Held(Held),
    /// Show what the API has of an order, its dead letters and their replays, on one screen
    Order(Order),
    /// Publish messages of your own to the shop's exchange, each confirmed by the broker
    Publish(Publish),
    /// Print exchanges, queues, bindings and permissions, for a broker on which `broker.declare` is off
    Topology(Topology),
    /// Move everything from the queues of version 0.1.0 to those of this version, while no worker runs
    ///
    /// The work queue has another argument than in version 0.1.0, and the arguments of a queue cannot be changed. This
    /// command moves all messages aside and deletes the old work queue and the old queue of suspects. Then it declares
    /// the new work queue and moves the messages there, in their order. Retry queues and dead letters stay as they are.
    ///
    /// Stop every worker first, and start none until the command has ended. The shop can go on publishing. A command
    /// that is killed, at whatever moment, loses nothing: run it again. A few messages may come twice, which does no
    /// harm.
    Migrate,
    /// See, understand, replay and discard dead letters
    #[command(subcommand)]
    DeadLetters(Box<super::dead_letters::Command>),
    /// Print the message that a mapping makes of a shop's body, or check every mapping by its examples
    Map(Map),
    /// Say all that is wrong with messages, in the shop's own fields where a mapping makes them
    ///
    /// Ends with 0 where a worker would take every message, with 1 where not. Settings are read only where `--config` or
    /// `--mapping` is given; else the rules are those that are on by default.
    Validate(Validate),
    /// Map bodies for a worker, by standard input and output
    #[command(hide = true)]
    Mapper,
    /// List every error: what it means, what the worker does about it, what can be done
    Errors(Errors),
    /// Print the JSON Schema of a kind of message or result
    Schema(Schema),
    /// Print what makes a shell complete commands and options
    Completions(Completions),
}

/// Arguments of `check`.
#[derive(Debug, clap::Args)]
pub struct Check {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
    /// Ask the worker that runs here whether it makes progress, by its `/livez`, and nothing else
    #[arg(long, conflicts_with = "json")]
    pub live: bool,
}

/// Arguments of `held`.
#[derive(Debug, clap::Args)]
pub struct Held {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `order`.
#[derive(Debug, clap::Args)]
pub struct Order {
    /// The shop's order id, or Buy with Prime's
    #[arg(value_name = "ID")]
    pub id: String,
    /// Ledger of the commands on letters, whose lines of this order are shown
    #[arg(long, value_name = "FILE")]
    pub ledger: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `topology`.
#[derive(Debug, clap::Args)]
pub struct Topology {
    /// Form of the output
    #[arg(long, value_enum, default_value_t = Format::Definitions)]
    pub format: Format,
}

/// Forms of `topology`.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Format {
    /// JSON that RabbitMQ imports: `POST /api/definitions`, or `rabbitmqctl import_definitions`
    Definitions,
}

/// Arguments of `publish`.
#[derive(Debug, clap::Args)]
pub struct Publish {
    /// Structured CloudEvents, one in a file
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// Publish any bodies as they stand, with this routing key, as a shop does that has its own JSON
    #[arg(long, value_name = "KEY")]
    pub routing_key: Option<String>,
}

/// Arguments of `map`.
#[derive(Debug, clap::Args)]
pub struct Map {
    /// Bodies of the shop, one in a file; `-` is standard input
    #[arg(required_unless_present = "check", value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The mapping.
    #[command(flatten)]
    pub by: MappedBy,
    /// Check examples: of the programs given as FILE, else of every mapping of the settings
    #[arg(long, conflicts_with_all = ["mapping", "preset", "program", "header", "routing_key"])]
    pub check: bool,
    /// With `--check`: write the answers as the expected ones
    #[arg(long, requires = "check")]
    pub update: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Names the mapping of bodies, and gives what comes with them.
#[derive(Debug, clap::Args)]
pub struct MappedBy {
    /// The mapping of the settings
    #[arg(long, value_name = "NAME")]
    pub mapping: Option<String>,
    /// A preset instead of a mapping of the settings
    #[arg(long, value_name = "NAME", conflicts_with = "mapping")]
    pub preset: Option<String>,
    /// A jq program instead of a mapping of the settings
    #[arg(long, value_name = "PROGRAM", conflicts_with_all = ["mapping", "preset"])]
    pub program: Option<PathBuf>,
    /// Kind of the message, where neither body nor mapping names one
    #[arg(long, value_name = "KIND", default_value = "checkout-completed", value_parser = PossibleValuesParser::new(Kind::iter().map(Kind::name)))]
    pub kind: String,
    /// Header of the message, as `name=text`
    #[arg(long, value_name = "NAME=TEXT")]
    pub header: Vec<String>,
    /// Routing key of the message; the first one of the mapping when it is left out
    #[arg(long, value_name = "KEY")]
    pub routing_key: Option<String>,
}

/// Arguments of `validate`.
#[derive(Debug, clap::Args)]
pub struct Validate {
    /// Events, data of one kind, or with a mapping bodies of the shop; `-` is standard input
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,
    /// The mapping.
    #[command(flatten)]
    pub by: MappedBy,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `errors`.
#[derive(Debug, clap::Args)]
pub struct Errors {
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `schema`.
#[derive(Debug, clap::Args)]
pub struct Schema {
    /// Which one; all kinds are listed when it is left out
    #[arg(value_parser = PossibleValuesParser::new(kinds()))]
    pub kind: Option<String>,
    /// Print an AsyncAPI 3 document of all channels, messages and headers
    #[arg(long, conflicts_with = "kind")]
    pub asyncapi: bool,
}

/// Names of all messages and all results.
pub(super) fn kinds() -> impl Iterator<Item = &'static str> {
    Kind::iter().map(Kind::name).chain(ResultKind::iter().map(ResultKind::name))
}

/// Arguments of `completions`.
#[derive(Debug, clap::Args)]
pub struct Completions {
    /// Whose
    #[arg(value_name = "SHELL")]
    pub shell: Shell,
}
