//! Publishes a settlement and waits for the confirms. Only then may its message be acknowledged.
//!
//! Not here: the acknowledgement (`acks`); which settlement a message gets.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use lapin::{BasicProperties, Connection, ErrorKind};
use metrics::counter;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, Span};

use crate::broker::config::{BrokerConfig, Unroutable};
use crate::broker::copies::{for_hop, for_letter, for_result, traced};
use crate::broker::publish::{PublishError, Publisher};
use crate::broker::topology::declare;
use crate::domain::outcome::ResultEvent;
use crate::ports::{Inbound, Later, Letter, Settlement};
use crate::trace;

/// A settlement that could not be carried out. The message is still the broker's.
#[derive(Debug, thiserror::Error)]
pub enum SettleError {
    /// The publication that had to come first was not taken.
    #[error(transparent)]
    Publish(#[from] PublishError),
    /// The result cannot be written as JSON.
    #[error("cannot write a result: {0}")]
    Unwritable(#[from] serde_json::Error),
}

impl SettleError {
    /// Whether the broker refused a publication because of its content.
    ///
    /// A lost connection, a missing exchange or a full queue is no fault of the message.
    pub fn blames_the_message(&self) -> bool {
        match self {
            Self::Publish(PublishError::Broken { error, .. }) => refuses_content(error),
            Self::Publish(PublishError::Refused(_) | PublishError::Unroutable(_) | PublishError::NotConfirmed(_)) => {
                false
            }
            Self::Unwritable(_) => true,
        }
    }
}

/// Whether RabbitMQ closed a channel or connection because of a publication's content, by its code of AMQP 0-9-1. The
/// code 311 is a body too large, and 406 a property that is not allowed. The codes 501 and 502 are headers that do not
/// fit or cannot be read.
fn refuses_content(error: &lapin::Error) -> bool {
    matches!(error.kind(), ErrorKind::ProtocolError(amqp) if matches!(amqp.get_id(), 311 | 406 | 501 | 502))
}

/// The means of a settlement, beside the message.
#[derive(Debug)]
pub struct Settler {
    /// Publishes results, for which no queue need be bound.
    pub results: Publisher,
    /// Publishes letters and hops, none of which may be returned.
    pub copies: Publisher,
    /// The connection of both publishers, over which missing queues are declared.
    pub publishing: Arc<Connection>,
    /// When missing queues were last declared.
    pub declared_again: Mutex<Option<Instant>>,
    /// Names and delays.
    pub config: BrokerConfig,
    /// Whether the last result had a queue to go to; said in the log when it changes.
    pub results_wanted: AtomicBool,
    /// Ends publications that wait to be taken; their messages are requeued.
    pub stop: CancellationToken,
}

/// How long to wait before a refused publication is repeated.
const ASK_AGAIN: Duration = Duration::from_secs(1);

impl Settler {
    /// Publishes a settlement. `original` are the properties of its message.
    ///
    /// # Errors
    /// The broker did not take all of it, so the message must not be acknowledged.
    pub async fn settle(
        &self,
        original: &BasicProperties,
        inbound: &Inbound,
        settlement: &Settlement,
    ) -> Result<(), SettleError> {
        match settlement {
            Settlement::Done(result) => self.result(result).await,
            Settlement::Later(later) => Ok(self.later(original, inbound, later).await?),
            Settlement::DeadLetter(letter, result) => {
                self.letter(original, inbound, letter).await?;
                self.result(result).await
            }
        }
    }

    async fn later(&self, original: &BasicProperties, inbound: &Inbound, later: &Later) -> Result<(), PublishError> {
        let longest = self.config.delays.len().saturating_sub(1);
        let Some(delay) = self.config.delays.get(later.queue.min(longest)) else {
            return Err(PublishError::Unroutable("no retry queue, since no delay is configured".into()));
        };
        let properties = for_hop(original, inbound, &later.history, Some((later.reason, *delay)));
        self.copy("", &self.config.names.retry(*delay), properties, &inbound.body).await
    }

    async fn letter(&self, original: &BasicProperties, inbound: &Inbound, letter: &Letter) -> Result<(), PublishError> {
        let key = format!("{}.{}", letter.operation, letter.code);
        let properties = for_letter(original, inbound, letter);
        self.copy(&self.config.names.dead, &key, properties, &inbound.body).await
    }

    async fn result(&self, result: &ResultEvent) -> Result<(), SettleError> {
        let body = serde_json::to_vec(result)?;
        // the tool learns the outcome also where no queue is bound for results
        self.tell_tool(result, &body).await?;
        let (exchange, key) = (self.config.names.results.as_str(), result.kind.name());
        let span = trace::publish(exchange, key, body.len());
        let properties = traced(for_result(result), trace::headers(&span));
        loop {
            let published = self.publish(&self.results, &span, (exchange, key), &properties, &body);
            match published.await {
                Ok(()) => {
                    self.results_are(true);
                    break;
                }
                Err(unroutable @ PublishError::Unroutable(_)) => {
                    counter!("bwp_results_unroutable_total").increment(1);
                    self.results_are(false);
                    match self.config.unroutable {
                        Unroutable::Accept => break,
                        Unroutable::Pause => self.ask_again(unroutable).await?,
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Tells the tool that replayed the message, if it is still there.
    async fn tell_tool(&self, result: &ResultEvent, body: &[u8]) -> Result<(), SettleError> {
        let Some(queue) = &result.replay_to else { return Ok(()) };
        match self.results.publish("", queue, for_result(result), body).await {
            Ok(()) => Ok(()),
            Err(PublishError::Unroutable(_) | PublishError::Refused(_)) => {
                tracing::debug!(queue, "the tool that replayed the message is gone");
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Publishes a letter or a hop until a queue takes it; missing queues are declared again. Until then the message is
    /// not settled. Other messages are not affected.
    async fn copy(
        &self,
        exchange: &str,
        key: &str,
        properties: BasicProperties,
        body: &[u8],
    ) -> Result<(), PublishError> {
        let span = trace::publish(exchange, key, body.len());
        loop {
            match self.publish(&self.copies, &span, (exchange, key), &properties, body).await {
                Err(unroutable @ PublishError::Unroutable(_)) => {
                    self.declare_again(&unroutable).await;
                    self.ask_again(unroutable).await?;
                }
                published => return published,
            }
        }
    }

    async fn declare_again(&self, unroutable: &PublishError) {
        let mut last = self.declared_again.lock().await;
        if last.is_some_and(|last| last.elapsed() < ASK_AGAIN) {
            return;
        }
        tracing::warn!(cause = %unroutable, "a message is not settled until a queue takes its letter or its hop");
        if self.config.declare
            && let Err(error) = declare(&self.publishing, &self.config).await
        {
            tracing::warn!(%error, "cannot declare missing queues again");
        }
        *last = Some(Instant::now());
    }

    /// Publishes until the broker takes it. A full queue refuses; neither the call nor earlier publications of the
    /// message are repeated for that.
    async fn publish(
        &self,
        publisher: &Publisher,
        span: &Span,
        (exchange, key): (&str, &str),
        properties: &BasicProperties,
        body: &[u8],
    ) -> Result<(), PublishError> {
        let mut said = false;
        loop {
            match publisher.publish(exchange, key, properties.clone(), body).instrument(span.clone()).await {
                Err(refused @ PublishError::Refused(_)) => {
                    if !said {
                        tracing::warn!(cause = %refused, "a message is not settled until the broker takes its result, letter or hop");
                        said = true;
                    }
                    self.ask_again(refused).await?;
                }
                Err(error) => {
                    trace::failed(span, error.name());
                    return Err(error);
                }
                Ok(()) => return Ok(()),
            }
        }
    }

    async fn ask_again(&self, error: PublishError) -> Result<(), PublishError> {
        tokio::select! {
            () = tokio::time::sleep(ASK_AGAIN) => Ok(()),
            () = self.stop.cancelled() => Err(error),
        }
    }

    /// Logs each change of whether results have a queue to go to.
    fn results_are(&self, wanted: bool) {
        if self.results_wanted.swap(wanted, Ordering::Relaxed) == wanted {
            return;
        }
        let exchange = &self.config.names.results;
        match (wanted, self.config.unroutable) {
            (true, _) => tracing::info!(exchange, "results are routed again"),
            (false, Unroutable::Accept) => {
                tracing::warn!(exchange, "no queue is bound for results: they are dropped, messages are settled");
            }
            (false, Unroutable::Pause) => {
                tracing::warn!(exchange, "no queue is bound for results: nothing is settled until one is");
            }
        }
    }
}
