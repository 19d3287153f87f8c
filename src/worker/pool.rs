//! Which messages are handled when: one at a time for an order, orders side by side, and a fence around each.
//!
//! Not here: how many there may be in all; whoever hands jobs out bounds that.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::handle::{Standing, after_panic, bury, handle, lane_of};
use super::lanes::{Lanes, Turn, Way, Who};
use super::record::record;
use crate::domain::envelope::Kind;
use crate::domain::outcome::body_id;
use crate::ports::{Inbound, Job, Later, OrderApi, Settlement, Settling};

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
                Some(job) => {
                    let standing = fenced_lane_of(&context, &job.inbound);
                    let who = who(&job.inbound, standing.as_ref());
                    match standing {
                        None => begin(&mut running, &context, None, who, job, Turn::Now),
                        Some(Standing { order, .. }) => {
                            if let Some(job) = lanes.enter(&order, who, job) {
                                begin_in_lane(&mut running, &context, &mut lanes, order, who, job);
                            }
                        }
                    }
                }
                None => more = false,
            },
            Some(ended) = running.join_next() => {
                // a task ends by itself: its panics are caught inside, and nobody aborts it
                let Ok(Ended { lane: Some(lane), who, turn, end }) = ended else { continue };
                let now = Instant::now();
                // the broker may well give what comes after a lost one first
                let lost = Way { queue: 0, until: now, awaits_create: false };
                match (turn, end) {
                    (Turn::Behind(_), End::Away(way)) => lanes.followed(&lane, who, way),
                    (Turn::Behind(way), End::Lost) => lanes.followed(&lane, who, Way { until: now, ..way }),
                    (Turn::Now, End::Away(way)) => lanes.comes_again(&lane, who, way),
                    (Turn::Now, End::Lost) => lanes.comes_again(&lane, who, lost),
                    (Turn::Now | Turn::Behind(_), End::Settled) => {}
                }
                if let Some((who, job)) = lanes.leave(&lane, now) {
                    begin_in_lane(&mut running, &context, &mut lanes, lane, who, job);
                }
            }
        }
    }
}

/// How a job's task ended.
struct Ended {
    lane: Option<String>,
    who: Who,
    turn: Turn,
    end: End,
}

/// Whether a message comes again.
#[derive(Debug, Default)]
enum End {
    /// It does not; or nothing is to wait for it.
    Settled,
    /// It was sent through a retry queue.
    Away(Way),
    /// Its settlement could not be carried out, or nothing is known of it: the broker delivers it again.
    #[default]
    Lost,
}

fn who(inbound: &Inbound, standing: Option<&Standing>) -> Who {
    Who {
        message: body_id(&inbound.body),
        creates: standing.is_some_and(|standing| standing.kind == Kind::CheckoutCompleted),
        amends: standing.is_some_and(|standing| standing.kind == Kind::OrderAmended),
        was_here: inbound.hopped || inbound.redelivered,
        rank: standing.and_then(|standing| standing.rank),
        alone_since: inbound.alone_since,
    }
}

fn begin_in_lane<A: OrderApi>(
    running: &mut JoinSet<Ended>,
    context: &Arc<Context<A>>,
    lanes: &mut Lanes,
    lane: String,
    who: Who,
    job: Job,
) {
    let turn = lanes.turn(&lane, &who, Instant::now());
    begin(running, context, Some(lane), who, job, turn);
}

fn begin<A: OrderApi>(
    running: &mut JoinSet<Ended>,
    context: &Arc<Context<A>>,
    lane: Option<String>,
    who: Who,
    job: Job,
    turn: Turn,
) {
    let context = Arc::clone(context);
    running.spawn(async move {
        let settled = AssertUnwindSafe(settle(&context, lane.as_deref(), &who, job, turn)).catch_unwind();
        let end = settled.await.unwrap_or_default();
        Ended { lane, who, turn, end }
    });
}

/// Handles a job, hands its settlement over and waits until it is carried out. Says whether the message comes again.
async fn settle<A: OrderApi>(context: &Context<A>, lane: Option<&str>, who: &Who, job: Job, turn: Turn) -> End {
    let Job { inbound, settle } = job;
    let in_hand = context.board.take(inbound.taken_at);
    context.board.back(who.message);
    let settlement = match turn {
        Turn::Behind(way) => follow(&inbound, way),
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
            context.board.delayed(who.message, &later.history, delay);
            let Later { queue, awaits_create, .. } = later;
            // it may wait for long, and come back to another worker; only of amendments does the last one win
            let is_followed = matches!(turn, Turn::Behind(_)) || (who.amends && who.alone_since.is_some());
            let keeps_its_place = !awaits_create || is_followed;
            let way = Way { queue, until: Instant::now() + delay, awaits_create };
            if keeps_its_place { End::Away(way) } else { End::Settled }
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

fn fenced_lane_of<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Option<Standing> {
    std::panic::catch_unwind(AssertUnwindSafe(|| lane_of(context, inbound))).unwrap_or_default()
}

/// A follower of a delayed message takes the same retry queue, so that it comes back behind it. What follows one that
/// waits for its order to be created waits for that, too.
fn follow(inbound: &Inbound, way: Way) -> Settlement {
    let Way { queue, awaits_create, .. } = way;
    let mut history = inbound.history.clone();
    history.outcome_unknown |= inbound.redelivered;
    if awaits_create {
        history.awaiting_since.get_or_insert_with(Timestamp::now);
    }
    Settlement::Later(Later { queue, history, awaits_create })
}
