//! Waiting for something that can only be looked at, not awaited.
//! Not here: waits for events; those use the event itself under a timeout.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// The pause between two looks: short against everything that is waited for, long against one look.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Looks until what is seen satisfies `holds` and returns it; fails after `timeout` with what was seen last.
pub(crate) async fn until<T: Debug>(
    what: &str,
    timeout: Duration,
    mut look: impl AsyncFnMut() -> T,
    holds: impl Fn(&T) -> bool,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        let seen = look().await;
        if holds(&seen) {
            return seen;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} for: {what}\nseen last: {seen:#?}");
        sleep(BETWEEN_LOOKS).await;
    }
}
