//! Polling for a state without an event.
//! Not here: waits for events; those use the event itself under a timeout.

use std::fmt::Debug;
use std::time::Duration;

use tokio::time::{Instant, sleep};

/// Pause between two polls: short against every wait, long against one poll.
const BETWEEN_LOOKS: Duration = Duration::from_millis(50);

/// Polls until the state satisfies `holds`, and returns it. Fails after `timeout` with the last state.
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
