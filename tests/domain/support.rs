//! Fixtures, and the steps from a message to its command.
//!
//! Not here: expectations.

use std::path::PathBuf;

use bwp_sync::domain::command::Command;
use bwp_sync::domain::conventions::Conventions;
use bwp_sync::domain::envelope::{self, Envelope, RawMessage};
use bwp_sync::domain::rejection::Rejection;
use bwp_sync::domain::transform::{check_rules, command_for};
use jiff::Timestamp;
use serde_json::Value;

/// Folder of the sample messages, or of their expected inputs.
pub(crate) fn folder(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests", "fixtures", name].iter().collect()
}

/// A fixture by folder and name.
pub(crate) fn fixture(folder_name: &str, name: &str) -> Vec<u8> {
    std::fs::read(folder(folder_name).join(format!("{name}.json"))).unwrap()
}

/// Names of the sample messages with this prefix, sorted.
pub(crate) fn samples(prefix: &str) -> Vec<String> {
    let mut names: Vec<String> = (std::fs::read_dir(folder("messages")).unwrap())
        .map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect();
    names.sort();
    names
}

/// A body opened as an event in structured mode.
pub(crate) fn open(body: &[u8]) -> Result<Envelope, Rejection> {
    envelope::open(&RawMessage::structured(body)).map_err(|refused| refused.rejection)
}

/// The command that a body stands for.
pub(crate) fn command(body: &[u8]) -> Result<Command, Rejection> {
    command_for(&open(body)?, &Conventions::default())
}

/// Whether a command breaks a rule that is checked by default.
pub(crate) fn checked(command: &Command) -> Result<(), Rejection> {
    check_rules(command, &Conventions::default().rules, Timestamp::UNIX_EPOCH)
}

/// A sample message with a change.
pub(crate) fn changed(name: &str, change: impl FnOnce(&mut Value)) -> Vec<u8> {
    let mut message: Value = serde_json::from_slice(&fixture("messages", name)).unwrap();
    change(&mut message);
    serde_json::to_vec(&message).unwrap()
}
