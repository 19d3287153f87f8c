//! The life with the broker: connect, declare, consume; and all over again when any of it is lost.
//!
//! Not here: what becomes of a message; when to stop.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::StreamExt;
use jiff::Timestamp;
use lapin::{Connection, Event};
use metrics::{counter, gauge};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::claims::{Claims, try_claim};
use super::config::BrokerConfig;
use super::connection::{Frame, OpenError, close, close_channel, open};
use super::consumers::{ConsumerError, Consumers, Taken};
use super::inbound::{fingerprint, inbound};
use super::intake::Intake;
use super::publish::Publisher;
use super::settle::{Acknowledged, SettleError, Settler};
use super::topology::{TopologyError, declare};
use crate::ports::{BrokerState, ClaimRequest, Flow, Inbound, Job, Settling};

/// The longest wait between two tries to reach the broker: it bounds the time until work resumes.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// A session that lasted for so long, or settled a message, was a good one; the next pause starts small again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// Why a session ended that was not told to.
#[derive(Debug, thiserror::Error)]
enum Lost {
    #[error("cannot connect: {0}")]
    Open(#[from] OpenError),
    #[error(transparent)]
    Topology(#[from] TopologyError),
    #[error(transparent)]
    Consume(#[from] ConsumerError),
    #[error("cannot open a channel: {0}")]
    Channel(#[from] lapin::Error),
    #[error(transparent)]
    Settle(#[from] SettleError),
    #[error("the publishing connection is gone")]
    Publishing,
    #[error("nobody takes messages any more")]
    NoWorker,
}

impl Lost {
    /// The cause in one word.
    fn name(&self) -> &'static str {
        match self {
            Self::Open(_) => "not-connected",
            Self::Topology(_) => "topology",
            Self::Consume(ConsumerError::Failed { .. }) => "consumer",
            Self::Consume(ConsumerError::Cancelled(_)) => "consumer-cancelled",
            Self::Channel(_) => "channel",
            Self::Settle(_) => "settlement",
            Self::Publishing => "publishing-connection",
            Self::NoWorker => "no-worker",
        }
    }
}

/// Hands messages on as jobs and carries out their settlements, until `stop`.
///
/// Returns when all messages that were handed on are settled or given back. Whatever is lost on the
/// way (connection, channel, queue) is built anew, with the same prefetch.
pub async fn run(
    config: BrokerConfig,
    jobs: mpsc::Sender<Job>,
    state: watch::Sender<BrokerState>,
    flow: watch::Receiver<Flow>,
    claims: mpsc::UnboundedReceiver<ClaimRequest>,
    stop: CancellationToken,
) {
    let mut claims = Claims::new(&config, claims);
    let intake = Intake::new(&config, jobs, state, flow);
    let mut pauses = new_pauses();
    while !stop.is_cancelled() {
        let (started, settled) = (Instant::now(), intake.settled.load(Ordering::Relaxed));
        let lost = match session(&config, &intake, &mut claims, &stop).await {
            Ok(()) => return,
            Err(lost) => lost,
        };
        if started.elapsed() > GOOD_SESSION || intake.settled.load(Ordering::Relaxed) > settled {
            pauses = new_pauses();
        }
        let pause = pauses.next().unwrap_or(LONGEST_PAUSE);
        tracing::warn!(cause = %lost, retry_in_ms = pause.as_millis(), "not consuming");
        counter!("bwp_sessions_lost_total", "cause" => lost.name()).increment(1);
        intake.show(BrokerState::down(lost.to_string(), Timestamp::now(), Timestamp::now().checked_add(pause).ok()));
        if matches!(lost, Lost::NoWorker) {
            return;
        }
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn new_pauses() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        // jitter is added on top and can double it
        .with_max_delay(LONGEST_PAUSE / 2)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Consuming and publishing have a connection each: while publishers are blocked by an alarm, the broker
/// does not read acknowledgements on a connection that has published.
struct Session<'a> {
    config: &'a BrokerConfig,
    intake: &'a Intake,
    settler: Arc<Settler>,
    settling: TaskTracker,
    /// Takes the first failure of a settlement, which ends the session.
    failures: mpsc::Sender<SettleError>,
    /// Cancelled with the session: what can no longer be acknowledged is not settled either.
    ended: CancellationToken,
    began: (Instant, Timestamp),
}

async fn session(
    config: &BrokerConfig,
    intake: &Intake,
    claims: &mut Claims,
    stop: &CancellationToken,
) -> Result<(), Lost> {
    let Some(publishing) = unless_stopped(stop, open(config, "bwp-sync publish", Frame::Small)).await else {
        return Ok(());
    };
    let publishing = publishing?;
    let consuming = match unless_stopped(stop, open(config, "bwp-sync consume", Frame::Any)).await {
        Some(Ok(consuming)) => consuming,
        Some(Err(error)) => {
            close(&publishing).await;
            return Err(error.into());
        }
        None => {
            close(&publishing).await;
            return Ok(());
        }
    };
    let ended = consume(config, intake, claims, stop, &publishing, &consuming).await;
    // a connection that is half dead lets its close wait in vain: not one after the other
    tokio::join!(close(&consuming), close(&publishing));
    ended
}

async fn unless_stopped<T>(stop: &CancellationToken, setting_up: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = setting_up => Some(done),
        () = stop.cancelled() => None,
    }
}

async fn consume(
    config: &BrokerConfig,
    intake: &Intake,
    claims: &mut Claims,
    stop: &CancellationToken,
    publishing: &Connection,
    consuming: &Connection,
) -> Result<(), Lost> {
    let (blocked_sender, blocked) = watch::channel(false);
    let alarms = watch_alarms(publishing, blocked_sender, intake);
    if config.declare {
        declare(publishing, config).await?;
    }
    let publisher = Publisher::open(publishing, config.confirm_timeout, blocked.clone()).await?;
    let settler = Arc::new(Settler {
        publisher,
        config: config.clone(),
        results_wanted: AtomicBool::new(true),
        stop: stop.clone(),
    });
    let (failures, mut failed) = mpsc::channel(1);
    let ended = CancellationToken::new();
    let _ends_with_this = ended.clone().drop_guard();
    let settling = TaskTracker::new();
    let began = (Instant::now(), intake.sights().now());
    let session = Session { config, intake, settler, settling, failures, ended: ended.clone(), began };

    try_claim(consuming, config).await?;
    claims.begin();
    let mut consumers = Consumers::open(consuming, config).await?;
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        lost = session.pump(&mut consumers, blocked) => Err(lost),
        Some(error) = failed.recv() => Err(error.into()),
        () = alarms => Err(Lost::Publishing),
        never = intake.company.watch(consuming, &config.names.queue, || intake.is_consuming()) => match never {},
        never = claims.serve(consuming) => match never {},
    };
    if ended.is_ok() {
        intake.show(BrokerState::down("stopping", Timestamp::now(), None));
        consumers.cancel().await;
        session.settling.close();
        tokio::select! {
            () = session.settling.wait() => {}
            never = claims.serve(consuming) => match never {},
        }
        consumers.close().await;
        close_channel(session.settler.publisher.channel()).await;
    }
    ended
}

/// Tells when the broker blocks publishers. Ends with the connection.
async fn watch_alarms(connection: &Connection, blocked: watch::Sender<bool>, intake: &Intake) {
    gauge!("bwp_paused", "cause" => "broker-blocked").set(0);
    let mut events = connection.events_listener();
    while let Some(event) = events.next().await {
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(reason, "the broker has blocked publishers: nothing is taken until it lifts that");
                blocked.send_replace(true);
                gauge!("bwp_paused", "cause" => "broker-blocked").set(1);
                intake.show_cause(Some(format!("the broker has blocked publishers: {reason}")));
            }
            Event::ConnectionUnblocked => {
                tracing::info!("the broker has unblocked publishers");
                blocked.send_replace(false);
                gauge!("bwp_paused", "cause" => "broker-blocked").set(0);
                intake.show_cause(None);
            }
            Event::Error(_) => break,
            _ => {}
        }
    }
}

impl Session<'_> {
    /// Takes deliveries, as many at a time as the flow allows, until one of the consumers ends by itself.
    async fn pump(&self, consumers: &mut Consumers, mut blocked: watch::Receiver<bool>) -> Lost {
        let mut flow = self.intake.flow.clone();
        let mut present = None;
        loop {
            let wanted = *flow.borrow_and_update();
            if present != Some(wanted) {
                match self.turn_to(wanted, consumers).await {
                    Ok(prefetch) if present.is_none() => self.intake.show(BrokerState::up(prefetch, Timestamp::now())),
                    Ok(prefetch) => self.intake.show_prefetch(prefetch),
                    Err(lost) => return lost,
                }
                present = Some(wanted);
            }
            let is_blocked = *blocked.borrow_and_update();
            let taken = tokio::select! {
                taken = consumers.next(), if !is_blocked => taken,
                () = changed(&mut blocked) => continue,
                () = changed(&mut flow) => continue,
            };
            let handed_on = match taken {
                Ok(taken) => self.hand_on(taken).await,
                Err(error) => Err(error.into()),
            };
            if let Err(lost) = handed_on {
                return lost;
            }
        }
    }

    /// Consumes with the prefetch that the flow wants, which is returned. What has been delivered by then is handed on: the worker, which
    /// knows of the flow, sends it through a retry queue rather than have the broker count a delivery in vain.
    async fn turn_to(&self, flow: Flow, consumers: &mut Consumers) -> Result<Option<u16>, Lost> {
        for taken in consumers.pause().await? {
            self.hand_on(taken).await?;
        }
        let prefetch = match flow {
            Flow::Full => Some(self.config.prefetch),
            Flow::One => Some(1),
            Flow::Nothing => None,
        };
        if let Some(prefetch) = prefetch {
            consumers.resume(prefetch).await?;
            tracing::info!(queue = self.config.names.queue, prefetch, "consuming");
        }
        Ok(prefetch)
    }

    /// Makes a job of a delivery, once there is room for it.
    async fn hand_on(&self, Taken { delivery, queue, suspect }: Taken) -> Result<(), Lost> {
        let Some(room) = self.intake.room(delivery.data.len()).await else { return Err(Lost::NoWorker) };
        let (alone_since, unseen_since) = self.intake.company.is_alone().then_some(self.began).unzip();
        let sight = self.intake.sights().sight(&delivery, unseen_since);
        let inbound = Arc::new(Inbound { alone_since, ..inbound(&delivery, &queue, suspect, sight, &self.ended) });
        let (settle, settled) = oneshot::channel();
        let job = Job { inbound: Arc::clone(&inbound), settle };
        if self.intake.jobs.send(job).await.is_err() {
            return Err(Lost::NoWorker);
        }
        let (settler, failures) = (Arc::clone(&self.settler), self.failures.clone());
        let ended = self.ended.clone();
        let (sights, settled_so_far) = (Arc::clone(&self.intake.sights), Arc::clone(&self.intake.settled));
        self.settling.spawn(async move {
            let _room = room;
            // no settlement: the message is given back when its channel closes
            let Ok(Settling { settlement, carried_out }) = settled.await else { return };
            let outcome = tokio::select! {
                biased;
                () = ended.cancelled() => return,
                outcome = settler.settle(&delivery, &inbound, &settlement) => outcome,
            };
            let mut sights = sights.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Ok(Acknowledged::Yes) => {
                    sights.forget(fingerprint(&delivery));
                    settled_so_far.fetch_add(1, Ordering::Relaxed);
                    // whoever handled it may be gone with the process that stops
                    carried_out.send(()).ok();
                }
                Ok(Acknowledged::Stale) => {
                    counter!("bwp_stale_acks_total").increment(1);
                    tracing::info!("acknowledged too late: the message will come again");
                }
                Err(error) => {
                    if error.blames_the_message() {
                        sights.blame(fingerprint(&delivery));
                    }
                    // full means that another failure has ended the session already
                    drop(failures.try_send(error));
                }
            }
        });
        Ok(())
    }
}

/// Resolves when the value changes; never once nobody is left to change it, which others notice.
async fn changed<T>(value: &mut watch::Receiver<T>) {
    if value.changed().await.is_err() {
        pending::<()>().await;
    }
}
