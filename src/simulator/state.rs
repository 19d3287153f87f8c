//! State that all connections of one simulator share. Every lock is held for one step only.
//! Not here: anything that waits.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::broadcast;

use super::behaviour::Behaviour;
use super::config::Config;
use super::engine::Dialects;
use super::events::CallEvent;
use super::fault::FaultRules;
use super::magic::Magic;
use super::store::Store;
use super::tokens::Tokens;

/// Events that are kept for a test that reads them late.
const EVENTS_KEPT: usize = 4096;

#[derive(Debug)]
pub(super) struct State {
    pub(super) config: Config,
    pub(super) dialects: Dialects,
    pub(super) events: broadcast::Sender<CallEvent>,
    store: Mutex<Store>,
    tokens: Mutex<Tokens>,
    faults: Mutex<FaultRules>,
    magic: Mutex<Magic>,
    behaviour: Mutex<Behaviour>,
    calls: AtomicU64,
}

impl State {
    pub(super) fn new(config: Config) -> Result<Self, String> {
        Ok(Self {
            dialects: Dialects::load(&config.unknown_fields)?,
            events: broadcast::Sender::new(EVENTS_KEPT),
            store: Mutex::new(Store::new(config.order_ids.clone())),
            tokens: Mutex::default(),
            faults: Mutex::new(FaultRules::new(config.faults.clone(), config.seed)),
            magic: Mutex::default(),
            behaviour: Mutex::new(config.behaviour),
            calls: AtomicU64::new(0),
            config,
        })
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        held(&self.store)
    }

    pub(super) fn tokens(&self) -> MutexGuard<'_, Tokens> {
        held(&self.tokens)
    }

    pub(super) fn faults(&self) -> MutexGuard<'_, FaultRules> {
        held(&self.faults)
    }

    pub(super) fn magic(&self) -> MutexGuard<'_, Magic> {
        held(&self.magic)
    }

    pub(super) fn behaviour(&self) -> Behaviour {
        *held(&self.behaviour)
    }

    pub(super) fn behave(&self, behaviour: Behaviour) {
        *held(&self.behaviour) = behaviour;
    }

    /// The number of a new call.
    pub(super) fn next_call(&self) -> u64 {
        self.calls.fetch_add(1, Ordering::Relaxed)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
