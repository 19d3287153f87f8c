//! Whether anybody else takes messages from the work queue, by what the broker says now and then.
//!
//! Not here: what follows from it.

use std::convert::Infallible;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use lapin::Connection;
use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use metrics::gauge;
use tokio::time::{sleep, timeout};

use super::connection::close_channel;
use super::short;

/// How often the broker is asked.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// For so many looks a second consumer is taken for what a lost connection or a node that is away has left behind: three
/// minutes. Taking another worker for that only delays what would wait for it anyway.
const LEFT_BEHIND: u32 = 36;

/// What is known of other consumers. It outlives a session.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// How many more looks may find a second consumer before it is taken for another worker's.
    looks_left: AtomicU32,
}

impl Company {
    /// Whether this worker is the only one, as far as is known.
    pub(super) fn is_missing(&self) -> bool {
        self.looks_left.load(Ordering::Relaxed) > 0
    }

    /// Asks again and again, until the session ends.
    pub(super) async fn watch(
        &self,
        connection: &Connection,
        queue: &str,
        consuming: impl Fn() -> bool + Sync,
    ) -> Infallible {
        loop {
            sleep(LOOK_EVERY).await;
            match timeout(LOOK_EVERY, consumers(connection, queue)).await {
                Ok(Ok(consumers)) => self.seen(consumers, consuming()),
                // what is wrong with the session is told by it
                Ok(Err(error)) => tracing::debug!(%error, "cannot tell who else consumes"),
                Err(_elapsed) => tracing::debug!("the broker does not say who else consumes"),
            }
        }
    }

    /// While its quorum is lost, the broker counts none.
    fn seen(&self, consumers: u32, ours_among_them: bool) {
        let left = self.looks_left.load(Ordering::Relaxed);
        let left = match (consumers, ours_among_them) {
            (0, _) => left,
            (1, true) => LEFT_BEHIND,
            _ => left.saturating_sub(1),
        };
        self.looks_left.store(left, Ordering::Relaxed);
        gauge!("bwp_only_consumer").set(u8::from(self.is_missing()));
    }
}

async fn consumers(connection: &Connection, queue: &str) -> lapin::Result<u32> {
    let channel = connection.create_channel().await?;
    let look = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let consumers = channel.queue_declare(short(queue), look, FieldTable::default()).await?.consumer_count();
    close_channel(&channel).await;
    Ok(consumers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_consumer_is_another_worker_once_it_has_stayed_for_three_minutes() {
        let company = Company::default();
        assert!(!company.is_missing(), "nothing is known yet");
        company.seen(1, false);
        assert!(!company.is_missing(), "the only one is not this one");
        company.seen(1, true);
        for look in 1..LEFT_BEHIND {
            company.seen(2, true);
            assert!(company.is_missing(), "{look}");
        }
        company.seen(0, true);
        assert!(company.is_missing(), "none is no answer");
        company.seen(2, true);
        assert!(!company.is_missing());
        company.seen(1, true);
        assert!(company.is_missing());
    }
}
