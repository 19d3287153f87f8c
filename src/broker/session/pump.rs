//! The way of a delivery: room for it, a job for the worker, its settlement.
//!
//! Not here: the connections; which settlement a message gets; its acknowledgement (`acks`).

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};

use lapin::message::Delivery;
use metrics::counter;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::acks::{Acks, Settled};
use super::consuming::Consuming;
use super::head::Head;
use super::inbound::{Circumstances, delivery_count, inbound};
use super::intake::{Intake, Room};
use super::lost::Lost;
use super::settle::{SettleError, Settler};
use super::tracking::fingerprint;
use super::tries::{Tries, TriesError};
use crate::ports::{Handling, Inbound, Job, Session, Settlement, Settling};

/// Deliveries of a message without a settlement, by the broker's count, after which it is a suspect and handled alone.
/// It may be the message that ends the processes. The broker counts lost connections and restarts, too, so the count
/// alone decides nothing.
const SUSPECT_AFTER: u64 = 5;

/// Hands deliveries on as jobs, in their order, and carries out their settlements.
pub(super) struct Pump<'a> {
    pub(super) intake: &'a Intake,
    pub(super) queue: String,
    pub(super) number: u64,
    pub(super) settler: Arc<Settler>,
    pub(super) tries: Tries,
    pub(super) acks: Acks,
    pub(super) settling: TaskTracker,
    /// Takes the first failure of a settlement, which ends the session.
    pub(super) failures: mpsc::Sender<Lost>,
    /// Cancelled with the session: its messages can no longer be acknowledged, so none is settled.
    pub(super) lost: CancellationToken,
    pub(super) head: Head,
    pub(super) calls_until: watch::Receiver<Instant>,
}

impl Pump<'_> {
    /// Takes deliveries until none comes any more.
    pub(super) async fn run(&self, consuming: &mut Consuming) -> Lost {
        // no more than the prefetch
        let (arrives, arrivals) = mpsc::unbounded_channel();
        tokio::select! {
            lost = self.read(consuming, arrives) => lost,
            lost = self.hand_all_on(arrivals) => lost,
        }
    }

    /// Notes the time of each delivery when it comes, before it waits for room.
    async fn read(&self, consuming: &mut Consuming, arrives: mpsc::UnboundedSender<Arrival>) -> Lost {
        let mut session = None;
        loop {
            let delivery = match consuming.next().await {
                Ok(delivery) => delivery,
                Err(error) => return error.into(),
            };
            let at = Instant::now();
            // a body may be large, so it is hashed once
            let fingerprint = fingerprint(&delivery);
            self.head.arrives(&delivery, fingerprint, at);
            self.acks.arrives(delivery.delivery_tag);
            let message_id = delivery.properties.message_id().as_ref().map(ToString::to_string);
            self.intake.show_waiting(delivery.delivery_tag, message_id);
            let session = session.get_or_insert_with(|| self.active(&delivery)).clone();
            if arrives.send(Arrival { delivery, fingerprint, at, session }).is_err() {
                return Lost::NoWorker;
            }
        }
    }

    /// Hands deliveries on, except while the broker blocks publishers. A first question at the start lets a worker
    /// without messages know of an alarm.
    async fn hand_all_on(&self, mut arrivals: mpsc::UnboundedReceiver<Arrival>) -> Lost {
        let handed_on = async {
            self.until_unblocked().await?;
            while let Some(arrival) = arrivals.recv().await {
                self.until_unblocked().await?;
                self.hand_on(arrival).await?;
            }
            Err(Lost::NoWorker)
        };
        let Err(lost): Result<Infallible, Lost> = handed_on.await;
        lost
    }

    async fn until_unblocked(&self) -> Result<(), Lost> {
        self.settler.results.until_unblocked().await.map_err(|error| SettleError::from(error).into())
    }

    /// The first delivery has come: this worker is the active one from now on.
    fn active(&self, first: &Delivery) -> Session {
        let took_over = first.redelivered;
        tracing::info!(queue = self.queue, took_over, "active");
        self.intake.show_active();
        if took_over {
            counter!("bwp_takeovers_total").increment(1);
        }
        Session {
            number: self.number,
            lost: self.lost.clone(),
            took_over_at: took_over.then(Instant::now),
            calls_until: Some(self.calls_until.clone()),
        }
    }

    /// Makes a job of a delivery, once there is room for it. A suspect has all the room.
    async fn hand_on(&self, Arrival { mut delivery, fingerprint, at, session }: Arrival) -> Result<(), Lost> {
        let suspect = delivery_count(&delivery) >= SUSPECT_AFTER;
        let room = match suspect {
            true => self.intake.all_room().await,
            false => self.intake.room(delivery.data.len()).await,
        };
        let room = room.ok_or(Lost::NoWorker)?;
        let tracked = self.intake.tracking().track(fingerprint, delivery.redelivered);
        let queue = self.queue.clone();
        // it may be large, so there is one
        let body = std::mem::take(&mut delivery.data);
        let inbound = inbound(&delivery, Circumstances { queue, taken_at: Some(at), session, tracked, suspect });
        let inbound = Arc::new(Inbound { body, ..inbound });
        let (settle, settled) = oneshot::channel();
        let (tell, handlings) = suspect.then(|| mpsc::channel(1)).unzip();
        let job = Job { inbound: Arc::clone(&inbound), settle, handlings: tell };
        self.intake.jobs.send(job).await.map_err(|_closed| Lost::NoWorker)?;
        self.intake.show_taken(delivery.delivery_tag);
        let in_flight = InFlight { delivery, fingerprint, inbound, room };
        self.settling.spawn(self.settled(in_flight, settled, handlings));
        Ok(())
    }

    /// Records the handlings of a message, waits for its settlement and carries it out.
    fn settled(
        &self,
        in_flight: InFlight,
        settled: oneshot::Receiver<Settling>,
        handlings: Option<mpsc::Receiver<Handling>>,
    ) -> impl Future<Output = ()> + use<> {
        let (settler, acks, failures) = (Arc::clone(&self.settler), self.acks.clone(), self.failures.clone());
        let (lost, tracking) = (self.lost.clone(), Arc::clone(&self.intake.tracking));
        let recording = handlings.map(|handlings| (handlings, self.tries.clone()));
        async move {
            let InFlight { delivery, fingerprint, inbound, room } = in_flight;
            if let Some((mut handlings, tries)) = recording {
                let recorded = Box::pin(async {
                    while let Some(handling) = handlings.recv().await {
                        tries.record(&delivery.properties, &inbound.body, handling).await?;
                    }
                    Ok::<_, TriesError>(())
                });
                let recorded = tokio::select! {
                    biased;
                    () = lost.cancelled() => Ok(()),
                    recorded = recorded => recorded,
                };
                if let Err(error) = recorded {
                    drop(failures.try_send(error.into()));
                }
                // after a lost session the handler gets no answer, since its channel ends here
            }
            // it takes up room until its call has ended, also after a lost session
            let settling = settled.await.ok();
            // boxed: a task that waits for its settlement needs no room for carrying it out
            let carry_out = Box::pin(async {
                // no settlement: the message is requeued with its session
                let Some(Settling { settlement, carried_out, trace }) = settling else { return };
                let settled = settler.settle(&delivery.properties, &inbound, &settlement).instrument(trace).await;
                match settled {
                    Ok(()) => {
                        let (tag, acker) = (delivery.delivery_tag, delivery.acker);
                        let at_once = matches!(*settlement, Settlement::Later(_));
                        acks.settled(Settled { tag, acker, fingerprint, carried_out, room, at_once });
                    }
                    Err(error) => {
                        if error.blames_the_message() {
                            tracking.lock().unwrap_or_else(PoisonError::into_inner).blame(fingerprint);
                        }
                        // full means that another failure has ended the session already
                        drop(failures.try_send(error.into()));
                    }
                }
            });
            tokio::select! {
                biased;
                () = lost.cancelled() => {}
                () = carry_out => {}
            }
        }
    }
}

/// A delivery that has come.
struct Arrival {
    delivery: Delivery,
    fingerprint: u64,
    at: Instant,
    session: Session,
}

/// A message that is with the worker.
#[derive(Debug)]
struct InFlight {
    delivery: Delivery,
    fingerprint: u64,
    inbound: Arc<Inbound>,
    room: Room,
}
