//! Output of logs and metrics.
//!
//! Not here: the log lines and the measurements.

pub mod memory;
pub mod metrics;

use tracing_subscriber::EnvFilter;

use crate::settings::{Log, LogFormat};

/// The filter is not valid in the syntax of `EnvFilter`.
#[derive(Debug, thiserror::Error)]
#[error("log.filter: {0}")]
pub struct FilterError(#[from] tracing_subscriber::filter::ParseError);

/// Sends logs to stderr. The text of a panic is left out: it may repeat a message's payload.
///
/// # Errors
/// The filter is invalid.
pub fn start(log: &Log) -> Result<(), FilterError> {
    // lapin logs whole messages when one is returned; its errors are logged here, once
    let filter = EnvFilter::try_new(&log.filter)?.add_directive("lapin=off".parse()?);
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match log.format {
        LogFormat::Json => logs.json().flatten_event(true).with_span_list(false).with_target(false).init(),
        LogFormat::Pretty => logs.with_target(false).init(),
    }
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    Ok(())
}
