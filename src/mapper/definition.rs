//! A mapping as settings define it, and the messages that it is for.
//!
//! Not here: settings, running it.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use serde_json::Value;

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
    pub fn is_for(&self, routing_key: &str, message_type: Option<&str>, headers: &BTreeMap<String, String>) -> bool {
        let named = |name: &str| TYPE_HEADERS.contains(&name.to_ascii_lowercase().as_str());
        let header = headers.iter().find(|(name, _)| named(name)).map(|(_, value)| value.as_str());
        let has = |names: &[String], name: &str| names.iter().any(|it| it == name);
        has(&self.routing_keys, routing_key) || message_type.into_iter().chain(header).any(|it| has(&self.types, it))
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
