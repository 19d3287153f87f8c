//! Limits that the child sets itself, so that no program takes the machine.
//!
//! Not here: the wall clock, which the worker looks at.

use rustix::io;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Address space of the child: a large order takes a few megabytes.
const ADDRESS_SPACE: u64 = 256 * 1024 * 1024;
/// CPU time for one message in seconds. The kernel counts whole ones, so this is the least that ends a message.
pub(super) const CPU_SECONDS: u64 = 1;

/// Limits memory, and lets no core be dumped: it would hold the body.
pub(super) fn limit_memory() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    setrlimit(Resource::As, Rlimit { current: Some(ADDRESS_SPACE), maximum: Some(ADDRESS_SPACE) })
}

/// Gives the next message its CPU time.
pub(super) fn limit_next() -> io::Result<()> {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = u64::try_from(used.tv_sec).unwrap_or_default();
    let limit = Rlimit { current: Some(used + 1 + CPU_SECONDS), ..getrlimit(Resource::Cpu) };
    setrlimit(Resource::Cpu, limit)
}
