//! Which messages are handled when: one at a time for an order, orders side by side, and a fence around each.
//!
//! Not here: how many there may be in all; whoever hands jobs out bounds that.

use std::collections::{HashMap, VecDeque};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::handle::{after_panic, handle, lane_of};
use super::record::record;
use crate::domain::outcome::body_id;
use crate::ports::{Inbound, Job, Later, OrderApi, Settlement};

/// Handles jobs until there are no more, or until `stop`.
///
/// After `stop` nothing new is begun, what is under way goes on to its end, the rest is dropped unsettled,
/// which gives it back.
pub async fn run<A: OrderApi>(context: Arc<Context<A>>, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
    let mut lanes = Lanes::default();
    let mut running: JoinSet<Ended> = JoinSet::new();
    let (mut more, mut stopping) = (true, false);
    while more || !running.is_empty() {
        tokio::select! {
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                lanes.give_back();
            }
            job = jobs.recv(), if more => match job {
                Some(job) if stopping => drop(job),
                Some(job) => {
                    let lane = fenced_lane_of(&job.inbound);
                    if let Some(job) = lanes.enter(lane.as_deref(), job) {
                        begin(&mut running, &context, lane, job, &lanes);
                    }
                }
                None => more = false,
            },
            Some(ended) = running.join_next() => {
                // a task ends by itself: its panic is caught inside, and nobody aborts it
                let Ok(Ended { lane: Some(lane), delayed }) = ended else { continue };
                lanes.note(&lane, delayed);
                if let Some(job) = lanes.leave(&lane) {
                    begin(&mut running, &context, Some(lane), job, &lanes);
                }
            }
        }
    }
}

/// How a job's task ended.
struct Ended {
    lane: Option<String>,
    /// It was sent through a retry queue, until then.
    delayed: Option<Delayed>,
}

/// An order whose message waits in a retry queue.
#[derive(Clone, Copy, Debug)]
struct Delayed {
    queue: usize,
    until: Instant,
}

fn begin<A: OrderApi>(
    running: &mut JoinSet<Ended>,
    context: &Arc<Context<A>>,
    lane: Option<String>,
    job: Job,
    lanes: &Lanes,
) {
    let ahead = lane.as_deref().and_then(|lane| lanes.delayed(lane));
    let context = Arc::clone(context);
    running.spawn(async move {
        let in_hand = context.board.take();
        let message = body_id(&job.inbound.body);
        context.board.back(message);
        let settlement = match ahead {
            Some(ahead) => follow(&job.inbound, ahead),
            None => fenced(&context, &job.inbound).await,
        };
        record(lane.as_deref(), &settlement, in_hand.elapsed());
        if let Settlement::Later(later) = &settlement {
            context.board.delayed(message, &later.history, context.delay(later));
        }
        let delayed = ahead.is_none().then(|| delay_of(&context, &settlement)).flatten();
        if job.settle.send(settlement).is_err() {
            tracing::debug!("the session of a settled message is gone: it will come again");
        }
        Ended { lane, delayed: ahead.or(delayed) }
    });
}

/// A panic is a failed attempt of its message, not the end of the process.
async fn fenced<A: OrderApi>(context: &Context<A>, inbound: &Inbound) -> Settlement {
    match AssertUnwindSafe(handle(context, inbound)).catch_unwind().await {
        Ok(settlement) => settlement,
        Err(_panic) => {
            tracing::error!("a message made the worker panic");
            after_panic(context, inbound)
        }
    }
}

fn fenced_lane_of(inbound: &Inbound) -> Option<String> {
    std::panic::catch_unwind(AssertUnwindSafe(|| lane_of(inbound))).unwrap_or_default()
}

/// A follower of a delayed message takes the same retry queue, so that it comes back behind it.
fn follow(inbound: &Inbound, ahead: Delayed) -> Settlement {
    let history = inbound.history.clone();
    Settlement::Later(Later { queue: ahead.queue, history, awaits_create: false })
}

fn delay_of<A: OrderApi>(context: &Context<A>, settlement: &Settlement) -> Option<Delayed> {
    match settlement {
        // what waits for a create must not hold that create up
        Settlement::Later(later) if !later.awaits_create => {
            Some(Delayed { queue: later.queue, until: Instant::now() + context.delay(later) })
        }
        Settlement::Later(_) | Settlement::Done(_) | Settlement::DeadLetter(..) | Settlement::Suspect => None,
    }
}

/// The orders that have a message under way or waiting.
#[derive(Debug, Default)]
struct Lanes {
    /// A lane is there as long as one of its messages is under way; the rest waits in order of delivery.
    waiting: HashMap<String, VecDeque<Job>>,
    delayed: HashMap<String, Delayed>,
    /// How many delayed orders there may be before those whose time is over are taken out.
    sweep_at: usize,
}

impl Lanes {
    /// Gives the job back when it can begin at once.
    fn enter(&mut self, lane: Option<&str>, job: Job) -> Option<Job> {
        let Some(lane) = lane else { return Some(job) };
        if let Some(waiting) = self.waiting.get_mut(lane) {
            waiting.push_back(job);
            return None;
        }
        self.waiting.insert(lane.to_owned(), VecDeque::new());
        Some(job)
    }

    /// The next job of a lane; without one, the lane ends.
    fn leave(&mut self, lane: &str) -> Option<Job> {
        let next = self.waiting.get_mut(lane).and_then(VecDeque::pop_front);
        if next.is_none() {
            self.waiting.remove(lane);
        }
        next
    }

    fn note(&mut self, lane: &str, delayed: Option<Delayed>) {
        match delayed {
            Some(delayed) => self.delayed.insert(lane.to_owned(), delayed),
            None => self.delayed.remove(lane),
        };
        if self.delayed.len() > self.sweep_at {
            let now = Instant::now();
            self.delayed.retain(|_, delayed| delayed.until > now);
            self.sweep_at = self.delayed.len() * 2 + 1000;
        }
    }

    /// Drops what has not begun.
    fn give_back(&mut self) {
        self.waiting.values_mut().for_each(VecDeque::clear);
    }

    fn delayed(&self, lane: &str) -> Option<Delayed> {
        self.delayed.get(lane).copied().filter(|delayed| delayed.until > Instant::now())
    }
}
