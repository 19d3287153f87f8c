//! The shop's own connections, which outlive whatever happens to the broker: one that publishes, one that listens.
//! Not here: what is published and what is made of what is heard.

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Error};
use tokio::time::{sleep, timeout};

use crate::messages::Message;
use crate::support::relay::Relay;

/// For connecting to a node that may be half dead.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// How long a listener hears nothing before it consumes anew.
pub(crate) const SILENT_FOR: Duration = Duration::from_secs(60);
/// For a confirm. Longer than any alarm of a scenario lasts.
const CONFIRM_WITHIN: Duration = Duration::from_secs(30);
/// Before the next try, with the next node.
const PAUSE: Duration = Duration::from_millis(100);
/// Messages that a listener has not acknowledged yet.
const UNACKNOWLEDGED: u16 = 100;

/// Where the broker is: one address for each node.
pub(crate) type Nodes = Arc<Vec<String>>;

/// End of one try to publish.
pub(crate) enum Published {
    /// The broker has it.
    Accepted,
    /// The broker said that it has not.
    Refused,
    /// Nobody knows.
    Unknown,
}

/// Publishes with confirms.
pub(crate) struct Publisher {
    nodes: Nodes,
    tries: usize,
    open: Option<(Connection, Channel)>,
}

impl Publisher {
    pub(crate) fn new(nodes: &Nodes) -> Self {
        Self { nodes: Arc::clone(nodes), tries: 0, open: None }
    }

    /// Publishes to the shop's exchange. After a loss the next call connects again.
    pub(crate) async fn publish(&mut self, message: &Message) -> Published {
        self.publish_to("shop.events", &message.key, message.properties.clone(), &message.body).await
    }

    /// Publishes to a queue, until the broker has it.
    pub(crate) async fn deliver(&mut self, queue: &str, body: &[u8]) {
        while !matches!(self.publish_to("", queue, BasicProperties::default(), body).await, Published::Accepted) {}
    }

    async fn publish_to(&mut self, exchange: &str, key: &str, properties: BasicProperties, body: &[u8]) -> Published {
        let channel = self.channel().await;
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let published =
            async { channel.basic_publish(exchange.into(), key.into(), options, body, properties).await?.await };
        match timeout(CONFIRM_WITHIN, published).await {
            Ok(Ok(Confirmation::Ack(None))) => Published::Accepted,
            Ok(Ok(Confirmation::Ack(Some(_)) | Confirmation::Nack(_) | Confirmation::NotRequested)) => {
                sleep(PAUSE).await;
                Published::Refused
            }
            Ok(Err(_)) | Err(_) => {
                self.open = None;
                Published::Unknown
            }
        }
    }

    async fn channel(&mut self) -> Channel {
        loop {
            if let Some((_, channel)) = self.open.as_ref().filter(|(it, _)| it.status().connected()) {
                return channel.clone();
            }
            self.open = connect(&self.nodes, self.tries, "chaos shop").await;
            self.tries += 1;
        }
    }
}

/// Takes all messages out of a queue, for ever, and hands each to `hear`. The nodes are reached by `wires`. Those are cut
/// whenever it begins again, so that no consumer of before is given messages that nobody reads.
pub(crate) async fn listen(nodes: Nodes, wires: Vec<Relay>, queue: &str, hear: impl Fn(&Delivery)) {
    for tries in 0.. {
        if let Some((_connection, channel)) = connect(&nodes, tries, "chaos listener").await {
            // whatever ends it, it begins again
            drop(hear_all(&channel, queue, &hear).await);
        }
        for wire in &wires {
            wire.cut().await;
        }
        sleep(PAUSE).await;
    }
}

async fn hear_all(channel: &Channel, queue: &str, hear: &impl Fn(&Delivery)) -> Result<(), Error> {
    let consuming = async {
        channel.basic_qos(UNACKNOWLEDGED, BasicQosOptions::default()).await?;
        channel.basic_consume(queue.into(), "".into(), BasicConsumeOptions::default(), FieldTable::default()).await
    };
    let Ok(consuming) = timeout(CONNECT_WITHIN, consuming).await else { return Ok(()) };
    let mut messages = consuming?;
    // a queue that lost its leader may answer nothing, for ever: a silent one is consumed anew
    while let Ok(Some(delivery)) = timeout(SILENT_FOR, messages.next()).await {
        let delivery = delivery?;
        hear(&delivery);
        // lapin never ends an acknowledgement that is asked for while the connection is being lost
        let Ok(acknowledged) = timeout(CONNECT_WITHIN, delivery.ack(BasicAckOptions::default())).await else { break };
        acknowledged?;
    }
    Ok(())
}

/// One try, with one of the nodes.
async fn connect(nodes: &Nodes, tries: usize, name: &str) -> Option<(Connection, Channel)> {
    let opened = timeout(CONNECT_WITHIN, async {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect(&nodes[tries % nodes.len()], properties).await?;
        let channel = connection.create_channel().await?;
        channel.confirm_select(ConfirmSelectOptions::default()).await?;
        Ok::<_, Error>((connection, channel))
    });
    match opened.await {
        Ok(Ok(opened)) => Some(opened),
        Ok(Err(_)) | Err(_) => {
            sleep(PAUSE).await;
            None
        }
    }
}
