//! A mapping as settings define it, and the messages that it is for.
//!
//! Not here: settings, running it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::ports::Inbound;

/// Headers that carry the CloudEvents type in binary mode.
const TYPE_HEADERS: [&str; 4] = ["cloudevents:type", "cloudevents_type", "ce-type", "ce_type"];

/// A mapping of foreign bodies to messages of ours.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Mapping {
    /// Name in letters and logs.
    pub name: String,
    /// Routing keys of the shop's publications that it is for.
    pub routing_keys: Vec<String>,
    /// CloudEvents types in headers, or AMQP types, that it is for.
    pub types: Vec<String>,
    /// Kind of message that it makes, unless its answer names another.
    pub kind: String,
    /// The jq program.
    pub source: String,
    /// Values of `$vars`.
    pub variables: BTreeMap<String, Value>,
    /// The folder with examples, beside the program's file.
    #[serde(skip)]
    pub examples: Option<PathBuf>,
}

impl Mapping {
    /// Whether the mapping is for a message. The routing key is that of the shop's publication, also of a retry or a
    /// replay.
    pub fn is_for(&self, inbound: &Inbound) -> bool {
        let named = |name: &str| TYPE_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        let header = inbound.headers.iter().find(|(name, _)| named(name)).map(|(_, value)| value);
        self.routing_keys.contains(&inbound.routing_key)
            || inbound.message_type.iter().chain(header).any(|it| self.types.contains(it))
    }
}

/// The running program, whose subcommand `mapper` is the child. A file that was replaced is no hindrance.
///
/// # Errors
/// The system does not tell.
pub fn own_program() -> std::io::Result<PathBuf> {
    let running = PathBuf::from("/proc/self/exe");
    if running.exists() { Ok(running) } else { std::env::current_exe() }
}
