//! Which messages are handled when: one at a time for an order, orders side by side, and a fence around each.
//!
//! Not here: how many there may be in all, which those who hand jobs out bound.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::clock::Clock;
use super::context::Context;
use super::handle::{after_panic, bury, handle_since};
use super::label::Label;
use super::lanes::{Lanes, Turn, Way};
use super::open::{Delivered, open};
use super::pace::PutOff;
use super::record::{end_span, record, record_hold};
use super::takeover::updates_begin_at;
use super::work::Work;
use crate::ports::{Handling, Inbound, Job, Later, Operation, OrderApi, Settlement, Settling, WaitReason};

/// How often the pool shows that it makes steps.
const STEP: Duration = Duration::from_secs(1);

/// Handles jobs until there are no more, or until `stop`.
///
/// After `stop` nothing new is begun, calls under way go on to their end, the rest is dropped unsettled, which gives it
/// back.
pub async fn run<A: OrderApi>(context: Arc<Context<A>>, mut jobs: mpsc::Receiver<Job>, stop: CancellationToken) {
    let mut pool = Pool { context, lanes: Lanes::default(), running: JoinSet::new() };
    let (mut more, mut stopping) = (true, false);
    let mut steps = interval(STEP);
    steps.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while more || !pool.running.is_empty() {
        tokio::select! {
            _ = steps.tick() => pool.context.status.steps(true),
            () = stop.cancelled(), if !stopping => {
                stopping = true;
                pool.context.pace.stop();
                pool.lanes.give_back();
            }
            job = jobs.recv(), if more => match job {
                Some(job) if stopping => drop(job),
                Some(job) => pool.enter(job),
                None => more = false,
            },
            Some(ended) = pool.running.join_next() => {
                // a task ends by itself: its panics are caught inside, and nobody aborts it
                if let Ok(Ended { label, end }) = ended {
                    pool.leave(&label, end);
                }
            }
        }
    }
    pool.context.status.steps(false);
}

struct Pool<A> {
    context: Arc<Context<A>>,
    lanes: Lanes,
    running: JoinSet<Ended>,
}

/// How a message's task ended.
struct Ended {
    label: Arc<Label>,
    end: End,
}

/// Whether a message comes again.
#[derive(Debug)]
enum End {
    /// It is settled, or the broker delivers it again: nothing is to wait for it.
    Settled,
    /// It went into a retry queue, in its turn.
    Away(Way),
    /// It went into a retry queue behind another.
    Followed(Way),
    /// It is to come back, by whichever way.
    PutOff(Box<(Work, Later)>),
    /// It was held for its delay, which is over.
    Due(Box<Work>),
}

/// The job of a message's task.
enum Task {
    Handle,
    /// Waits until then.
    Hold(Instant),
    /// Sends it the way of another.
    Follow(Way),
    Hop(Later),
}

impl<A: OrderApi> Pool<A> {
    fn enter(&mut self, job: Job) {
        let session = &job.inbound.session;
        if self.lanes.of_session(session.number) {
            self.context.api.session_began();
            if session.took_over_at.is_some() {
                self.context.pace.took_over();
            }
        }
        let (label, opened) = open(&self.context, &job.inbound);
        self.context.status.back(label.copy);
        let work = Work::new(job, label, opened, Arc::clone(&self.context.status), self.context.relation);
        if let Some(work) = self.lanes.enter(work) {
            self.begin(work);
        }
    }

    fn leave(&mut self, label: &Arc<Label>, end: End) {
        match end {
            End::PutOff(put_off) => return self.put_off(*put_off),
            End::Due(work) => {
                self.lanes.let_go(label);
                return self.spawn(*work, Task::Handle);
            }
            End::Settled => {}
            End::Away(way) => self.lanes.comes_again(label, way),
            End::Followed(way) => self.lanes.followed(label, way),
        }
        if let Some(work) = self.lanes.leave(label, Instant::now()) {
            self.begin(work);
        }
    }

    /// Holds a message for its delay with its followers behind it, so that a hand-over keeps their order. Where that
    /// does not fit, it goes through a retry queue.
    fn put_off(&mut self, (mut work, later): (Work, Later)) {
        let delay = self.context.delay(&later);
        let fits =
            work.clock.is_some_and(|clock| self.context.pace.elapsed(&clock) + delay <= self.context.timing.last_call);
        // nothing else flows while all calls are held back
        let most = if self.context.pace.holds_back() { usize::MAX } else { self.context.timing.hold_at_most };
        // a suspect is alone: while it is held, nothing else is handled
        let waits_alone = work.job.inbound.suspect && most != usize::MAX;
        let may_be_held = later.may_be_held && fits && !waits_alone;
        if may_be_held && self.lanes.hold(&work.label, most) {
            let failed_by = Some(Instant::now());
            let inbound = Inbound { history: later.history, failed_by, ..Inbound::clone(&work.job.inbound) };
            work.job.inbound = Arc::new(inbound);
            self.spawn(work, Task::Hold(Instant::now() + delay));
        } else {
            self.spawn(work, Task::Hop(later));
        }
    }

    fn begin(&mut self, work: Work) {
        let task = match self.lanes.turn(&work.label, Instant::now()) {
            Turn::Now => Task::Handle,
            Turn::Behind(way) => Task::Follow(way),
        };
        self.spawn(work, task);
    }

    fn spawn(&mut self, work: Work, task: Task) {
        let (context, label) = (Arc::clone(&self.context), Arc::clone(&work.label));
        let (trace, log) = (work.trace.clone(), work.log.clone());
        let carried_out = async move {
            let carried_out = AssertUnwindSafe(carry_out(&context, work, task)).catch_unwind();
            let end = carried_out.await.unwrap_or(End::Settled);
            Ended { label, end }
        };
        self.running.spawn(carried_out.instrument(log).instrument(trace));
    }
}

async fn carry_out<A: OrderApi>(context: &Context<A>, work: Work, task: Task) -> End {
    match task {
        Task::Handle => handle_in_turn(context, work).await,
        Task::Hold(until) => match held(context, &work, WaitReason::Delay, until).await {
            true => End::Due(Box::new(work)),
            false => End::Settled,
        },
        Task::Follow(way) => {
            let later = follow(context, &work.job.inbound, way, Instant::now());
            hop(context, work, later).await.map_or(End::Settled, End::Followed)
        }
        Task::Hop(later) => {
            // it may wait for long: only of amendments does the last one win
            let is_followed = !later.awaits_create || work.label.amends();
            let way = hop(context, work, later).await.filter(|_| is_followed);
            way.map_or(End::Settled, End::Away)
        }
    }
}

async fn handle_in_turn<A: OrderApi>(context: &Context<A>, mut work: Work) -> End {
    if let Some(at) = updates_begin_at(work.label.kind_in_lane(), &work.job.inbound, context.timing.call_ended)
        && !held(context, &work, WaitReason::Takeover, at).await
    {
        return End::Settled;
    }
    if work.job.inbound.suspect && !begins(context, &mut work).await {
        return End::Settled;
    }
    let clock = match work.clock {
        Some(held) => context.pace.behind_others(&held),
        None => context.pace.clock(Instant::now()),
    };
    work.clock = Some(clock);
    let settlement = {
        let _handled = context.status.handles(clock);
        fenced(context, work.delivered(), clock).await
    };
    if let Some(handlings) = &work.job.handlings {
        // without an answer the session is lost, and its end is recorded with the next one
        ask(handlings, Handling::Ended).await;
    }
    match settlement {
        // given back, it keeps its place
        Settlement::Later(_) if goes_back(context, &work) => End::Settled,
        Settlement::Later(later) => End::PutOff(Box::new((work, later))),
        settlement @ (Settlement::Done(_) | Settlement::DeadLetter(..)) => {
            hand_over(work, settlement, None).await;
            End::Settled
        }
    }
}

/// Records that the handling of a suspect begins, once a call could be made. A process that ends in a pause is not ended by
/// its message. Says whether it is to be handled.
async fn begins<A: OrderApi>(context: &Context<A>, work: &mut Work) -> bool {
    let Work { job, label, .. } = work;
    let Some(handlings) = &job.handlings else { return true };
    let clock = context.pace.clock(Instant::now());
    let held = context.status.holds(label, WaitReason::Rate);
    let permit = context.pace.permit(Operation::Order, &clock, Duration::MAX, &job.inbound.session.lost).await;
    drop(held);
    match permit.map(drop) {
        Err(PutOff::Stopping | PutOff::SessionLost) => return false,
        // a pause of one operation alone ends no handling: its calls are put off, and the message hops
        Ok(()) | Err(PutOff::Paused | PutOff::NoTurn | PutOff::NotConfirmedActive | PutOff::OrderBusy) => {}
    }
    let _held = context.status.holds(label, WaitReason::Confirm);
    let Some(unended) = ask(handlings, Handling::Begins).await else { return false };
    job.inbound = Arc::new(Inbound { unended, ..Inbound::clone(&job.inbound) });
    true
}

/// Tells the broker room of a handling, and waits until it is recorded; none when that cannot be.
async fn ask<T>(handlings: &mpsc::Sender<Handling>, tell: impl FnOnce(oneshot::Sender<T>) -> Handling) -> Option<T> {
    let (answer, answered) = oneshot::channel();
    handlings.send(tell(answer)).await.ok()?;
    answered.await.ok()
}

/// Holds a message until then; says whether it is to be handled after that.
async fn held<A: OrderApi>(context: &Context<A>, work: &Work, reason: WaitReason, until: Instant) -> bool {
    let _held = context.status.holds(&work.label, reason);
    record_hold(&work.label, reason, &work.job.inbound.history, until.saturating_duration_since(Instant::now()));
    tokio::select! {
        () = sleep_until(until) => !goes_back(context, work),
        () = work.job.inbound.session.lost.cancelled() => false,
        () = context.pace.stopped() => false,
    }
}

/// Whether a message that is not settled by now goes back to the broker.
fn goes_back<A: OrderApi>(context: &Context<A>, work: &Work) -> bool {
    context.pace.is_stopping() || work.job.inbound.session.lost.is_cancelled()
}

/// Sends a message through a retry queue; the way that it takes, if it does.
async fn hop<A: OrderApi>(context: &Context<A>, work: Work, later: Later) -> Option<Way> {
    let delay = context.delay(&later);
    let (message, history) = (work.label.copy, later.history.clone());
    let awaits_create = later.awaits_create;
    let settled = hand_over(work, Settlement::Later(later), Some(delay)).await;
    settled.then(|| {
        context.status.delayed(message, &history, delay);
        // not earlier: it lies there since some moment before the broker said so
        Way { until: Instant::now() + delay, awaits_create }
    })
}

/// Hands a settlement over and waits until it is carried out; whether it was.
async fn hand_over(work: Work, settlement: Settlement, delay: Option<Duration>) -> bool {
    let _held = work.waits_for_confirm();
    let Work { job, label, trace, .. } = work;
    end_span(&trace, &settlement);
    let Job { inbound, settle, handlings } = job;
    drop(handlings);
    let took = inbound.taken_at.map(|at| at.elapsed()).unwrap_or_default();
    let (settlement, (carried_out, done)) = (Arc::new(settlement), oneshot::channel());
    let handed_over = settle.send(Settling { settlement: Arc::clone(&settlement), carried_out, trace });
    if handed_over.is_err() || done.await.is_err() {
        tracing::debug!("a settlement could not be carried out: its message comes again");
        return false;
    }
    record(&label, &settlement, took, delay);
    true
}

/// A panic is a failed attempt of its message, not the end of the process. The panic hook has logged where it was.
async fn fenced<A: OrderApi>(context: &Context<A>, delivered: Delivered<'_>, clock: Clock) -> Settlement {
    if let Ok(settlement) = AssertUnwindSafe(handle_since(context, delivered, clock)).catch_unwind().await {
        return settlement;
    }
    let again = AssertUnwindSafe(Box::pin(after_panic(context, delivered, clock))).catch_unwind().await;
    again.unwrap_or_else(|_panic| bury(context, delivered, "the worker panicked over it, and again when it gave it up"))
}

/// A follower of delayed messages takes the retry queue with the shortest delay after which those are back. It comes back
/// behind them, and hardly waits for messages that are settled by then. For one that is late it waits as long as that is
/// late. A follower of one that waits for its order to be created waits for that, too.
fn follow<A: OrderApi>(context: &Context<A>, inbound: &Inbound, way: Way, now: Instant) -> Later {
    let Way { until, awaits_create } = way;
    let limits = &context.limits;
    let wait = until.saturating_duration_since(now).max(now.saturating_duration_since(until));
    let queue = limits.delays.iter().position(|delay| *delay >= wait).unwrap_or(limits.delays.len().saturating_sub(1));
    let mut history = inbound.history.clone();
    history.outcome_unknown |= inbound.redelivered;
    // in a pause nobody may look, so no time to wait passes
    if awaits_create && !context.pace.holds_back() {
        history.awaited = Some(history.awaited.unwrap_or_default() + limits.delay(queue));
    }
    Later { queue, history, reason: WaitReason::Order, awaits_create, may_be_held: false }
}
