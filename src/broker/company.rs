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

/// For so many looks of a new session a second consumer is taken for what the last one, or a node that is away, has left
/// behind: three minutes.
const LEFT_BEHIND: u32 = 36;

/// So many looks in a row must find no other: one consumer may be another's, while both come and go.
const IN_A_ROW: u32 = 2;

/// What is known of other consumers. It outlives a session.
#[derive(Debug, Default)]
pub(super) struct Company {
    /// How many more looks may find a second consumer before it is taken for another worker's.
    looks_left: AtomicU32,
}

impl Company {
    /// Whether this worker is the only one, as far as is known.
    pub(super) fn is_alone(&self) -> bool {
        self.looks_left.load(Ordering::Relaxed) > 0
    }

    /// Asks again and again, until the session ends.
    pub(super) async fn watch(
        &self,
        connection: &Connection,
        queue: &str,
        consuming: impl Fn() -> bool + Sync,
    ) -> Infallible {
        let mut looks = Looks::default();
        loop {
            sleep(LOOK_EVERY).await;
            match timeout(LOOK_EVERY, consumers(connection, queue)).await {
                Ok(Ok(consumers)) => self.seen(&mut looks, consumers, consuming()),
                // what is wrong with the session is told by it
                Ok(Err(error)) => tracing::debug!(%error, "cannot tell who else consumes"),
                Err(_elapsed) => tracing::debug!("the broker does not say who else consumes"),
            }
        }
    }

    /// While its quorum is lost, the broker counts none.
    fn seen(&self, looks: &mut Looks, consumers: u32, ours_among_them: bool) {
        let left = self.looks_left.load(Ordering::Relaxed);
        let left = match (consumers, ours_among_them) {
            (0, _) => left,
            (1, true) => {
                looks.alone += 1;
                if looks.alone < IN_A_ROW { left } else { LEFT_BEHIND }
            }
            // it has come since
            _ if std::mem::take(&mut looks.alone) > 0 => 0,
            _ => left.saturating_sub(1),
        };
        self.looks_left.store(left, Ordering::Relaxed);
        gauge!("bwp_only_consumer").set(u8::from(self.is_alone()));
    }
}

/// What a session has seen.
#[derive(Debug, Default)]
struct Looks {
    /// Looks in a row that found no other consumer.
    alone: u32,
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
    fn a_second_consumer_is_another_worker_unless_a_lost_session_may_have_left_it_behind() {
        let company = Company::default();
        let mut first = Looks::default();
        company.seen(&mut first, 1, true);
        assert!(!company.is_alone(), "once may be a coincidence");
        company.seen(&mut first, 1, false);
        company.seen(&mut first, 1, true);
        assert!(!company.is_alone(), "two that are not in a row");
        company.seen(&mut first, 1, true);
        assert!(company.is_alone());

        let mut second = Looks::default();
        for look in 1..LEFT_BEHIND {
            company.seen(&mut second, 2, true);
            assert!(company.is_alone(), "{look}");
        }
        company.seen(&mut second, 0, true);
        assert!(company.is_alone(), "none is no answer");
        company.seen(&mut second, 2, true);
        assert!(!company.is_alone(), "it has stayed for too long");

        company.seen(&mut second, 1, true);
        company.seen(&mut second, 1, true);
        assert!(company.is_alone());
        company.seen(&mut second, 2, true);
        assert!(!company.is_alone(), "it has come since");
    }
}
