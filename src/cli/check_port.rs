//! Whether the address for probes and metrics can be had.
//!
//! Not here: serving them.

use std::io::ErrorKind;

use tokio::net::TcpListener;

use super::worker::ask;
use crate::ports::Finding;
use crate::settings::Settings;

const SUBJECT: &str = "admin port";
const PROMISE: &str = "whoever runs the worker sees how it does";

pub(super) async fn findings(settings: &Settings) -> Vec<Finding> {
    let Some(address) = settings.admin() else {
        return vec![Finding::holds(SUBJECT, "none: nothing is served", PROMISE)];
    };
    let finding = match TcpListener::bind(address).await {
        Ok(_) => Finding::holds(SUBJECT, format!("{address} is free"), PROMISE),
        // in its own pod, a check meets the worker
        Err(error) if error.kind() == ErrorKind::AddrInUse => match ask(settings, "/livez").await {
            Ok((200 | 503, _)) => Finding::holds(SUBJECT, format!("{address} is served by a worker"), PROMISE),
            Ok(_) | Err(_) => Finding::fails(SUBJECT, format!("{address} is in use by another program"), PROMISE),
        },
        Err(error) => Finding::fails(SUBJECT, format!("{address}: {error}"), PROMISE),
    };
    vec![finding]
}
