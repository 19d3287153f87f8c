//! The intake of messages, which outlives a session with the broker: the way to the worker, room, and delivery
//! tracking.
//!
//! Not here: deliveries and settlements.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use uuid::Uuid;

use super::head::Head;
use super::tracking::Tracking;
use crate::broker::config::BrokerConfig;
use crate::ports::{BrokerState, Job, WaitReason};

/// The intake of messages.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) jobs: mpsc::Sender<Job>,
    /// Messages that may be in flight. Those of a lost session count until their call has ended.
    messages: Arc<Semaphore>,
    /// Bytes of bodies that may be in flight.
    bytes: Arc<Semaphore>,
    max_bytes: u32,
    pub(super) tracking: Arc<Mutex<Tracking>>,
    state: watch::Sender<BrokerState>,
    /// How many messages were settled.
    pub(super) settled: Arc<AtomicU64>,
    /// Handlings of suspects that began in this process, and whose end the broker does not know yet.
    pub(super) unended: Arc<Mutex<Vec<Uuid>>>,
    prefetch: u32,
    head: Mutex<Head>,
}

impl Intake {
    pub(super) fn new(config: &BrokerConfig, jobs: mpsc::Sender<Job>, state: watch::Sender<BrokerState>) -> Self {
        Self {
            jobs,
            state,
            messages: Arc::new(Semaphore::new(usize::from(config.prefetch))),
            bytes: Arc::new(Semaphore::new(config.max_bytes_in_flight as usize)),
            max_bytes: config.max_bytes_in_flight,
            tracking: Arc::default(),
            settled: Arc::default(),
            unended: Arc::default(),
            prefetch: u32::from(config.prefetch),
            head: Mutex::default(),
        }
    }

    /// Waits for room. A message larger than all the room takes all of it.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        self.room_of(1, bytes).await
    }

    /// Waits for all the room there is: until no other message is in flight.
    pub(super) async fn all_room(&self) -> Option<Room> {
        self.room_of(self.prefetch, usize::MAX).await
    }

    async fn room_of(&self, messages: u32, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.max_bytes);
        let message = Arc::clone(&self.messages).acquire_many_owned(messages).await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.ok()?;
        Some(Room::of(message, bytes))
    }

    pub(super) fn show(&self, state: BrokerState) {
        gauge!("bwp_consumer_prefetch").set(state.prefetch.unwrap_or(0));
        gauge!("bwp_active").set(0);
        self.state.send_replace(state);
    }

    /// Shows that this worker is the active one.
    pub(super) fn show_active(&self) {
        gauge!("bwp_active").set(1);
        self.state.send_modify(|state| state.active = true);
    }

    /// Shows whether the broker blocks publishers, and its own words for the cause.
    pub(super) fn show_blocked(&self, cause: Option<String>) {
        self.state.send_modify(|state| {
            state.not_taken_for = if cause.is_some() { WaitReason::BrokerBlocked } else { WaitReason::Room };
            (state.cause, state.since) = (cause, Timestamp::now());
        });
    }

    /// Shows a delivery that has come and is not taken yet.
    pub(super) fn show_waiting(&self, tag: u64, message_id: Option<String>) {
        self.state.send_modify(|state| drop(state.not_taken.insert(tag, (message_id, Timestamp::now()))));
    }

    /// Shows that the delivery is taken.
    pub(super) fn show_taken(&self, tag: u64) {
        self.state.send_modify(|state| drop(state.not_taken.remove(&tag)));
    }

    /// The age of the head, for a session that begins.
    pub(super) fn next_head(&self) -> Head {
        let mut head = self.head.lock().unwrap_or_else(PoisonError::into_inner);
        *head = head.next_session();
        head.clone()
    }

    pub(super) fn tracking(&self) -> std::sync::MutexGuard<'_, Tracking> {
        self.tracking.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room that a message takes up while it is in flight.
#[derive(Debug)]
pub(super) struct Room {
    _message: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl Room {
    pub(super) fn of(message: OwnedSemaphorePermit, bytes: OwnedSemaphorePermit) -> Self {
        gauge!("bwp_messages_in_hand").increment(1);
        gauge!("bwp_bytes_in_hand").increment(bytes.num_permits() as f64);
        Self { _message: message, bytes }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        gauge!("bwp_messages_in_hand").decrement(1);
        gauge!("bwp_bytes_in_hand").decrement(self.bytes.num_permits() as f64);
    }
}
