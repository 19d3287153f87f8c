//! Acknowledges the settled deliveries of one session, many at a time.
//!
//! Not here: which of them are due (`window`); what a settlement publishes (`settle`).

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use lapin::Acker;
use lapin::options::BasicAckOptions;
use metrics::counter;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio::time::{Instant, sleep_until, timeout};
use tokio_util::task::AbortOnDropHandle;

use super::head::Head;
use super::intake::{Intake, Room};
use super::lost::Lost;
use super::tracking::Tracking;
use super::window::{PATIENCE, Window};
use crate::broker::connection::acknowledge;

/// How long a session that is lost acknowledges what it has settled. The rest comes again.
const REST_WITHIN: Duration = Duration::from_secs(1);

/// A delivery whose result, letter or hop is confirmed, and what waits for its acknowledgement.
#[derive(Debug)]
pub(super) struct Settled {
    pub(super) tag: u64,
    pub(super) acker: Acker,
    pub(super) fingerprint: u64,
    /// Tells the handler. It may be gone with the process that stops.
    pub(super) carried_out: oneshot::Sender<()>,
    pub(super) room: Room,
    /// Whether it waits for none before it, as for a hop. The copy lies in a retry queue already. Were the message itself
    /// delivered again, the copy could come after what follows it.
    pub(super) at_once: bool,
}

/// The deliveries of one session that are to be acknowledged. Tags mean nothing in another one.
#[derive(Clone, Debug)]
pub(super) struct Acks(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    window: Mutex<Window<Settled>>,
    changed: Notify,
    /// Nothing more is settled.
    ends: AtomicBool,
    tracking: Arc<Mutex<Tracking>>,
    head: Head,
    /// How many messages were settled.
    settled: Arc<AtomicU64>,
    /// Takes the first failure, which ends the session.
    failures: mpsc::Sender<Lost>,
}

impl Acks {
    /// The deliveries of a session that begins.
    pub(super) fn new(intake: &Intake, prefetch: u16, head: Head, failures: mpsc::Sender<Lost>) -> Self {
        Self(Arc::new(Shared {
            window: Mutex::new(Window::new(prefetch)),
            changed: Notify::new(),
            ends: AtomicBool::new(false),
            tracking: Arc::clone(&intake.tracking),
            head,
            settled: Arc::clone(&intake.settled),
            failures,
        }))
    }

    /// A delivery has come. None that comes later is settled before this is known.
    pub(super) fn arrives(&self, tag: u64) {
        self.0.window().arrives(tag);
    }

    /// A delivery is to be acknowledged.
    pub(super) fn settled(&self, delivery: Settled) {
        let now = Instant::now();
        let until = if delivery.at_once { now } else { now + PATIENCE };
        self.0.window().settled(delivery.tag, delivery, until);
        self.0.changed.notify_one();
    }

    /// Begins to send acknowledgements.
    pub(super) fn begin(&self) -> Sending {
        let shared = Arc::clone(&self.0);
        let sends = AbortOnDropHandle::new(tokio::spawn(async move { shared.send_all().await }));
        Sending { acks: self.clone(), sends }
    }
}

/// Acknowledgements on their way.
#[derive(Debug)]
pub(super) struct Sending {
    acks: Acks,
    sends: AbortOnDropHandle<()>,
}

impl Sending {
    /// Acknowledges all that is settled, and ends.
    pub(super) async fn end(self) {
        self.acks.0.ends.store(true, Ordering::Release);
        self.acks.0.changed.notify_one();
        // nobody aborts it, and it does not panic
        self.sends.await.ok();
    }

    /// Does as [`Sending::end`] does, as long as the connection takes it, and gives up the rest. A message that waits for
    /// its acknowledgement keeps those behind it waiting, and they keep this window: nobody else would end that.
    pub(super) async fn end_if_possible(self) {
        let acks = self.acks.clone();
        timeout(REST_WITHIN, self.end()).await.ok();
        let rest = acks.0.window().give_up();
        drop(rest);
    }
}

impl Shared {
    async fn send_all(&self) {
        loop {
            let ends = self.ends.load(Ordering::Acquire);
            let (due, deadline) = {
                let mut window = self.window();
                let due = if ends { window.rest() } else { window.due(Instant::now()) };
                (due, window.deadline())
            };
            if !due.is_empty() {
                // all are on their way before an acknowledgement that covers a higher one
                let mut sent: FuturesUnordered<_> = due.into_iter().map(|together| self.send(together)).collect();
                while sent.next().await.is_some() {}
            } else if ends {
                return;
            } else {
                tokio::select! {
                    () = self.changed.notified() => {}
                    () = sleep_until_or_never(deadline) => {}
                }
            }
        }
    }

    /// Sends one acknowledgement, by the last of the deliveries that it covers.
    async fn send(&self, together: Vec<Settled>) {
        let Some(last) = together.last() else { return };
        let options = BasicAckOptions { multiple: together.len() > 1 };
        match acknowledge(&last.acker, options).await {
            Ok(true) => self.acknowledged(together),
            Ok(false) => {
                counter!("bwp_stale_acks_total").increment(together.len() as u64);
                tracing::info!(messages = together.len(), "acknowledged too late: they will be redelivered");
            }
            // full means that another failure has ended the session already
            Err(error) => drop(self.failures.try_send(Lost::Ack(error))),
        }
    }

    fn acknowledged(&self, together: Vec<Settled>) {
        {
            let mut tracking = self.tracking.lock().unwrap_or_else(PoisonError::into_inner);
            together.iter().for_each(|delivery| tracking.forget(delivery.fingerprint));
        }
        self.head.settled(together.iter().map(|delivery| delivery.tag));
        self.settled.fetch_add(together.len() as u64, Ordering::Relaxed);
        for Settled { carried_out, room, .. } in together {
            carried_out.send(()).ok();
            drop(room);
        }
    }

    /// A panic in another task leaves nothing half done in here.
    fn window(&self) -> MutexGuard<'_, Window<Settled>> {
        self.window.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn sleep_until_or_never(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline).await,
        None => pending().await,
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;
    use tokio::sync::Semaphore;
    use tokio::sync::oneshot::error::TryRecvError;

    use super::*;

    #[tokio::test]
    async fn what_is_settled_when_its_session_has_ended_keeps_nobody_waiting() {
        let (failures, _failed) = mpsc::channel(1);
        let acks = Acks(Arc::new(Shared {
            window: Mutex::new(Window::new(16)),
            changed: Notify::new(),
            ends: AtomicBool::new(false),
            tracking: Arc::default(),
            head: Head::default(),
            settled: Arc::default(),
            failures,
        }));
        acks.arrives(1);
        acks.begin().end_if_possible().await;
        let ((carried_out, mut done), room) = (oneshot::channel(), Arc::new(Semaphore::new(2)));
        let one = || Arc::clone(&room).try_acquire_owned().unwrap();
        let acker = Delivery::mock(1, "".into(), "".into(), false, Vec::new()).acker;
        let (room, at_once) = (Room::of(one(), one()), false);
        acks.settled(Settled { tag: 1, acker, fingerprint: 0, carried_out, room, at_once });
        // others of its order hold on to the deliveries of their session meanwhile
        assert_eq!((done.try_recv(), Arc::strong_count(&acks.0)), (Err(TryRecvError::Closed), 1));
    }
}
