//! A round: every contender once, each with a queue of its own that is full when it starts.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use futures_util::StreamExt;
use lapin::options::{
    BasicConsumeOptions, BasicPublishOptions, ConfirmSelectOptions, ExchangeDeclareOptions, QueueBindOptions,
    QueueDeclareOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties, Consumer, ExchangeKind};
use tokio::net::TcpListener;
use tokio::time::{Instant, timeout};

use crate::half_load::of_api;
use crate::messages::{What, message};
use crate::process::{Process, cpu_micros, peak_kib, resident_kib};
use crate::quiet::quiet;
use crate::report::{Contender, Figures, OfCase, Run, report, spread};
use crate::{Common, RunArguments};

/// No contender is so slow that nothing comes for so long.
const SILENCE: Duration = Duration::from_secs(60);
/// How long a worker has nothing to do before its memory is read.
const IDLE: Duration = Duration::from_secs(10);

/// A broker and the programs that are measured against it.
pub(crate) struct Bench {
    common: Common,
    before: PathBuf,
    node: Option<PathBuf>,
    rate: u32,
    uri: String,
    /// Kept open for the channel.
    _connection: Connection,
    channel: Channel,
    us: PathBuf,
}

/// The messages of a measurement.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) what: What,
    /// Bytes of a message, at least.
    pub(crate) bytes: usize,
    /// Messages that wait when a contender starts.
    pub(crate) backlog: usize,
    /// How many of them are settled while it is measured.
    pub(crate) measured: usize,
    /// Messages in flight.
    pub(crate) prefetch: u16,
    /// Orders that the messages are about; one for each message where nothing is said.
    pub(crate) orders: Option<usize>,
    /// For how many seconds messages are published at half of the speed that was measured.
    pub(crate) half_load: u64,
}

/// An API that only answers.
pub(crate) struct Api {
    endpoint: String,
    _process: Process,
}

/// The subject of a measurement: messages, and an API.
struct Case {
    name: String,
    /// Of the API, in milliseconds.
    latency: u64,
    load: Load,
    api: Api,
}

/// Measures every contender in every round and writes the figures. A run that is void fails.
pub(crate) async fn all(mut arguments: RunArguments) -> ExitCode {
    if arguments.node.is_some() && !arguments.contenders.contains(&Contender::Node) {
        arguments.contenders.push(Contender::Node);
    }
    let bench = Bench {
        before: arguments.before.clone(),
        node: arguments.node.clone(),
        rate: arguments.rate,
        ..Bench::connect(arguments.common.clone()).await
    };
    let (cases, before) = (bench.cases(&arguments).await, load_average());
    let idle_mb = match cases.first() {
        Some(case) if arguments.contenders.contains(&Contender::Worker) => Some(bench.idle_mb(case).await),
        _ => None,
    };
    let mut figures: BTreeMap<String, OfCase> = BTreeMap::new();
    let contenders = &arguments.contenders;
    for round in 0..arguments.rounds {
        for case in &cases {
            for place in 0..contenders.len() {
                // another one is first in each round
                let contender = contenders[(place + round) % contenders.len()];
                let queue = format!("bench-{round}-{}-{contender}", case.name);
                let measured = bench.measure(&case.api, &case.load, contender, &queue).await;
                println!("round {}, {}: {contender}: {measured}", round + 1, case.name);
                figures.entry(case.name.clone()).or_default().entry(contender).or_default().push(measured);
            }
            if case.latency > 0 {
                let of_case = figures.entry(case.name.clone()).or_default();
                let (_, rate, _) = spread(of_case.values().next().expect("a contender was measured"), |it| it.rate);
                let measured = direct(case, rate / 2.0).await;
                println!("round {}, {}: {}: {measured}", round + 1, case.name, Contender::Direct);
                of_case.entry(Contender::Direct).or_default().push(measured);
            }
        }
    }
    let run = Run {
        versions: arguments.common.version_of.clone(),
        processors: std::thread::available_parallelism().map_or(0, usize::from),
        idle_mb,
        load: [before, load_average()],
        void: void(arguments.valid_from, &figures),
    };
    report(&arguments.common.out, &run, &figures);
    if run.void.is_some() { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// The load of the last minute.
pub(crate) fn load_average() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    load.split(' ').next().unwrap_or_default().to_owned()
}

/// The API without a broker: its own latency at this rate, and how many messages a second that allows.
async fn direct(case: &Case, rate: f64) -> Figures {
    let waits = of_api(&case.api.endpoint, &case.load, rate).await;
    Figures {
        rate: f64::from(case.load.prefetch) * 1_000.0 / waits.at(0.5),
        client_cpu: f64::NAN,
        broker_cpu: f64::NAN,
        peak_mib: f64::NAN,
        p50: waits.at(0.5),
        p99: waits.at(0.99),
    }
}

/// Why the figures tell nothing: the loop that does the least is too slow on this machine.
fn void(least: f64, figures: &BTreeMap<String, OfCase>) -> Option<String> {
    let case = format!("{}-0ms", What::Creates.name());
    let loops = figures.get(&case).and_then(|figures| figures.get(&Contender::LoopSingle));
    let Some(loops) = loops else { return Some(format!("{case} of {} was not measured", Contender::LoopSingle)) };
    let (_, rate, _) = spread(loops, |it| it.rate);
    (rate < least).then(|| format!("{} had {rate:.0}/s, expected {least:.0}/s", Contender::LoopSingle))
}

impl Bench {
    /// A bench of the worker alone.
    pub(crate) async fn connect(common: Common) -> Self {
        let uri = std::env::var("BWP__BROKER__URI").expect("BWP__BROKER__URI names the broker; see scripts/bench");
        let _connection = Connection::connect(&uri, ConnectionProperties::default()).await.unwrap();
        let channel = _connection.create_channel().await.unwrap();
        channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        let us = std::env::current_exe().unwrap();
        Self { before: common.worker.clone(), node: None, rate: 0, common, uri, _connection, channel, us }
    }

    /// An API that answers after so many milliseconds, and may remember which orders were started.
    pub(crate) async fn api(&self, latency: u64, remember: bool) -> Api {
        let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        let serve = ["api", "--listen", &address.to_string(), "--latency", &latency.to_string()];
        let serve: Vec<_> = serve.into_iter().chain(remember.then_some("--remember")).map(String::from).collect();
        let _process = Process::start(&self.us, &serve, &[], "listening").await;
        Api { endpoint: format!("http://{address}/graphql"), _process }
    }

    async fn cases(&self, arguments: &RunArguments) -> Vec<Case> {
        let mut cases = Vec::new();
        let RunArguments { bytes, messages, prefetch, half_load, .. } = *arguments;
        for latency in &arguments.latency {
            for what in &arguments.what {
                let name = format!("{}-{latency}ms", what.name());
                let (backlog, measured) = (messages, messages);
                let load = Load { what: *what, bytes, backlog, measured, prefetch, orders: None, half_load };
                cases.push(Case { name, latency: *latency, load, api: self.api(*latency, false).await });
            }
        }
        cases
    }

    /// Memory of a worker that consumes an empty queue, in MB.
    async fn idle_mb(&self, case: &Case) -> f64 {
        let [name, events, results] = ["bench-idle", "bench-idle.events", "bench-idle.results"];
        self.declare(Contender::Worker, name, events, results).await;
        let process = self.start(&case.api, &case.load, Contender::Worker, name, events, results).await;
        tokio::time::sleep(IDLE).await;
        let idle = resident_kib(process.id()) as f64 * 1.024 / 1000.0;
        process.end().await;
        self.delete(name).await;
        idle
    }

    /// Measures one contender with a queue of its own.
    pub(crate) async fn measure(&self, api: &Api, load: &Load, contender: Contender, name: &str) -> Figures {
        let (events, results) = (format!("{name}.events"), format!("{name}.results"));
        self.declare(contender, name, &events, &results).await;
        let backlog = load.backlog;
        for number in 0..backlog {
            self.publish(load, &events, number, number % 500 == 0 || number + 1 == backlog).await;
        }
        quiet(self.common.broker_pid).await;
        let mut seen = self.consume(&results).await;
        let process = self.start(api, load, contender, name, &events, &results).await;

        next(&mut seen).await;
        let (began, cpu, broker) = (Instant::now(), cpu_micros(process.id()), self.broker_cpu());
        for _ in 1..load.measured {
            next(&mut seen).await;
        }
        let (took, settled) = (began.elapsed(), (load.measured - 1) as f64);
        let per_message = |before: u64, after: u64| (after - before) as f64 / settled;
        let (client, of_broker) = (per_message(cpu, cpu_micros(process.id())), per_message(broker, self.broker_cpu()));
        let rate = settled / took.as_secs_f64();
        let waits = self.at_half_load(load, &events, &mut seen, rate / 2.0).await;
        let peak = peak_kib(process.id());
        process.end().await;
        self.delete(name).await;
        Figures {
            rate,
            client_cpu: client,
            broker_cpu: of_broker,
            peak_mib: peak as f64 / 1024.0,
            p50: waits.at(0.5),
            p99: waits.at(0.99),
        }
    }

    /// Deletes a queue with all that a worker has declared beside it: hundreds of idle quorum queues cost the broker CPU.
    async fn delete(&self, name: &str) {
        const BESIDE: [&str; 8] =
            ["", ".results", ".tries", ".retry.5s", ".retry.30s", ".retry.2m", ".retry.10m", ".retry.1h"];
        for part in BESIDE {
            let queue = format!("{name}{part}");
            self.channel.queue_delete(queue.into(), QueueDeleteOptions::default()).await.unwrap();
        }
    }

    fn broker_cpu(&self) -> u64 {
        self.common.broker_pid.map_or(0, cpu_micros)
    }

    async fn declare(&self, contender: Contender, queue: &str, events: &str, results: &str) {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        for exchange in [events, results] {
            let declared =
                self.channel.exchange_declare(exchange.into(), ExchangeKind::Topic, durable, FieldTable::default());
            declared.await.unwrap();
        }
        // as the worker declares its work queue, so that all have the same broker's work
        let mut arguments = FieldTable::default();
        if contender == Contender::ClassicResults {
            self.declare_queue(results, arguments.clone()).await;
        }
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
        if contender != Contender::ClassicResults {
            self.declare_queue(results, arguments.clone()).await;
        }
        arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
        arguments.insert("x-delivery-limit".into(), AMQPValue::LongLongInt(1_000_000));
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

    pub(crate) async fn publish(&self, load: &Load, events: &str, number: usize, wait: bool) {
        let Load { what, bytes, orders, .. } = *load;
        let body = message(what, number, bytes, orders);
        let (options, kind) = (BasicPublishOptions::default(), what.kind());
        let properties = BasicProperties::default().with_content_type(what.content_type().into()).with_delivery_mode(2);
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

    async fn start(
        &self,
        api: &Api,
        load: &Load,
        contender: Contender,
        queue: &str,
        events: &str,
        results: &str,
    ) -> Process {
        let worker = match contender {
            Contender::Before => &self.before,
            _ => &self.common.worker,
        };
        if contender == Contender::Worker || contender == Contender::Before {
            let settings = self.settings(api, load, queue, events, results);
            let mut arguments = vec!["run".to_owned()];
            if let Some(file) = load.what.settings() {
                arguments.extend(["--config".to_owned(), file.display().to_string()]);
            }
            return Process::start(worker, &arguments, &settings, "consuming").await;
        }
        let prefetch = load.prefetch.to_string();
        let named = [
            ("--uri", self.uri.as_str()),
            ("--queue", queue),
            ("--results", results),
            ("--endpoint", &api.endpoint),
            ("--prefetch", &prefetch),
        ];
        let named = named.iter().flat_map(|(name, value)| [(*name).to_owned(), (*value).to_owned()]);
        let differs = contender.differs(self.rate);
        let (program, first) = match (&differs, &self.node) {
            (None, Some(folder)) => (Path::new("node"), folder.join("loop.mjs").display().to_string()),
            (None, None) => panic!("--node names the folder of the loop in Node; see scripts/bench"),
            (Some(_), _) => (self.us.as_path(), "loop".to_owned()),
        };
        let arguments: Vec<String> = [first].into_iter().chain(named).chain(differs.into_iter().flatten()).collect();
        Process::start(program, &arguments, &[], "consuming").await
    }

    fn settings(&self, api: &Api, load: &Load, queue: &str, events: &str, results: &str) -> Vec<(String, String)> {
        let prefetch = load.prefetch.to_string();
        let settings = [
            ("BWP__BROKER__URI", self.uri.as_str()),
            ("BWP__BROKER__QUEUE", queue),
            ("BWP__BROKER__EVENTS", events),
            ("BWP__BROKER__PREFETCH", &prefetch),
            ("BWP__RESULTS__EXCHANGE", results),
            ("BWP__API__ENDPOINT", &api.endpoint),
            ("BWP__API__TOKEN_ENDPOINT", &api.endpoint.replace("/graphql", "/token")),
            ("BWP__API__CLIENT_ID", "bench"),
            ("BWP__API__CLIENT_SECRET", "bench"),
            ("BWP__API__TARGET_ID", "bench"),
            // as quiet as the loop is
            ("BWP__LOG__FILTER", "warn,bwp_sync::broker=info"),
        ];
        let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
        settings.into_iter().chain(allocator_of_the_image()).collect()
    }
}

/// Variables of the memory allocator, as the image sets them.
fn allocator_of_the_image() -> impl Iterator<Item = (String, String)> {
    let set = include_str!("../../Dockerfile").lines().filter_map(|line| line.strip_prefix("ENV MALLOC_"));
    set.filter_map(|set| set.split_once('=')).map(|(name, value)| (format!("MALLOC_{name}"), value.to_owned()))
}

async fn next(seen: &mut Consumer) {
    timeout(SILENCE, seen.next()).await.expect("results go on").unwrap().unwrap();
}
