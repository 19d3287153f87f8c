//! What outlives a session with the broker: the way to the worker, the room for messages, what is known of them.
//!
//! Not here: deliveries and settlements.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use metrics::gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};

use super::company::Company;
use super::config::BrokerConfig;
use super::inbound::FirstSights;
use crate::ports::{BrokerState, Flow, Job};

/// What outlives a session.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) jobs: mpsc::Sender<Job>,
    /// Messages that may be in hand. Those of a lost session count until their call has ended.
    messages: Arc<Semaphore>,
    /// Bytes of bodies that may be in hand.
    bytes: Arc<Semaphore>,
    max_bytes: u32,
    pub(super) sights: Arc<Mutex<FirstSights>>,
    state: watch::Sender<BrokerState>,
    /// How many messages the worker lets us take.
    pub(super) flow: watch::Receiver<Flow>,
    /// How many messages were settled.
    pub(super) settled: Arc<AtomicU64>,
    pub(super) company: Company,
}

impl Intake {
    pub(super) fn new(
        config: &BrokerConfig,
        jobs: mpsc::Sender<Job>,
        state: watch::Sender<BrokerState>,
        flow: watch::Receiver<Flow>,
    ) -> Self {
        Self {
            jobs,
            state,
            flow,
            // the suspects' consumer has one of its own
            messages: Arc::new(Semaphore::new(usize::from(config.prefetch) + 1)),
            bytes: Arc::new(Semaphore::new(config.max_bytes_in_flight as usize)),
            max_bytes: config.max_bytes_in_flight,
            sights: Arc::default(),
            settled: Arc::default(),
            company: Company::default(),
        }
    }

    /// Waits for room. A message larger than all the room takes all of it.
    pub(super) async fn room(&self, bytes: usize) -> Option<Room> {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX).min(self.max_bytes);
        let message = Arc::clone(&self.messages).acquire_owned().await.ok()?;
        let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await.ok()?;
        Some(Room::of(message, bytes))
    }

    pub(super) fn show(&self, state: BrokerState) {
        gauge!("bwp_consumer_prefetch").set(state.prefetch.unwrap_or(0));
        self.state.send_replace(state);
    }

    /// Whether messages are taken from the broker.
    pub(super) fn is_consuming(&self) -> bool {
        self.state.borrow().prefetch.is_some()
    }

    /// Another prefetch; none while all calls are paused.
    pub(super) fn show_prefetch(&self, prefetch: Option<u16>) {
        gauge!("bwp_consumer_prefetch").set(prefetch.unwrap_or(0));
        self.state.send_modify(|state| (state.prefetch, state.resting) = (prefetch, prefetch.is_none()));
    }

    /// Something is wrong although the broker is there, or no longer.
    pub(super) fn show_cause(&self, cause: Option<String>) {
        self.state.send_modify(|state| (state.cause, state.since) = (cause, Timestamp::now()));
    }

    pub(super) fn sights(&self) -> std::sync::MutexGuard<'_, FirstSights> {
        self.sights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room that a message takes up while it is in hand.
pub(super) struct Room {
    _message: OwnedSemaphorePermit,
    bytes: OwnedSemaphorePermit,
}

impl Room {
    fn of(message: OwnedSemaphorePermit, bytes: OwnedSemaphorePermit) -> Self {
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
