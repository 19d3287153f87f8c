//! The shop's side of the broker: confirmed publications, and collected deliveries.
//! Not here: the adapter under test, which shares no code with this.

use std::time::Duration;

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, QueueBindOptions,
    QueueDeclareOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties, Consumer};
use tokio::time::{Instant, timeout_at};

use super::private::assert_nothing_private;

/// Longest wait for the confirm of one message.
const CONFIRM_WITHIN: Duration = Duration::from_secs(120);

/// A connection with one channel on which every publish is confirmed.
pub(crate) struct Client {
    pub(crate) connection: Connection,
    pub(crate) channel: Channel,
}

impl Client {
    /// Connects to a virtual host; `name` is the name of the connection that the broker shows.
    pub(crate) async fn connect(uri: &str, name: &str) -> Self {
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let connection = Connection::connect(uri, properties).await.expect("the broker accepts the connection");
        let channel = connection.create_channel().await.expect("a channel opens");
        channel.confirm_select(ConfirmSelectOptions::default()).await.expect("the broker confirms publishes");
        Self { connection, channel }
    }

    /// Declares a durable quorum queue that drops nothing, however often a message is delivered.
    pub(crate) async fn declare_quorum_queue(&self, name: &str) {
        // RabbitMQ 4 drops a message without one after twenty deliveries
        self.declare_quorum_queue_with(name, &[("x-delivery-limit", AMQPValue::LongInt(1_000_000))]).await;
    }

    /// Declares a durable quorum queue with these arguments beside its type.
    pub(crate) async fn declare_quorum_queue_with(&self, name: &str, more: &[(&str, AMQPValue)]) {
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        for (argument, value) in more {
            arguments.insert((*argument).into(), value.clone());
        }
        let options = QueueDeclareOptions::durable();
        self.channel.queue_declare(name.into(), options, arguments).await.expect("the queue can be declared");
    }

    /// Publishes a message and returns after the broker's confirm. A message that reaches no queue fails the test.
    pub(crate) async fn publish(&self, exchange: &str, routing_key: &str, properties: BasicProperties, body: &[u8]) {
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let published = self.channel.basic_publish(exchange.into(), routing_key.into(), options, body, properties);
        let confirm = published.await.expect("the message can be written");
        let confirmation = tokio::time::timeout(CONFIRM_WITHIN, confirm).await.expect("a confirm comes in time");
        match confirmation.expect("a confirm comes") {
            Confirmation::Ack(None) => {}
            other => panic!("exchange {exchange:?}, key {routing_key:?}: expected a plain ack, got {other:?}"),
        }
    }

    /// Consumes all messages of a queue, from now on.
    pub(crate) async fn collect(&self, queue: &str) -> Collector {
        let options = BasicConsumeOptions::default();
        let consumed = self.channel.basic_consume(queue.into(), "".into(), options, FieldTable::default());
        Collector { messages: consumed.await.expect("the queue can be consumed"), seen: Vec::new() }
    }

    /// Collects the messages of an exchange with keys that match `pattern`, from now on.
    pub(crate) async fn listen(&self, exchange: &str, pattern: &str) -> Collector {
        let options = QueueDeclareOptions { exclusive: true, ..QueueDeclareOptions::default() };
        let declared = self.channel.queue_declare("".into(), options, FieldTable::default());
        let queue = declared.await.expect("a queue of our own can be declared").name().clone();
        let (options, arguments) = (QueueBindOptions::default(), FieldTable::default());
        let bound = self.channel.queue_bind(queue.clone(), exchange.into(), pattern.into(), options, arguments);
        bound.await.expect("the exchange can be bound");
        self.collect(queue.as_str()).await
    }
}

/// Messages in the order of their arrival. Each is acknowledged at once, and searched for private data.
pub(crate) struct Collector {
    messages: Consumer,
    seen: Vec<Delivery>,
}

impl Collector {
    /// Waits until the messages so far satisfy `enough`, and returns them. Fails after `timeout` with the messages that
    /// arrived.
    pub(crate) async fn until(&mut self, timeout: Duration, enough: impl Fn(&[Delivery]) -> bool) -> &[Delivery] {
        let deadline = Instant::now() + timeout;
        while !enough(&self.seen) {
            let next = timeout_at(deadline, self.messages.next()).await;
            let delivery = match next {
                Ok(Some(delivery)) => delivery.expect("the consumer stays alive"),
                Ok(None) => panic!("the consumer ended after {} messages", self.seen.len()),
                Err(_) => panic!("not enough after {timeout:?}, got {:#?}", self.summary()),
            };
            delivery.ack(BasicAckOptions::default()).await.expect("a delivery can be acknowledged");
            check_privacy(&delivery);
            self.seen.push(delivery);
        }
        &self.seen
    }

    fn summary(&self) -> Vec<String> {
        self.seen.iter().map(|seen| format!("{}: {}", seen.routing_key, String::from_utf8_lossy(&seen.data))).collect()
    }
}

/// Checks that only the body of the shop's own message contains private data, wherever it is published.
fn check_privacy(delivery: &Delivery) {
    assert_nothing_private("headers", &format!("{:?}", delivery.properties));
    if delivery.exchange.as_str() == "bwp.results" {
        assert_nothing_private("result", &String::from_utf8_lossy(&delivery.data));
    }
}
