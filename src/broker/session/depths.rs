//! Depths of the queues, as the broker tells them to whoever asks.
//!
//! Not here: a decision; a count of a quorum queue may be an old one.

use std::convert::Infallible;
use std::time::Duration;

use lapin::options::QueueDeclareOptions;
use lapin::types::FieldTable;
use lapin::{Channel, Connection};
use metrics::{Gauge, gauge};
use tokio::sync::watch;

use crate::broker::config::BrokerConfig;
use crate::broker::headers::short;

/// The broker renews the figures of quorum queues this often.
const ASK_EVERY: Duration = Duration::from_secs(5);

/// A queue, and what it is for.
type Named = (&'static str, String);

/// The queues whose depth is told.
fn queues(config: &BrokerConfig) -> Vec<Named> {
    let names = &config.names;
    let retries = config.delays.iter().map(|delay| ("retry", names.retry(*delay)));
    let mut queues: Vec<Named> = vec![("work", names.queue.clone())];
    queues.extend(retries);
    queues.extend([("letters", names.dead_letters.clone()), ("parked", names.parked())]);
    queues
}

fn depth((role, queue): &Named) -> Gauge {
    gauge!("bwp_queue_messages", "role" => *role, "queue" => queue.clone())
}

/// No depth is known: nobody has been asked yet, or nobody answers.
pub fn begin_depths(config: &BrokerConfig) {
    queues(config).iter().for_each(|queue| depth(queue).set(f64::NAN));
}

/// Asks for all depths again and again. A broker that blocks publishers does not read questions on their connection.
pub(super) async fn tell_depths(
    connection: &Connection,
    mut blocked: watch::Receiver<bool>,
    config: &BrokerConfig,
) -> Infallible {
    let forget = async {
        while blocked.wait_for(|blocked| *blocked).await.is_ok() {
            begin_depths(config);
            if blocked.wait_for(|blocked| !*blocked).await.is_err() {
                break;
            }
        }
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        // an answer that came before the alarm is not told after it
        biased;
        never = ask(connection, config) => never,
        never = forget => never,
    }
}

async fn ask(connection: &Connection, config: &BrokerConfig) -> Infallible {
    let queues = queues(config);
    let mut channel = None;
    loop {
        for queue in &queues {
            let messages = ready(connection, &mut channel, &queue.1).await;
            depth(queue).set(messages.map_or(f64::NAN, f64::from));
        }
        tokio::time::sleep(ASK_EVERY).await;
    }
}

/// Messages that are ready. Without such a queue there is none, and the question has closed its channel.
async fn ready(connection: &Connection, channel: &mut Option<Channel>, queue: &str) -> Option<u32> {
    let asked = match channel.take() {
        Some(open) => open,
        None => connection.create_channel().await.ok()?,
    };
    let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
    let found = asked.queue_declare(short(queue), passive, FieldTable::default()).await.ok()?;
    *channel = Some(asked);
    Some(found.message_count())
}
