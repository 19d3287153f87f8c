//! A message on its way through the pool.
//!
//! Not here: where it goes next.

use std::sync::Arc;

use super::clock::Clock;
use super::label::Label;
use super::open::{Delivered, Opened};
use super::status::{Held, InFlight, Status};
use crate::ports::{Job, WaitReason};

/// A message on its way through the pool.
#[derive(Debug)]
pub(super) struct Work {
    /// The delivery, and where its settlement is expected.
    pub(super) job: Job,
    /// Its names.
    pub(super) label: Arc<Label>,
    opened: Opened,
    /// Begun with its first turn.
    pub(super) clock: Option<Clock>,
    /// While it waits in its lane.
    waits: Option<Held>,
    status: Arc<Status>,
    /// Until it is settled or given back.
    _in_flight: InFlight,
}

impl Work {
    pub(super) fn new(job: Job, label: Label, opened: Opened, status: Arc<Status>) -> Self {
        let _in_flight = status.in_flight(job.inbound.taken_at);
        Self { job, label: Arc::new(label), opened, clock: None, waits: None, status, _in_flight }
    }

    /// The delivery with everything that was found in it.
    pub(super) fn delivered(&self) -> Delivered<'_> {
        Delivered { inbound: &self.job.inbound, label: &self.label, opened: &self.opened }
    }

    /// Shows that its settlement is on its way until the returned guard is dropped.
    pub(super) fn waits_for_confirm(&self) -> Held {
        self.status.holds(&self.label, WaitReason::Confirm)
    }

    /// It waits in its lane from now on, or no longer.
    pub(super) fn waits_in_lane(&mut self, waits: bool) {
        self.waits = waits.then(|| self.status.holds(&self.label, WaitReason::Order));
    }
}
