//! The least that a program between RabbitMQ and an API can do: consume, call, publish with a confirm, acknowledge. It reads
//! the message once and promises nothing.

use futures_util::StreamExt;
use lapin::message::Delivery;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions, ConfirmSelectOptions,
};
use lapin::types::{DeliveryTag, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use serde_json::{Value, json};
use tokio::sync::mpsc;

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
    /// Acknowledge all up to the highest contiguous one, instead of each.
    #[arg(long)]
    multiple: bool,
}

pub(crate) async fn run(arguments: Arguments) {
    let connection = Connection::connect(&arguments.uri, ConnectionProperties::default()).await.unwrap();
    let (consuming, publishing) =
        (connection.create_channel().await.unwrap(), connection.create_channel().await.unwrap());
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
    if arguments.multiple {
        tokio::spawn(acknowledge_contiguous(consuming.clone(), settled));
    }
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    println!("consuming");
    while let Some(delivery) = deliveries.next().await {
        let delivery = delivery.unwrap();
        let (arguments, publishing, http, done) = (arguments.clone(), publishing.clone(), http.clone(), done.clone());
        tokio::spawn(async move {
            settle(&arguments, &http, &publishing, &delivery).await;
            if arguments.multiple {
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
    let result = json!({ "data": { "causationId": event["id"], "answer": answer["data"] } }).to_string();
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let properties = BasicProperties::default().with_delivery_mode(2);
    let published = publishing.basic_publish(
        arguments.results.as_str().into(),
        "done".into(),
        options,
        result.as_bytes(),
        properties,
    );
    assert!(published.await.unwrap().await.unwrap().is_ack());
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
