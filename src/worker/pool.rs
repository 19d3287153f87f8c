//! Which messages are handled when: one at a time for an order, orders side by side, and a fence around each.
//!
//! Not here: how many there may be in all; whoever hands jobs out bounds that.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::context::Context;
use super::handle::{after_panic, bury, handle, lane_of};
use super::lanes::{Lanes, Turn};
use super::record::record;
use crate::domain::outcome::body_id;
use crate::ports::{History, Inbound, Job, Later, OrderApi, Settlement, Settling};

/// Handles jobs until there are no more, or until `stop`.
///
/// After `stop` nothing new is begun, what is under way goes on to its end, the rest is dropped unsettled,
/// which gives it back.
pub async fn run<A: OrderApi>(context: Arc<Context<A>>, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
    let mut lanes = Lanes::default();
    let mut probing = std::pin::pin!(context.pace.probe_when_due());
    let mut running: JoinSet<Ended> = JoinSet::new();
    let (mut more, mut stopping) = (true, false);
    while more || !running.is_empty() {
        tokio::select! {
            () = &mut probing => {}
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                context.pace.stop();
                lanes.give_back();
            }
            job = jobs.recv(), if more => match job {
                Some(job) if stopping => drop(job),
                Some(job) => match fenced_lane_of(&context, &job.inbound) {
                    None => begin(&mut running, &context, None, job, Turn::Now),
                    Some(lane) => {
                        if let Some(job) = lanes.enter(&lane, job) {
                            begin_in_lane(&mut running, &context, &mut lanes, lane, job);
                        }
                    }
                },
                None => more = false,
            },
            Some(ended) = running.join_next() => {
                // a task ends by itself: its panics are caught inside, and nobody aborts it
                let Ok(Ended { lane: Some(lane), message, was_here, turn, end }) = ended else { continue };
                let now = Instant::now();
                match (turn, end) {
                    (Turn::Behind(queue), End::Away(_, until)) => lanes.followed(&lane, message, was_here, queue, until),
                    (Turn::Behind(queue), End::Lost) => lanes.followed(&lane, message, was_here, queue, now),
                    (Turn::Now, End::Away(queue, until)) => lanes.comes_again(&lane, message, queue, until),
                    // the broker may well give what comes after it first
                    (Turn::Now, End::Lost) => lanes.comes_again(&lane, message, 0, now),
                    (Turn::Now | Turn::Behind(_), End::Settled) => {}
                }
                if let Some(job) = lanes.leave(&lane, now) {
                    begin_in_lane(&mut running, &context, &mut lanes, lane, job);
                }
            }
        }
    }
}

/// How a job's task ended.
struct Ended {
    lane: Option<String>,
    message: Uuid,
    /// It had been here before.
    was_here: bool,
    turn: Turn,
    end: End,
}

/// Whether a message comes again.
#[derive(Debug, Default)]
enum End {
    /// It does not; or it holds nobody up.
    Settled,
    /// It was sent through this retry queue, until then.
    Away(usize, Instant),
    /// Its settlement could not be carried out, or nothing is known of it: the broker delivers it again.
    #[default]
    Lost,
}

/// Whether the broker has given this message to a worker before.
fn was_here(inbound: &Inbound) -> bool {
    inbound.hopped || inbound.redelivered
}

fn begin_in_lane<A: OrderApi>(
    running: &mut JoinSet<Ended>,
    context: &Arc<Context<A>>,
    lanes: &mut Lanes,
    lane: String,
    job: Job,
) {
    lanes.alone_since(job.inbound.alone_since);
    let turn = lanes.turn(&lane, body_id(&job.inbound.body), was_here(&job.inbound), Instant::now());
    begin(running, context, Some(lane), job, turn);
}

fn begin<A: OrderApi>(
    running: &mut JoinSet<Ended>,
    context: &Arc<Context<A>>,
    lane: Option<String>,
    job: Job,
    turn: Turn,
) {
    let context = Arc::clone(context);
    let (message, was_here) = (body_id(&job.inbound.body), was_here(&job.inbound));
    running.spawn(async move {
        let settled = AssertUnwindSafe(settle(&context, lane.as_deref(), message, job, turn)).catch_unwind();
        let end = settled.await.unwrap_or_default();
        Ended { lane, message, was_here, turn, end }
    });
}

/// Handles a job, hands its settlement over and waits until it is carried out. Says whether the message comes again.
async fn settle<A: OrderApi>(context: &Context<A>, lane: Option<&str>, message: Uuid, job: Job, turn: Turn) -> End {
    let Job { inbound, settle } = job;
    let in_hand = context.board.take(inbound.taken_at);
    context.board.back(message);
    let settlement = match turn {
        Turn::Behind(queue) => follow(&inbound, queue),
        Turn::Now => fenced(context, &inbound).await,
    };
    let (carried_out, done) = oneshot::channel();
    let handed_over = settle.send(Settling { settlement: settlement.clone(), carried_out });
    if handed_over.is_err() || done.await.is_err() {
        tracing::debug!("a settlement could not be carried out: its message comes again");
        return End::Lost;
    }
    record(lane, &settlement, in_hand.elapsed());
    match settlement {
        Settlement::Later(later) => {
            let delay = context.delay(&later);
            context.board.delayed(message, &later.history, delay);
            // what waits for a create must not hold that create up
            if later.awaits_create { End::Settled } else { End::Away(later.queue, Instant::now() + delay) }
        }
        Settlement::Done(_) | Settlement::DeadLetter(..) | Settlement::Suspect => End::Settled,
    }
}

/// A panic is a failed attempt of its message, not the end of the process. The panic hook has logged where it was.
async fn fenced<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    if let Ok(settlement) = AssertUnwindSafe(handle(context, inbound)).catch_unwind().await {
        return settlement;
    }
    let again = AssertUnwindSafe(after_panic(context, inbound)).catch_unwind().await;
    again.unwrap_or_else(|_panic| bury(context, inbound, "the worker panicked over it, and again when it gave it up"))
}

fn fenced_lane_of<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Option<String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| lane_of(context, inbound))).unwrap_or_default()
}

/// A follower of a delayed message takes the same retry queue, so that it comes back behind it.
fn follow(inbound: &Inbound, queue: usize) -> Settlement {
    let outcome_unknown = inbound.history.outcome_unknown || inbound.redelivered;
    let history = History { outcome_unknown, ..inbound.history.clone() };
    Settlement::Later(Later { queue, history, awaits_create: false })
}
