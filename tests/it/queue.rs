//! A work queue with its retry queues, in memory: the pool gets as many messages at a time as its prefetch says.
//! Not here: hand-overs, which need a broker; what the messages are.

use std::collections::VecDeque;
use std::sync::Arc;

use bwp_sync::ports::{Inbound, Job, OrderApi, Settlement, Settling};
use bwp_sync::worker::{Context, pool};
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

/// Works these messages off, those that come back from a retry queue included, until all are settled or until the time is
/// over. Returns how those ended that did.
pub(crate) async fn work_off<A: OrderApi>(
    context: &Arc<Context<A>>,
    messages: impl IntoIterator<Item = Inbound>,
    prefetch: usize,
    until: Option<Instant>,
) -> Vec<Settlement> {
    let (jobs, work) = mpsc::channel(1);
    let stop = CancellationToken::new();
    let pool = tokio::spawn(pool::run(Arc::clone(context), work, stop.clone()));
    let (mut waiting, mut in_hand, mut away) = (VecDeque::from_iter(messages), JoinSet::new(), JoinSet::new());
    let mut ends = Vec::new();
    loop {
        while in_hand.len() < prefetch
            && let Some(inbound) = waiting.pop_front()
        {
            let (settle, settled) = oneshot::channel();
            let inbound = Arc::new(inbound);
            jobs.send(Job { inbound: Arc::clone(&inbound), settle, handlings: None }).await.unwrap();
            in_hand.spawn(async move {
                let Settling { settlement, carried_out } = settled.await.unwrap();
                carried_out.send(()).expect("the pool waits until it is carried out");
                (inbound, settlement)
            });
        }
        if in_hand.is_empty() && away.is_empty() {
            break;
        }
        tokio::select! {
            Some(settled) = in_hand.join_next() => match settled.unwrap() {
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
            () = sleep_until(until.unwrap_or_else(Instant::now)), if until.is_some() => {
                in_hand.abort_all();
                stop.cancel();
                break;
            }
        }
    }
    drop(jobs);
    pool.await.unwrap();
    ends
}
