//! The least that a program between RabbitMQ and an API can do: consume, call, publish with a confirm, acknowledge. It reads
//! the message once and promises nothing.

use std::fmt::{Display, Formatter};
use std::time::Duration;

use clap::ValueEnum;
use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{AMQPValue, DeliveryTag, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tokio::sync::mpsc;
use tokio::time::Instant;

#[derive(clap::Args, Clone)]
pub(crate) struct Arguments {
    /// The broker.
    #[arg(long)]
    uri: String,
    /// The queue to consume.
    #[arg(long)]
    queue: String,
    /// The exchange for results.
    #[arg(long)]
    results: String,
    /// The API's GraphQL endpoint.
    #[arg(long)]
    endpoint: String,
    /// Messages in flight.
    #[arg(long)]
    prefetch: u16,
    /// In which points it is more like the worker.
    #[arg(long)]
    difference: Vec<Difference>,
    /// Messages a second that it takes at most.
    #[arg(long)]
    rate: Option<u32>,
}

/// A point in which the loop can be more like the worker.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub(crate) enum Difference {
    /// Acknowledge all up to the highest contiguous one, instead of each.
    MultipleAcks,
    /// Consume and publish on a connection each.
    TwoConnections,
    /// Those, with frames of 32 KiB for publishing.
    SmallFrames,
    /// Publish without `mandatory`.
    NotMandatory,
    /// Publish the properties, headers and bytes that a result of the worker has.
    LikeResults,
}

impl Display for Difference {
    fn fmt(&self, to: &mut Formatter<'_>) -> std::fmt::Result {
        to.write_str(self.to_possible_value().unwrap().get_name())
    }
}

impl Arguments {
    fn has(&self, difference: Difference) -> bool {
        self.difference.contains(&difference)
    }
}

pub(crate) async fn run(arguments: Arguments) {
    let connect = async |query: &str| {
        let uri = format!("{}{query}", arguments.uri);
        Connection::connect(&uri, ConnectionProperties::default()).await.unwrap()
    };
    let connection = connect("").await;
    let second = match (arguments.has(Difference::TwoConnections), arguments.has(Difference::SmallFrames)) {
        (_, true) => Some(connect("?frame_max=32768").await),
        (true, false) => Some(connect("").await),
        (false, false) => None,
    };
    let consuming = connection.create_channel().await.unwrap();
    let publishing = second.as_ref().unwrap_or(&connection).create_channel().await.unwrap();
    publishing.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    consuming.basic_qos(arguments.prefetch, BasicQosOptions::default()).await.unwrap();
    let consume = consuming.basic_consume(
        arguments.queue.as_str().into(),
        "".into(),
        BasicConsumeOptions::default(),
        FieldTable::default(),
    );
    let mut deliveries = consume.await.unwrap();
    let (done, settled) = mpsc::unbounded_channel();
    if arguments.has(Difference::MultipleAcks) {
        tokio::spawn(acknowledge_contiguous(consuming.clone(), settled));
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    println!("consuming");
    let (began, mut taken) = (Instant::now(), 0_u32);
    while let Some(delivery) = deliveries.next().await {
        if let Some(rate) = arguments.rate {
            tokio::time::sleep_until(began + Duration::from_secs_f64(f64::from(taken) / f64::from(rate))).await;
            taken += 1;
        }
        let delivery = delivery.unwrap();
        let (arguments, publishing, http, done) = (arguments.clone(), publishing.clone(), http.clone(), done.clone());
        tokio::spawn(async move {
            settle(&arguments, &http, &publishing, &delivery).await;
            if arguments.has(Difference::MultipleAcks) {
                done.send(delivery.delivery_tag).unwrap();
            } else {
                delivery.ack(BasicAckOptions::default()).await.unwrap();
            }
        });
    }
}

async fn settle(arguments: &Arguments, http: &reqwest::Client, publishing: &Channel, delivery: &Delivery) {
    let event: Value = serde_json::from_slice(&delivery.data).unwrap();
    let calls: &[&str] = match event["type"].as_str() {
        Some("checkout-completed") => &["mutation createOrder"],
        _ => &["query order", "mutation updateOrder"],
    };
    let mut answer = Value::Null;
    for query in calls {
        let body = json!({ "query": query, "variables": { "input": event["data"] } }).to_string();
        let request = http.post(&arguments.endpoint).header("content-type", "application/json").body(body);
        answer = serde_json::from_slice(&request.send().await.unwrap().bytes().await.unwrap()).unwrap();
    }
    let result = json!({ "data": { "causationId": event["id"], "answer": answer["data"] } });
    let (result, properties) = match arguments.has(Difference::LikeResults) {
        true => like_results(result, &event["id"]),
        false => (result.to_string(), BasicProperties::default().with_delivery_mode(2)),
    };
    let mandatory = !arguments.has(Difference::NotMandatory);
    let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
    let published = publishing.basic_publish(
        arguments.results.as_str().into(),
        "done".into(),
        options,
        result.as_bytes(),
        properties,
    );
    assert!(published.await.unwrap().await.unwrap().is_ack());
}

/// A result with the bytes and the properties that the worker's have.
fn like_results(mut result: Value, id: &Value) -> (String, BasicProperties) {
    result["like"] = Value::from("x".repeat(450));
    let mut headers = FieldTable::default();
    headers.insert("bwp-publication".into(), AMQPValue::LongLongInt(1));
    let id = format!("00000000-0000-5000-8000-{:0>12}", id.as_str().unwrap_or_default());
    let properties = BasicProperties::default()
        .with_content_type("application/cloudevents+json".into())
        .with_delivery_mode(2)
        .with_message_id(id.as_str().into())
        .with_type("order-created".into())
        .with_headers(headers);
    (result.to_string(), properties)
}

/// One acknowledgement for all that are settled without a gap.
async fn acknowledge_contiguous(channel: Channel, mut settled: mpsc::UnboundedReceiver<DeliveryTag>) {
    let (mut upto, mut beyond) = (0, std::collections::BTreeSet::new());
    let mut some = Vec::new();
    while settled.recv_many(&mut some, 256).await > 0 {
        beyond.extend(some.drain(..));
        let before = upto;
        while beyond.remove(&(upto + 1)) {
            upto += 1;
        }
        if upto > before {
            channel.basic_ack(upto, BasicAckOptions { multiple: true }).await.unwrap();
        }
    }
}
