//! The stage before the pool: maps foreign messages in their order, and lets all others pass.
//!
//! Not here: the process, the meaning of a mapped message.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::process::{Foreign, Mapper};
use crate::domain::envelope::mapped::{Answer, Mapped};
use crate::domain::packing::{MAX_GROWTH, unpacked, without_mark};
use crate::ports::{Inbound, Job, WaitReason};
use crate::worker::Status;
use crate::worker::label::Label;

/// First wait until a child that could not be started is tried again; doubled up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(5);

/// Maps the messages of `jobs` that a mapping is for, and hands all on in their order, until there are no more. After
/// `stop`, and when its session is lost, a message is given back: it must not pass unmapped.
pub async fn stage(
    mut mapper: Mapper,
    status: Arc<Status>,
    max_message_bytes: usize,
    mut jobs: mpsc::Receiver<Job>,
    mapped: mpsc::Sender<Job>,
    stop: CancellationToken,
) {
    while let Some(mut job) = jobs.recv().await {
        let Inbound { routing_key, message_type, headers, edited, .. } = &*job.inbound;
        let position = match edited {
            None => mapper.mapping_for(routing_key, message_type.as_deref(), headers),
            // the body is the message that a mapping made
            Some(_) => None,
        };
        // a body that is too large is refused unread
        if let Some(position) = position.filter(|_| job.inbound.body.len() <= max_message_bytes) {
            let lost = job.inbound.session.lost.clone();
            let answer = tokio::select! {
                answer = answer(&mut mapper, &status, position, &job.inbound, max_message_bytes) => answer,
                () = stop.cancelled() => continue,
                () = lost.cancelled() => continue,
            };
            let mapping = mapper.mappings()[position].name.clone();
            let mapped = Some(Arc::new(Mapped { mapping, answer }));
            job.inbound = Arc::new(Inbound { mapped, ..Arc::unwrap_or_clone(job.inbound) });
        }
        if mapped.send(job).await.is_err() {
            return;
        }
    }
}

/// The answer to a message, as soon as a child can be started.
async fn answer(
    mapper: &mut Mapper,
    status: &Arc<Status>,
    position: usize,
    inbound: &Inbound,
    max_message_bytes: usize,
) -> Answer {
    let most = max_message_bytes.saturating_mul(MAX_GROWTH);
    let body = match unpacked(&inbound.body, inbound.content_encoding.as_deref(), &inbound.headers, most) {
        Ok(body) => body,
        Err(rejection) => return Answer::Failed(rejection.message),
    };
    let foreign = Foreign { body: without_mark(&body), headers: &inbound.headers, routing_key: &inbound.routing_key };
    let (mut wait, mut held) = (FIRST_WAIT, None);
    loop {
        match mapper.map(position, foreign).await {
            Ok(answer) => return answer,
            Err(error) => {
                tracing::warn!(%error, "messages wait that are to be mapped");
                let message_id = inbound.message_id.clone().unwrap_or_default();
                held.get_or_insert_with(|| status.holds(&Arc::new(Label::of(message_id)), WaitReason::Mapping));
                sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
    }
}
