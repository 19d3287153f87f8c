//! A message on its way through the pool.
//!
//! Not here: where it goes next.

use std::sync::Arc;

use tracing::Span;

use super::clock::Clock;
use super::label::Label;
use super::open::{Delivered, Opened};
use super::status::{Held, InFlight, Status};
use crate::ports::{Job, WaitReason};
use crate::trace::{self, Relation};

/// A message on its way through the pool.
#[derive(Debug)]
pub(super) struct Work {
    /// The delivery, and where its settlement is expected.
    pub(super) job: Job,
    /// Its names.
    pub(super) label: Arc<Label>,
    /// From its delivery to its settlement, for a collector of traces.
    pub(super) trace: Span,
    /// Of its log lines.
    pub(super) log: Span,
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
    pub(super) fn new(job: Job, label: Label, opened: Opened, status: Arc<Status>, relation: Relation) -> Self {
        let trace = span(&job, &label, relation);
        let log = label.span();
        if let Some(id) = trace::trace_id(&trace) {
            log.record("trace_id", id);
        }
        let _in_flight = status.in_flight(job.inbound.taken_at);
        Self { job, label: Arc::new(label), trace, log, opened, clock: None, waits: None, status, _in_flight }
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

fn span(job: &Job, label: &Label, relation: Relation) -> Span {
    let inbound = &job.inbound;
    let delivered = trace::Delivered {
        headers: &inbound.headers,
        exchange: &inbound.exchange,
        routing_key: &inbound.routing_key,
        queue: &inbound.queue,
        message_id: &label.message_id,
        order: label.order.as_deref(),
        bytes: inbound.body.len(),
        attempts: inbound.history.attempts,
        replays: inbound.history.replays,
    };
    trace::process(&delivered, relation)
}
