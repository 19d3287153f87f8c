//! Moves all messages from the queues of version 0.1.0 to those of this version. A migration that was killed goes on
//! when it is run again: each step looks at the queues that exist.
//!
//! Not here: how messages are moved; see `transfer`.

use std::time::Duration;

use lapin::Connection;
use lapin::options::{BasicGetOptions, QueueDeleteOptions};
use lapin::types::FieldTable;
use lapin::uri::AMQPUri;
use secrecy::ExposeSecret;
use tokio::sync::watch;
use tokio::time::{Instant, sleep};

use super::report::{MigrateError, Step};
use super::transfer::{Held, Transfer};
use crate::broker::config::BrokerConfig;
use crate::broker::connection::{Frame, answered, close, close_channel, open};
use crate::broker::headers::short;
use crate::broker::letters::letter_box::{LetterBox, LetterBoxError};
use crate::broker::letters::lock::{Holder, LockedLetterBox};
use crate::broker::preflight::management::{Binding, Management};
use crate::broker::publish::Publisher;
use crate::broker::topology::{
    Look, TopologyError, WorkQueue, bind, declare_events, declare_queue, declare_work_queue, look, look_at_work_queue,
    quorum,
};
use crate::secret::Secret;

/// How long the broker may take to notice that a migration was killed.
const NOTICED_WITHIN: Duration = Duration::from_secs(5);
/// How long a message may be on its way to a queue that is no longer bound.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// A queue with fewer messages than this counts as caught up with: they are moved in no time.
const FEW: usize = 50;

/// Moves all messages to the work queue of this version, and tells of each step. Returns how many messages came there;
/// `None` where there is nothing to migrate.
///
/// # Errors
/// Workers run, or the broker refuses. A second run goes on from there.
pub async fn migrate(
    config: &BrokerConfig,
    holder: &Holder,
    tell: &mut dyn FnMut(&Step<'_>),
) -> Result<Option<usize>, MigrateError> {
    let letters = lock(config, holder).await?;
    let publishing = open(config, "bwp-sync migrate", Frame::Small).await?;
    let (_, never_blocked) = watch::channel(false);
    let publisher = Publisher::open(&publishing, config.confirm_timeout, never_blocked).await?;
    let connection = &letters.connection;
    let transfer = Transfer::new(connection, &publisher, &config.names);
    let migrated = Migration { config, connection, transfer, tell }.run().await;
    tokio::join!(letters.close(), close(&publishing));
    migrated
}

/// Keeps replays and other migrations away: a replay must not publish to a queue that is about to go.
async fn lock(config: &BrokerConfig, holder: &Holder) -> Result<LockedLetterBox, LetterBoxError> {
    let began = Instant::now();
    loop {
        match LetterBox::open(config).await?.lock(holder).await {
            Err(LetterBoxError::Locked { .. }) if began.elapsed() < NOTICED_WITHIN => sleep(NOTICED_WITHIN / 20).await,
            locked => return locked,
        }
    }
}

struct Migration<'a> {
    config: &'a BrokerConfig,
    connection: &'a Connection,
    transfer: Transfer<'a>,
    tell: &'a mut dyn FnMut(&Step<'_>),
}

impl Migration<'_> {
    async fn run(&mut self) -> Result<Option<usize>, MigrateError> {
        let (connection, names) = (self.connection, &self.config.names);
        let (work, suspects, old, new) =
            (names.queue.as_str(), &names.suspects(), &names.migration_old(), &names.migration_new());
        let found = look_at_work_queue(connection, names).await?;
        let suspected = self.exists(suspects).await?;
        let begun = self.exists(old).await? || self.exists(new).await?;
        if found != WorkQueue::Outdated && !suspected && !begun {
            return Ok(None);
        }
        for queue in [work, suspects, old, new] {
            self.consumed_by_nobody(queue).await?;
        }
        self.prepare(found).await?;
        self.clear(suspects, old).await?;
        let mut held = Vec::new();
        if found == WorkQueue::Outdated {
            held = self.hold_retries().await?;
            self.clear(work, old).await?;
        }
        declare_work_queue(connection, names).await?;
        (self.tell)(&Step::Declared(work));
        for held in held {
            held.let_go().await;
        }
        let mut moved = self.clear(old, work).await? + self.catch_up(new, work).await?;
        self.bind(work, Some(new)).await?;
        moved += self.clear(new, work).await?;
        Ok(Some(moved))
    }

    /// Declares the queues of the migration. The shop's messages come to one of them from now on.
    async fn prepare(&self, found: WorkQueue) -> Result<(), MigrateError> {
        let (connection, names) = (self.connection, &self.config.names);
        if found == WorkQueue::Outdated {
            bound_as_configured(self.config).await?;
        }
        declare_events(connection, &names.events).await?;
        let channel = answered(connection.create_channel()).await?;
        // in this order, since no worker declares or consumes anything while the queue of new messages is there
        for queue in [names.migration_new(), names.migration_old()] {
            declare_queue(&channel, &queue, quorum()).await.map_err(|error| TopologyError::new(&queue, error))?;
        }
        close_channel(&channel).await;
        match found {
            WorkQueue::Outdated => self.bind(&names.migration_new(), Some(&names.queue)).await,
            WorkQueue::Absent => self.bind(&names.migration_new(), None).await,
            WorkQueue::Current => Ok(()),
        }
    }

    async fn exists(&self, queue: &str) -> Result<bool, TopologyError> {
        Ok(look(self.connection, queue).await?.is_some())
    }

    /// Waits a little for consumers of a migration that was killed.
    async fn consumed_by_nobody(&self, queue: &str) -> Result<(), MigrateError> {
        let began = Instant::now();
        while let Some(Look { consumers: 1.., .. }) = look(self.connection, queue).await? {
            if began.elapsed() > NOTICED_WITHIN {
                return Err(MigrateError::Consumed(queue.to_owned()));
            }
            sleep(NOTICED_WITHIN / 20).await;
        }
        Ok(())
    }

    /// Holds all messages of the retry queues: one that left would come to the old work queue while that is deleted.
    async fn hold_retries(&self) -> Result<Vec<Held>, MigrateError> {
        let mut held = Vec::new();
        for delay in &self.config.delays {
            let queue = self.config.names.retry(*delay);
            self.consumed_by_nobody(&queue).await?;
            if self.exists(&queue).await? {
                held.push(Held::all_of(self.connection, &queue).await?);
            }
        }
        Ok(held)
    }

    async fn transfer(&mut self, from: &str, to: &str, most: usize) -> Result<usize, MigrateError> {
        if !self.exists(from).await? {
            return Ok(0);
        }
        let tell = &mut self.tell;
        let moved = self.transfer.run(from, to, most, |moved| tell(&Step::Moving(from, to, moved))).await?;
        if moved > 0 {
            (self.tell)(&Step::Moved(from, to, moved));
        }
        Ok(moved)
    }

    /// Moves messages out of a queue to which others still come, until few are left.
    async fn catch_up(&mut self, from: &str, to: &str) -> Result<usize, MigrateError> {
        let mut moved = 0;
        loop {
            // a wrong number does no harm: the rest is moved when nothing comes any more
            let ready = look(self.connection, from).await?.map_or(0, |found| found.messages as usize);
            moved += self.transfer(from, to, ready).await?;
            if ready < FEW {
                return Ok(moved);
            }
        }
    }

    /// Moves all messages out of a queue that is no longer bound, and deletes it.
    async fn clear(&mut self, from: &str, to: &str) -> Result<usize, MigrateError> {
        let mut moved = 0;
        while self.exists(from).await? {
            moved += self.transfer(from, to, usize::MAX).await?;
            sleep(ON_ITS_WAY).await;
            match self.transfer(from, to, usize::MAX).await? {
                0 => self.delete(from).await?,
                more => moved += more,
            }
        }
        Ok(moved)
    }

    /// Deletes a queue, unless there is a message after all. Quorum queues have no `if-empty` and no `if-unused`.
    async fn delete(&mut self, queue: &str) -> Result<(), MigrateError> {
        self.consumed_by_nobody(queue).await?;
        let channel = answered(self.connection.create_channel()).await?;
        if answered(channel.basic_get(short(queue), BasicGetOptions::default())).await?.is_none() {
            let messages = answered(channel.queue_delete(short(queue), QueueDeleteOptions::default())).await?;
            if messages > 0 {
                return Err(MigrateError::Deleted { queue: queue.to_owned(), messages });
            }
            (self.tell)(&Step::Deleted(queue));
        }
        // the message is requeued
        close_channel(&channel).await;
        Ok(())
    }

    /// Binds a queue to the shop's exchange in the place of another. A message that is published meanwhile comes to both of
    /// them at worst: every node of a cluster sees the changes in their order.
    async fn bind(&self, queue: &str, instead_of: Option<&str>) -> Result<(), MigrateError> {
        let (channel, names) = (answered(self.connection.create_channel()).await?, &self.config.names);
        for key in &names.bindings {
            bind(&channel, queue, &names.events, key).await?;
            if let Some(other) = instead_of {
                let (exchange, none) = (short(&names.events), FieldTable::default());
                answered(channel.queue_unbind(short(other), exchange, short(key), none)).await?;
            }
        }
        close_channel(&channel).await;
        Ok(())
    }
}

/// Looks whether the work queue has bindings that the new one would not have. AMQP does not show them.
async fn bound_as_configured(config: &BrokerConfig) -> Result<(), MigrateError> {
    let (names, uri) = (&config.names, config.uri.read());
    let (Some(address), Ok(uri)) = (&config.management, uri.expose_secret().parse::<AMQPUri>()) else { return Ok(()) };
    let ca = config.tls.ca.as_ref().map(Secret::read);
    let management = Management::new(&address.read(), ca.as_ref())?;
    for Binding { source, routing_key } in management.bindings(&uri.vhost, &names.queue).await? {
        // every queue is bound to the default exchange
        if !source.is_empty() && (source != names.events || !names.bindings.contains(&routing_key)) {
            return Err(MigrateError::Bound { queue: names.queue.clone(), exchange: source, routing_key });
        }
    }
    Ok(())
}
