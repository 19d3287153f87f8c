//! The queues of version 0.1.0, their messages, and a shop that publishes meanwhile.
//! Not here: the migration; see `migrate`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use lapin::message::Delivery;
use lapin::options::{ExchangeDeclareOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, ExchangeKind};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

use crate::messages::{Message, checkout, json};
use crate::stage::{ORDERS, SOON, Stage};
use crate::support::amqp::{Client, Collector};

pub(crate) const SUSPECTS: &str = "bwp.orders.suspects";
/// Keeps its messages for longer than any test takes.
pub(crate) const RETRY: &str = "bwp.orders.retry.1h";
/// Passes its messages on while a migration runs.
pub(crate) const RETRY_SOON: &str = "bwp.orders.retry.3s";
pub(crate) const DELAYS: (&str, &str) = ("BWP__RETRY__DELAYS", "3s,1h");

/// The topology of version 0.1.0, as that version declared it.
pub(crate) async fn declare_old(stage: &Stage) {
    let channel = &stage.shop.channel;
    for exchange in ["shop.events", "bwp.results", "bwp.dead"] {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default()).await.unwrap();
    }
    let text = |value: &str| AMQPValue::LongString(value.into());
    let number = AMQPValue::LongLongInt;
    let to = |exchange, key| vec![("x-dead-letter-exchange", text(exchange)), ("x-dead-letter-routing-key", text(key))];
    let retry = |millis| [to("", ORDERS), vec![("x-message-ttl", number(millis))]].concat();
    let to_letters = vec![("x-dead-letter-exchange", text("bwp.dead"))];
    let queues = [
        ("bwp.dead-letters.parked", vec![]),
        ("bwp.dead-letters", to("", "bwp.dead-letters.parked")),
        (ORDERS, to_letters.clone()),
        (SUSPECTS, to_letters),
        (RETRY_SOON, retry(3000)),
        (RETRY, retry(3_600_000)),
    ];
    for (queue, mut arguments) in queues {
        if !arguments.is_empty() {
            arguments.push(("x-dead-letter-strategy", text("at-least-once")));
            arguments.push(("x-overflow", text("reject-publish")));
        }
        arguments.push(("x-queue-type", text("quorum")));
        arguments.push(("x-delivery-limit", number(1_000_000)));
        let mut table = FieldTable::default();
        for (name, value) in arguments {
            table.insert(name.into(), value);
        }
        channel.queue_declare(queue.into(), QueueDeclareOptions::durable(), table).await.unwrap();
    }
    stage.bind("bwp.dead-letters", "bwp.dead", "#").await;
    for kind in ["checkout-completed", "fulfillment-triggered", "order-amended", "refund-updated"] {
        for key in [kind.to_owned(), kind.replace('-', ".")] {
            stage.bind(ORDERS, "shop.events", &key).await;
        }
    }
}

/// A hop of version 0.1.0 after three attempts.
fn hop(message: &Message) -> BasicProperties {
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("bwp-source-exchange", "shop.events"),
        ("bwp-source-routing-key", &message.key),
        ("bwp-first-taken-at", "2026-01-02T03:04:05Z"),
        ("bwp-replay-id", "run"),
    ] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    headers.insert("bwp-attempts".into(), AMQPValue::LongUInt(3));
    message.properties.clone().with_headers(headers)
}

/// A letter as version 0.1.0 wrote it, for an order that can be created by now.
pub(crate) async fn publish_letter(stage: &Stage, order: &str) {
    let message = checkout(order);
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("bwp-letter-id", "c38e7ad0-b4e4-58aa-bc2f-9b244a35bb9c"),
        ("bwp-operation", "createOrder"),
        ("bwp-error-type", "ValidationError"),
        ("bwp-error-code", "ItemOutOfStock"),
        ("bwp-error-class", "rejected"),
        ("bwp-error-message", "HTTP 200: Item is out of stock"),
        ("bwp-suggested-action", "replay when it is in stock"),
        ("bwp-order", order),
        ("bwp-source-queue", ORDERS),
        ("bwp-source-exchange", "shop.events"),
        ("bwp-source-routing-key", &message.key),
        ("bwp-first-failed-at", "2026-01-02T03:04:05Z"),
        ("bwp-dead-lettered-at", "2026-01-02T03:04:06Z"),
        ("bwp-worker-version", "0.1.0"),
    ] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    headers.insert("bwp-attempts".into(), AMQPValue::LongUInt(1));
    headers.insert("bwp-replays".into(), AMQPValue::LongUInt(0));
    let properties = message.properties.clone().with_headers(headers);
    stage.shop.publish("bwp.dead", "createOrder.ItemOutOfStock", properties, &message.body).await;
}

pub(crate) async fn publish_hops(stage: &Stage, queue: &str, orders: &[String]) {
    for order in orders {
        let message = checkout(order);
        stage.shop.publish("", queue, hop(&message), &message.body).await;
    }
}

pub(crate) async fn publish(stage: &Stage, orders: &[String]) {
    for order in orders {
        stage.publish(&checkout(order)).await;
    }
}

pub(crate) fn orders(what: &str, number: usize) -> Vec<String> {
    (0..number).map(|it| format!("{what}-{it:04}")).collect()
}

/// The shop, which publishes all the time. A message that nobody takes fails the test.
pub(crate) struct Shop {
    stop: Arc<Notify>,
    published: JoinHandle<Vec<String>>,
}

impl Shop {
    pub(crate) async fn open(stage: &Stage) -> Self {
        let client = Client::connect(&stage.vhost.amqp_uri(), "shop").await;
        let stop = Arc::new(Notify::new());
        let stopped = Arc::clone(&stop);
        let published = tokio::spawn(async move {
            let mut published = Vec::new();
            loop {
                tokio::select! {
                    () = stopped.notified() => return published,
                    () = tokio::time::sleep(Duration::from_millis(10)) => {}
                }
                let order = format!("meanwhile-{:04}", published.len());
                let message = checkout(&order);
                client.publish("shop.events", &message.key, message.properties, &message.body).await;
                published.push(order);
            }
        });
        Self { stop, published }
    }

    /// Returns what was published.
    pub(crate) async fn close(self) -> Vec<String> {
        self.stop.notify_one();
        self.published.await.unwrap()
    }
}

/// Takes messages out of the work queue until all these orders have come.
pub(crate) async fn arrived(stage: &Stage, expected: &[String]) -> Collector {
    let expected: BTreeSet<_> = expected.iter().cloned().collect();
    let mut collector = stage.shop.collect(ORDERS).await;
    let all = |seen: &[Delivery]| seen.iter().map(order).collect::<BTreeSet<_>>() == expected;
    collector.until(SOON, |seen| seen.len() >= expected.len() && all(seen)).await;
    collector
}

pub(crate) fn order(delivery: &Delivery) -> String {
    json(delivery)["subject"].as_str().unwrap_or_default().to_owned()
}

pub(crate) fn boolean(delivery: &Delivery, name: &str) -> bool {
    let headers = delivery.properties.headers().as_ref();
    headers.and_then(|headers| headers.inner().get(name)) == Some(&AMQPValue::Boolean(true))
}

/// Each order once, where it came first, of those that begin so.
fn firsts(deliveries: &[&Delivery], what: &str) -> Vec<String> {
    let mut seen = BTreeSet::new();
    deliveries.iter().map(|it| order(it)).filter(|it| it.starts_with(what) && seen.insert(it.clone())).collect()
}

/// Copies are in the order of their publication, old ones first, and so are the shop's own messages among themselves.
pub(crate) fn assert_order(deliveries: &[Delivery]) {
    let (copies, own): (Vec<_>, Vec<_>) =
        deliveries.iter().filter(|it| !order(it).starts_with("soon")).partition(|it| it.exchange.as_str().is_empty());
    for what in ["suspect", "old", "meanwhile"] {
        let came = firsts(&copies, what);
        assert!(came.is_sorted(), "{what}: {came:?}");
    }
    let came = firsts(&copies, "");
    let rank = |order: &String| ["suspect", "old", "meanwhile"].iter().position(|what| order.starts_with(what));
    assert!(came.is_sorted_by_key(rank), "{came:?}");
    assert!(firsts(&own, "").is_sorted());
    let last_old = deliveries.iter().rposition(|it| order(it).starts_with("old"));
    let first_own = deliveries.iter().position(|it| !it.exchange.as_str().is_empty());
    assert!(first_own.is_none() || last_old < first_own, "new messages came before old ones");
}
