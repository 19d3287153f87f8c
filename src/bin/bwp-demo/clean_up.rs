//! Deletes the exchanges and queues that a demonstration declared on a shared broker.
//!
//! Not here: the demonstration's own queues, which are deleted with their connection.

use anyhow::{Context as _, ensure};
use bwp_sync::broker::BrokerConfig;
use bwp_sync::broker::connection::{Frame, close, open};
use lapin::Connection;
use lapin::options::{ExchangeDeleteOptions, QueueDeleteOptions};

/// Prefix of the demonstration's names, which no name in production has.
const PREFIX: &str = "bwp-demo-";

/// Deletes the exchanges and queues of these settings, if all of their names have the prefix.
pub(crate) async fn clean_up(config: &BrokerConfig) -> anyhow::Result<()> {
    let names = &config.names;
    let exchanges = [&names.events, &names.results, &names.dead];
    let mut queues = vec![names.queue.clone(), names.tries(), names.dead_letters.clone(), names.parked()];
    queues.extend(config.delays.iter().map(|delay| names.retry(*delay)));
    for name in exchanges.into_iter().chain(&queues) {
        ensure!(name.starts_with(PREFIX), "`{name}` does not begin with `{PREFIX}`: nothing is deleted");
    }
    let connection = open(config, "bwp-demo", Frame::Any).await.context("cannot reach the broker")?;
    let deleted = delete(&connection, &queues, &exchanges).await;
    close(&connection).await;
    deleted.context("cannot delete what the demonstration has declared")
}

async fn delete(connection: &Connection, queues: &[String], exchanges: &[&String]) -> lapin::Result<()> {
    let channel = connection.create_channel().await?;
    for queue in queues {
        channel.queue_delete(queue.as_str().into(), QueueDeleteOptions::default()).await?;
    }
    for exchange in exchanges {
        channel.exchange_delete(exchange.as_str().into(), ExchangeDeleteOptions::default()).await?;
    }
    Ok(())
}
