//! Output of logs, metrics and traces.
//!
//! Not here: the log lines, the measurements and the spans.

pub mod memory;
pub mod metrics;
pub mod traces;

use std::io::{self, IsTerminal};

use traces::Traces;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, fmt};

use crate::settings::{Log, LogFormat};
use crate::trace;

/// The filter is not valid in the syntax of `EnvFilter`.
#[derive(Debug, thiserror::Error)]
#[error("log.filter: {0}")]
pub struct FilterError(#[from] tracing_subscriber::filter::ParseError);

/// A filter of the log, in the syntax of `EnvFilter`, without the lines of lapin and without spans for a collector.
///
/// # Errors
/// The filter is invalid.
pub fn filter(filter: &str) -> Result<EnvFilter, FilterError> {
    // lapin logs whole messages when one is returned; its errors are logged here, once
    let filter = EnvFilter::try_new(filter)?.add_directive("lapin=off".parse()?);
    // a line names the innermost span, which is to be that of its message
    Ok(filter.add_directive(format!("{}=off", trace::TARGET).parse()?))
}

/// Sends logs to stderr, and spans to a collector if there is one. The text of a panic is left out: it may repeat a
/// message's payload.
///
/// # Errors
/// The filter is invalid.
pub fn start(log: &Log, traces: Option<&Traces>) -> Result<(), FilterError> {
    let filter = filter(&log.filter)?;
    let no_colour = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty());
    let lines =
        fmt::layer().with_writer(io::stderr).with_target(false).with_ansi(io::stderr().is_terminal() && !no_colour);
    let lines = match log.format {
        LogFormat::Json => lines.json().flatten_event(true).with_span_list(false).boxed(),
        LogFormat::Pretty => lines.boxed(),
    };
    let spans = traces.map(|traces| {
        tracing_opentelemetry::layer()
            .with_tracer(traces.tracer())
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(filter_fn(|span| span.is_span() && span.target() == trace::TARGET))
    });
    tracing_subscriber::registry().with(lines.with_filter(filter)).with(spans).init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panic");
    }));
    Ok(())
}
