//! Who runs a command, as the lock of the dead letters and the ledger name them.
//!
//! Not here: the lock.

use jiff::Timestamp;

use crate::broker::Holder;

/// The user, host and process that run this command now.
pub(super) fn holder(command: &str) -> Holder {
    let user = ["USER", "LOGNAME"].into_iter().find_map(|name| std::env::var(name).ok());
    Holder {
        command: command.to_owned(),
        user: user.unwrap_or_else(|| format!("user {}", rustix::process::getuid().as_raw())),
        host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        pid: std::process::id(),
        since: Timestamp::now(),
        letters: None,
    }
}
