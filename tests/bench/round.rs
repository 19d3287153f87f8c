//! A round: every contender once, each with a queue of its own that is full when it starts.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};

use crate::RunArguments;
use crate::messages::message;
use crate::process::{Process, cpu_micros, peak_kib};
use crate::report::{Contender, Figures, report};

/// No contender is so slow that nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(60);
/// For how long messages are published at half of the contender's speed.
const HALF_LOAD: Duration = Duration::from_secs(10);

struct Bench {
    arguments: RunArguments,
    uri: String,
    channel: Channel,
    endpoint: String,
}

/// Measures every contender in every round and writes the figures.
pub(crate) async fn all(arguments: RunArguments) {
    let uri = std::env::var("BWP__BROKER__URI").expect("BWP__BROKER__URI names the broker; see scripts/bench");
    let connection = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let us = std::env::current_exe().unwrap();
    let serve = ["api", "--listen", &address.to_string(), "--latency", &arguments.latency.to_string()];
    let api = Process::start(&us, &serve.map(String::from), &[], "listening").await;
    let bench = Bench { endpoint: format!("http://{address}/graphql"), arguments, uri, channel };

    let mut contenders = vec![Contender::LoopSingle, Contender::LoopMultiple, Contender::Worker];
    contenders.extend(bench.arguments.node.is_some().then_some(Contender::Node));
    let mut figures: HashMap<Contender, Vec<Figures>> = HashMap::new();
    for round in 0..bench.arguments.rounds {
        for place in 0..contenders.len() {
            // another one is first in each round
            let contender = contenders[(place + round) % contenders.len()];
            let measured = bench.measure(contender, &format!("bench-{round}-{contender}"), &us).await;
            println!("round {}: {contender}: {measured}", round + 1);
            figures.entry(contender).or_default().push(measured);
        }
    }
    api.end().await;
    report(&bench.arguments.out, &contenders, &figures);
}

impl Bench {
    async fn measure(&self, contender: Contender, name: &str, us: &Path) -> Figures {
        let (events, results) = (format!("{name}.events"), format!("{name}.results"));
        self.declare(name, &events, &results).await;
        let backlog = self.arguments.messages;
        for number in 0..backlog {
            self.publish(&events, number, number % 500 == 0 || number + 1 == backlog).await;
        }
        let mut seen = self.consume(&results).await;
        let process = self.start(contender, name, &events, &results, us).await;

        next(&mut seen).await;
        let (began, cpu, broker) = (Instant::now(), cpu_micros(process.id()), self.broker_cpu());
        for _ in 1..backlog {
            next(&mut seen).await;
        }
        let (took, settled) = (began.elapsed(), (backlog - 1) as f64);
        let per_message = |before: u64, after: u64| (after - before) as f64 / settled;
        let (client, of_broker) = (per_message(cpu, cpu_micros(process.id())), per_message(broker, self.broker_cpu()));
        let rate = settled / took.as_secs_f64();
        let waits = self.at_half_load(&events, &mut seen, rate / 2.0).await;
        let peak = peak_kib(process.id());
        process.end().await;
        for queue in [name, &results] {
            self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        }
        let at = |share: f64| waits[((waits.len() - 1) as f64 * share) as usize].as_secs_f64() * 1_000.0;
        Figures {
            rate,
            client_cpu: client,
            broker_cpu: of_broker,
            peak_mib: peak as f64 / 1024.0,
            p50: at(0.5),
            p99: at(0.99),
        }
    }

    fn broker_cpu(&self) -> u64 {
        self.arguments.broker_pid.map_or(0, cpu_micros)
    }

    async fn declare(&self, queue: &str, events: &str, results: &str) {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for exchange in [events, results] {
            let declared =
                self.channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
            declared.await.unwrap();
        }
        // as the worker declares its work queue, so that all have the same broker's work
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        self.declare_queue(results, arguments.clone()).await;
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongInt(1_000_000));
        arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("bwp.dead".into()));
        arguments.insert("x-dead-letter-strategy".into(), AMQPValue::LongString("at-least-once".into()));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("reject-publish".into()));
        self.declare_queue(queue, arguments).await;
        for (bound, exchange) in [(queue, events), (results, results)] {
            let (options, none) = (QueueBindOptions::default(), FieldTable::default());
            self.channel.queue_bind(bound.into(), exchange.into(), "#".into(), options, none).await.unwrap();
        }
    }

    async fn declare_queue(&self, name: &str, arguments: FieldTable) {
        self.channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments).await.unwrap();
    }

    async fn publish(&self, events: &str, number: usize, wait: bool) {
        let body = message(self.arguments.what, number, self.arguments.bytes);
        let (options, kind) = (BasicPublishOptions::default(), self.arguments.what.kind());
        let properties =
            BasicProperties::default().with_content_type("application/cloudevents+json".into()).with_delivery_mode(2);
        let published =
            self.channel.basic_publish(events.into(), kind.into(), options, &body, properties).await.unwrap();
        if wait {
            published.await.unwrap();
        }
    }

    async fn consume(&self, queue: &str) -> Consumer {
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        self.channel.basic_consume(queue.into(), "".into(), options, FieldTable::default()).await.unwrap()
    }

    async fn start(&self, contender: Contender, queue: &str, events: &str, results: &str, us: &Path) -> Process {
        let prefetch = self.arguments.prefetch.to_string();
        let (program, arguments, environment) = match contender {
            Contender::Worker => {
                (self.arguments.worker.clone(), vec!["run".to_owned()], self.settings(queue, events, results))
            }
            Contender::LoopSingle | Contender::LoopMultiple | Contender::Node => {
                let mut arguments: Vec<String> = Vec::new();
                let named = [
                    ("--uri", self.uri.as_str()),
                    ("--queue", queue),
                    ("--results", results),
                    ("--endpoint", &self.endpoint),
                    ("--prefetch", &prefetch),
                ];
                arguments.extend(named.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]));
                let program = self.program(contender, &mut arguments, us);
                (program, arguments, Vec::new())
            }
        };
        Process::start(&program, &arguments, &environment, "consuming").await
    }

    fn program(&self, contender: Contender, arguments: &mut Vec<String>, us: &Path) -> PathBuf {
        if contender == Contender::Node {
            let folder = self.arguments.node.as_ref().expect("it is no contender else");
            arguments.insert(0, folder.join("loop.mjs").display().to_string());
            return "node".into();
        }
        arguments.insert(0, "loop".to_owned());
        arguments.extend((contender == Contender::LoopMultiple).then(|| "--multiple".to_owned()));
        us.to_owned()
    }

    fn settings(&self, queue: &str, events: &str, results: &str) -> Vec<(String, String)> {
        let prefetch = self.arguments.prefetch.to_string();
        let settings = [
            ("BWP__BROKER__URI", self.uri.as_str()),
            ("BWP__BROKER__QUEUE", queue),
            ("BWP__BROKER__EVENTS", events),
            ("BWP__BROKER__PREFETCH", &prefetch),
            ("BWP__RESULTS__EXCHANGE", results),
            ("BWP__API__ENDPOINT", &self.endpoint),
            ("BWP__API__TOKEN_ENDPOINT", &self.endpoint.replace("/graphql", "/token")),
            ("BWP__API__CLIENT_ID", "bench"),
            ("BWP__API__CLIENT_SECRET", "bench"),
            ("BWP__API__TARGET_ID", "bench"),
            // as quiet as the loop is
            ("BWP__LOG__FILTER", "warn,bwp_sync::broker=info"),
        ];
        settings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    /// From publication to result, sorted, while messages come at this rate.
    async fn at_half_load(&self, events: &str, seen: &mut Consumer, rate: f64) -> Vec<Duration> {
        let count = (rate * HALF_LOAD.as_secs_f64()) as usize;
        let first = self.arguments.messages;
        let mut published = HashMap::with_capacity(count);
        let mut waits = Vec::with_capacity(count);
        let mut ticks = interval(Duration::from_millis(10));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
        let began = Instant::now();
        while waits.len() < count {
            tokio::select! {
                _ = ticks.tick(), if published.len() < count => {
                    let due = ((began.elapsed().as_secs_f64() * rate) as usize).min(count);
                    for number in published.len()..due {
                        published.insert(format!("m-{}", first + number), Instant::now());
                        self.publish(events, first + number, false).await;
                    }
                }
                result = seen.next() => {
                    let result = result.unwrap().unwrap();
                    waits.extend(published.get(&cause(&result.data)).map(Instant::elapsed));
                }
            }
        }
        waits.sort();
        waits
    }
}

async fn next(seen: &mut Consumer) {
    timeout(SILENCE, seen.next()).await.expect("results go on").unwrap().unwrap();
}

/// Id of the message that a result is for.
fn cause(result: &[u8]) -> String {
    let result: serde_json::Value = serde_json::from_slice(result).unwrap();
    result["data"]["causationId"].as_str().unwrap_or_default().to_owned()
}
