//! A work queue with its retry queues, in memory: the pool gets as many messages at a time as its prefetch says.
//! Not here: hand-overs, which need a broker; what the messages are.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bwp_sync::ports::{Inbound, Job, OrderApi, Settlement, Settling};
use bwp_sync::worker::{Context, pool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Works these messages off, those that come back from a retry queue included, until all are settled or until the time is
/// over. They come `every` so often. Returns how those ended that did.
pub(crate) async fn work_off<A: OrderApi>(
    context: &Arc<Context<A>>,
    messages: impl IntoIterator<Item = Inbound>,
    prefetch: usize,
    every: Duration,
    until: Option<Instant>,
) -> Vec<Settlement> {
    let (jobs, work) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let pool = tokio::spawn(pool::run(Arc::clone(context), work, stop.clone()));
    let (mut waiting, mut in_flight, mut away) = (VecDeque::from_iter(messages), JoinSet::new(), JoinSet::new());
    let (mut ends, mut next_at) = (Vec::new(), Instant::now());
    loop {
        while in_flight.len() < prefetch
            && next_at <= Instant::now()
            && let Some(inbound) = waiting.pop_front()
        {
            next_at += every;
            let (settle, settled) = oneshot::channel();
            let inbound = Arc::new(inbound);
            jobs.send(Job { inbound: Arc::clone(&inbound), settle, handlings: None }).await.unwrap();
            in_flight.spawn(async move {
                let Settling { settlement, carried_out, .. } = settled.await.unwrap();
                let settlement = Settlement::clone(&settlement);
                carried_out.send(()).expect("the pool waits until it is carried out");
                (inbound, settlement)
            });
        }
        if in_flight.is_empty() && away.is_empty() && waiting.is_empty() {
            break;
        }
        tokio::select! {
            Some(settled) = in_flight.join_next() => match settled.unwrap() {
                (inbound, Settlement::Later(later)) => {
                    let delay = context.delay(&later);
                    away.spawn(async move {
                        sleep(delay).await;
                        Inbound { history: later.history, hopped: true, ..Inbound::clone(&inbound) }
                    });
                }
                (_, settlement) => ends.push(settlement),
            },
            Some(back) = away.join_next() => waiting.push_back(back.unwrap()),
            () = sleep_until(next_at), if in_flight.len() < prefetch && !waiting.is_empty() => {}
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                in_flight.abort_all();
                stop.cancel();
                break;
            }
        }
    }
    drop(jobs);
    pool.await.unwrap();
    ends
}
