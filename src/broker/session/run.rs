//! The loop of sessions with the broker: connect, declare, consume, and all over again when any of it is lost.
//!
//! Not here: the way of a delivery (`pump`); when to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBuilder};
use futures_util::{Stream, StreamExt};
use jiff::Timestamp;
use lapin::{Connection, Event};
use metrics::{counter, gauge};
use tokio::sync::{Mutex, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::acks::Acks;
use super::consuming::Consuming;
use super::depths::{begin_depths, tell_depths};
use super::head;
use super::intake::Intake;
use super::lost::Lost;
use super::pump::Pump;
use super::settle::Settler;
use super::tries::Tries;
use crate::broker::config::BrokerConfig;
use crate::broker::connection::{Frame, close, open, open_with_wire};
use crate::broker::publish::Publisher;
use crate::broker::topology::declare;
use crate::ports::{BrokerState, Job};

/// The longest backoff between two tries to reach the broker: it bounds the time until work resumes.
const LONGEST_BACKOFF: Duration = Duration::from_secs(5);
/// A session that lasted for so long, or settled a message, was a good one: the backoff starts small again.
const GOOD_SESSION: Duration = Duration::from_secs(10);

/// How long a step of a session's set-up may take. Queues that were declared by then are there for the next try.
const SET_UP_WITHIN: Duration = Duration::from_secs(20);

/// Hands messages on as jobs and carries out their settlements, until `stop`.
///
/// Returns when all messages that were handed on are settled or requeued. A lost connection, channel or queue is built
/// anew, with the same prefetch.
pub async fn run(
    config: BrokerConfig,
    jobs: mpsc::Sender<Job>,
    state: watch::Sender<BrokerState>,
    stop: CancellationToken,
) {
    let intake = Intake::new(&config, jobs, state);
    let mut backoffs = new_backoffs();
    let (mut number, mut frame) = (0, Frame::Small);
    while !stop.is_cancelled() {
        number += 1;
        let (started, settled) = (Instant::now(), intake.settled.load(Ordering::Relaxed));
        let lost = match session(&config, &intake, number, frame, &stop).await {
            Ok(()) => return,
            Err(lost) => lost,
        };
        if started.elapsed() > GOOD_SESSION || intake.settled.load(Ordering::Relaxed) > settled {
            backoffs = new_backoffs();
        }
        let backoff = backoffs.next().unwrap_or(LONGEST_BACKOFF);
        tracing::warn!(cause = %lost, retry_in_ms = backoff.as_millis(), "not consuming");
        counter!("bwp_sessions_lost_total", "cause" => lost.name()).increment(1);
        intake.show(BrokerState::down(lost.to_string(), Timestamp::now(), Timestamp::now().checked_add(backoff).ok()));
        if matches!(lost, Lost::NoWorker) {
            return;
        }
        if lost.is_frame_too_large() {
            frame = Frame::Any;
        }
        tokio::select! {
            () = tokio::time::sleep(backoff) => {}
            () = stop.cancelled() => {}
        }
    }
}

fn new_backoffs() -> impl Iterator<Item = Duration> {
    ExponentialBuilder::default()
        .with_min_delay(Duration::from_millis(100))
        // jitter can double the backoff
        .with_max_delay(LONGEST_BACKOFF / 2)
        .with_jitter()
        .without_max_times()
        .build()
}

/// Runs one session. Consuming and publishing have a connection each: during an alarm, the broker does not read
/// acknowledgements on a connection that has published.
async fn session(
    config: &BrokerConfig,
    intake: &Intake,
    number: u64,
    frame: Frame,
    stop: &CancellationToken,
) -> Result<(), Lost> {
    let Some(publishing) = unless_stopped(stop, open(config, "bwp-sync publish", Frame::Small)).await else {
        return Ok(());
    };
    let publishing = Arc::new(publishing?);
    let ended = consume(config, intake, (number, frame), stop, &publishing).await;
    begin_depths(config);
    head::no_session();
    close(&publishing).await;
    ended
}

async fn unless_stopped<T>(stop: &CancellationToken, setting_up: impl Future<Output = T>) -> Option<T> {
    tokio::select! {
        done = setting_up => Some(done),
        () = stop.cancelled() => None,
    }
}

/// Waits for a step of a session's set-up. Heartbeats go on where a node waits for another one that hangs, so nothing else
/// would end that wait, or tell of it.
async fn in_time<T, E: Into<Lost>>(step: impl Future<Output = Result<T, E>>) -> Result<T, Lost> {
    tokio::time::timeout(SET_UP_WITHIN, step).await.map_err(|_elapsed| Lost::Unanswered)?.map_err(Into::into)
}

async fn consume(
    config: &BrokerConfig,
    intake: &Intake,
    (number, frame): (u64, Frame),
    stop: &CancellationToken,
    publishing: &Arc<Connection>,
) -> Result<(), Lost> {
    let (blocked_sender, blocked) = watch::channel(false);
    if config.declare {
        in_time(declare(publishing, config)).await?;
    }
    // an alarm may come from the first publication on
    let alarms = watch_alarms(publishing, publishing.events_listener(), blocked_sender, intake);
    let publisher = async || Publisher::open(publishing, config.confirm_timeout, blocked.clone()).await;
    let (results, copies) = (in_time(publisher()).await?, in_time(publisher()).await?);
    let Some(opened) = unless_stopped(stop, open_with_wire(config, "bwp-sync consume", frame)).await else {
        return Ok(());
    };
    let (connection, wire) = opened?;
    let tries = Tries {
        publisher: copies.clone(),
        channel: in_time(connection.create_channel()).await?,
        queue: config.names.tries(),
        unended: Arc::clone(&intake.unended),
    };
    // before another process can have to count them
    in_time(tries.look()).await?;
    in_time(tries.end_all()).await?;
    let mut consuming = Consuming::begin(connection, wire, config, SET_UP_WITHIN).await?;
    tracing::info!(queue = config.names.queue, prefetch = config.prefetch, "consuming");
    intake.show(BrokerState::up(config.prefetch, Timestamp::now()));

    let settler = Arc::new(Settler {
        results,
        copies,
        publishing: Arc::clone(publishing),
        declared_again: Mutex::default(),
        config: config.clone(),
        results_wanted: AtomicBool::new(true),
        stop: stop.clone(),
    });
    let (failures, mut failed) = mpsc::channel(1);
    let lost = CancellationToken::new();
    let head = intake.next_head();
    let acks = Acks::new(intake, config.prefetch, head.clone(), failures.clone());
    let sending = acks.begin();
    let pump = Pump {
        intake,
        queue: config.names.queue.clone(),
        number,
        settler: Arc::clone(&settler),
        tries: tries.clone(),
        acks,
        settling: TaskTracker::new(),
        failures,
        lost: lost.clone(),
        head: head.clone(),
        calls_until: consuming.calls_until.subscribe(),
    };
    let look = consuming.look();
    let ended = tokio::select! {
        () = stop.cancelled() => Ok(()),
        lost = pump.run(&mut consuming) => Err(lost),
        Some(failure) = failed.recv() => Err(failure),
        () = alarms => Err(Lost::Publishing),
        error = look.repeat() => Err(error.into()),
        never = tell_depths(publishing, blocked.clone(), config) => match never {},
        never = head.tell() => match never {},
        () = head.one_is_held_for(config.give_back_after) => Err(Lost::HeldTooLong),
    };
    match &ended {
        Ok(()) => {
            intake.show(BrokerState::down("stopping", Timestamp::now(), None));
            pump.settling.close();
            pump.settling.wait().await;
            sending.end().await;
            lost.cancel();
        }
        // nothing more is begun or settled: messages in flight are redelivered
        Err(_) => {
            lost.cancel();
            sending.end_if_possible().await;
        }
    }
    consuming.give_back().await;
    ended
}

/// Watches whether the broker blocks publishers. Ends with the connection.
async fn watch_alarms(
    connection: &Connection,
    mut events: impl Stream<Item = Event> + Unpin,
    blocked: watch::Sender<bool>,
    intake: &Intake,
) {
    gauge!("bwp_paused", "cause" => "broker-blocked").set(0);
    while let Some(event) = events.next().await {
        match event {
            Event::ConnectionBlocked(reason) => {
                tracing::warn!(reason, "the broker has blocked publishers: nothing is taken until it lifts that");
                blocked.send_replace(true);
                gauge!("bwp_paused", "cause" => "broker-blocked").set(1);
                intake.show_blocked(Some(format!("the broker has blocked publishers: {reason}")));
            }
            Event::ConnectionUnblocked => {
                tracing::info!("the broker has unblocked publishers");
                blocked.send_replace(false);
                gauge!("bwp_paused", "cause" => "broker-blocked").set(0);
                intake.show_blocked(None);
            }
            // an error of a channel ends the users of the channel
            Event::Error(_) if !connection.status().connected() => break,
            _ => {}
        }
    }
}
