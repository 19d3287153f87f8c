//! Log lines that a test listens to on its own thread.
//! Not here: what is done with them.

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};

/// Hears the lines of this thread with this subscriber. Every other thread has one that wants all lines and drops them.
///
/// Without that one, `tracing` asks the thread that first comes to a line whether anybody wants it, and believes it for all.
pub(crate) fn hears(subscriber: impl Subscriber + Send + Sync) -> DefaultGuard {
    let of_all_threads =
        tracing_subscriber::fmt().with_max_level(LevelFilter::TRACE).with_writer(std::io::sink).finish();
    // the second test of a process finds it there
    set_global_default(of_all_threads).ok();
    set_default(subscriber)
}
