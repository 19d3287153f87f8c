//! Where a test plays: a virtual host, a simulated API, the shop's connection, and the real worker between them.
//! Not here: what is played.

use std::ops::{Deref, DerefMut};
use std::path::Path;
use std::time::Duration;

use bwp_sync::simulator::{CallEvent, CallPhase, Config, Operation, Simulator};
use lapin::message::Delivery;
use lapin::options::{ExchangeDeclareOptions, QueueBindOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, ExchangeKind};
use tokio::sync::broadcast::Receiver;

use crate::messages::Message;
use crate::support::amqp::{Client, Collector};
use crate::support::broker::{Broker, Consumer, Queue, Vhost};
use crate::support::process::Process;
use crate::support::program::{addresses, bwp_sync};
use crate::support::until::until;

/// Far beyond what any of this takes on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(120);
/// Messages that a worker of these tests may hold, unless its test says otherwise.
pub(crate) const PREFETCH: u64 = 20;
/// The work queue.
pub(crate) const ORDERS: &str = "bwp.orders";
/// The queue of dead letters.
pub(crate) const LETTERS: &str = "bwp.dead-letters";
/// Where results are kept for a test to read.
pub(crate) const RESULTS: &str = "test.results";

/// Everything but the worker.
pub(crate) struct Stage {
    pub(crate) simulator: Simulator,
    pub(crate) shop: Client,
    pub(crate) vhost: Vhost,
}

impl Stage {
    /// In the broker that all tests share.
    pub(crate) async fn new() -> Self {
        Self::on(&Broker::shared()).await
    }

    /// In a broker of the test's own.
    pub(crate) async fn on(broker: &Broker) -> Self {
        let vhost = broker.vhost().await;
        let shop = Client::connect(&vhost.amqp_uri(), "shop").await;
        let simulator = Simulator::start(Config::default()).await.expect("the simulator starts");
        Self { simulator, shop, vhost }
    }

    /// Connects the shop again, after its connection was lost with the broker.
    pub(crate) async fn reconnect(&mut self) {
        self.shop = Client::connect(&self.vhost.amqp_uri(), "shop").await;
    }

    /// A worker that consumes, with these settings over those of all tests.
    pub(crate) async fn worker(&self, settings: &[(&str, &str)]) -> Worker {
        let worker = self.starting_worker(settings);
        worker.consumes(1).await;
        worker
    }

    /// A worker with a consumer tag of its own, by which the broker tells who is active.
    pub(crate) async fn tagged(&self, tag: &str, settings: &[(&str, &str)]) -> Worker {
        let settings = [&[("BWP__BROKER__CONSUMER_TAG", tag)], settings].concat();
        self.worker(&settings).await
    }

    /// A worker that consumes, with a settings file.
    pub(crate) async fn configured(&self, config: &Path) -> Worker {
        let config = config.to_str().expect("the path is UTF-8");
        let worker = Worker(self.program(&["run", "--config", config], &[]));
        worker.consumes(1).await;
        worker
    }

    /// A worker that consumes, not waited for.
    pub(crate) fn starting_worker(&self, settings: &[(&str, &str)]) -> Worker {
        Worker(self.command("run", settings))
    }

    /// `bwp-sync` with this subcommand and the settings of a worker.
    pub(crate) fn command(&self, subcommand: &str, settings: &[(&str, &str)]) -> Process {
        self.program(&[subcommand], settings)
    }

    /// `bwp-sync` with these arguments and the settings of a worker.
    pub(crate) fn program(&self, arguments: &[&str], settings: &[(&str, &str)]) -> Process {
        let (uri, addresses) = (self.vhost.amqp_uri(), addresses(&self.simulator));
        let prefetch = PREFETCH.to_string();
        let version = std::env::var("BWP_TEST_API_VERSION").unwrap_or_default();
        let version = if version.is_empty() { "2024-11-01" } else { &version };
        let mut environment = vec![
            ("BWP__BROKER__URI", uri.as_str()),
            ("BWP__BROKER__PREFETCH", &prefetch),
            ("BWP__API__VERSION", version),
            ("BWP__API__SETTLE", "100ms"),
            ("BWP__API__TIMEOUT", "2s"),
            ("BWP__API__CONNECT_TIMEOUT", "500ms"),
            // more than four times any test's `api.timeout`
            ("BWP__BROKER__MAX_HOLD", "300s"),
            ("BWP__RETRY__FIRST_WAIT", "20ms"),
            ("BWP__RETRY__LONGEST_WAIT", "100ms"),
            ("BWP__RETRY__DELAYS", "200ms,500ms,1s"),
            ("BWP__SHUTDOWN__GRACE", "5s"),
        ];
        environment.extend(addresses.iter().map(|(name, address)| (*name, address.as_str())));
        // of two values for one name the later is taken
        environment.extend_from_slice(settings);
        bwp_sync(arguments, &environment)
    }

    /// Publishes to the shop's exchange. A worker must have declared it, or the test.
    pub(crate) async fn publish(&self, message: &Message) {
        self.shop.publish("shop.events", &message.key, message.properties.clone(), &message.body).await;
    }

    /// From now on results are kept until they are read.
    pub(crate) async fn keep_results(&self) {
        let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
        let (channel, none) = (&self.shop.channel, FieldTable::default());
        let declared = channel.exchange_declare("bwp.results".into(), ExchangeKind::Topic, durable, none);
        declared.await.expect("the exchange of results can be declared");
        self.shop.declare_quorum_queue(RESULTS).await;
        self.bind(RESULTS, "bwp.results", "#").await;
    }

    /// Ends the workers, which leave nothing in the work queue.
    pub(crate) async fn ends(&self, workers: impl IntoIterator<Item = Worker>) {
        for worker in workers {
            assert_eq!(worker.terminated().await, Some(0));
        }
        assert!(self.left_in(ORDERS).await.is_empty());
    }

    /// Results, from [`Stage::keep_results`] on or else from now on.
    pub(crate) async fn results(&self) -> Collector {
        self.keep_results().await;
        self.shop.collect(RESULTS).await
    }

    /// Letters, where an operator finds them. A worker must have declared the queue.
    pub(crate) async fn letters(&self) -> Collector {
        self.shop.collect(LETTERS).await
    }

    /// Binds a queue.
    pub(crate) async fn bind(&self, queue: &str, exchange: &str, key: &str) {
        let (options, none) = (QueueBindOptions::default(), FieldTable::default());
        let bound = self.shop.channel.queue_bind(queue.into(), exchange.into(), key.into(), options, none);
        bound.await.expect("the queue can be bound");
    }

    /// Waits until the broker lists one new consumer of the work queue, with this prefetch and on a channel not in `gone`.
    /// Returns the name of its channel.
    pub(crate) async fn consumer(&self, prefetch: u64, gone: &[String]) -> String {
        let what = format!("a new consumer of {ORDERS} with prefetch {prefetch}");
        let new = async || {
            let consumers = self.consumers().await;
            consumers.into_iter().filter(|it| !gone.contains(&it.channel)).collect::<Vec<_>>()
        };
        let is_it = |seen: &Vec<Consumer>| matches!(seen.as_slice(), [one] if one.prefetch == prefetch);
        until(&what, SOON, new, is_it).await.remove(0).channel
    }

    /// The consumers of the work queue that the broker lists.
    pub(crate) async fn consumers(&self) -> Vec<Consumer> {
        self.vhost.consumers().await.into_iter().filter(|it| it.queue == ORDERS).collect()
    }

    /// Waits until the broker lists one active consumer of the work queue, with this tag.
    pub(crate) async fn active(&self, tag: &str) -> Consumer {
        let active = async || self.consumers().await.into_iter().filter(|it| it.active).collect::<Vec<_>>();
        let is_it = |seen: &Vec<Consumer>| matches!(seen.as_slice(), [one] if one.tag == tag);
        until(&format!("{tag} is active"), SOON, active, is_it).await.remove(0)
    }

    /// The bodies that are left in a queue which nobody consumes any more, taken out.
    pub(crate) async fn left_in(&self, queue: &str) -> Vec<Vec<u8>> {
        let mut left = self.shop.collect(queue).await;
        self.rest_of(queue, &mut left).await.iter().map(|delivery| delivery.data.clone()).collect()
    }

    /// All that was ever collected of a queue to which nobody publishes any more. Figures would come late, so a mark is
    /// put behind it.
    pub(crate) async fn rest_of<'a>(&self, queue: &str, collector: &'a mut Collector) -> &'a [Delivery] {
        const MARK: &[u8] = b"nothing comes after this";
        self.shop.publish("", queue, BasicProperties::default(), MARK).await;
        let is_mark = |delivery: &Delivery| delivery.data == MARK;
        let seen = collector.until(SOON, |seen| seen.iter().any(is_mark)).await;
        seen.split(is_mark).next().unwrap_or_default()
    }

    /// Waits until the figures of a queue are as they should be.
    pub(crate) async fn queue(&self, name: &str, what: &str, holds: impl Fn(&Queue) -> bool) {
        let look = async || self.vhost.queue(name).await;
        until(&format!("{name}: {what}"), SOON, look, |queue| queue.as_ref().is_some_and(&holds)).await;
    }
}

/// `bwp-sync run`.
pub(crate) struct Worker(Process);

impl Worker {
    /// Waits until it has begun to consume for the given time since its start.
    pub(crate) async fn consumes(&self, times: usize) {
        let what = format!("the worker consumes for the {times}. time");
        until(&what, SOON, async || self.stderr(), |lines| count(lines, r#""message":"consuming""#) >= times).await;
    }

    /// Waits until it is fed; `took_over` says whether what it got first had been another's.
    pub(crate) async fn is_active(&self, took_over: bool) {
        self.says(&[r#""message":"active""#, &format!(r#""took_over":{took_over}"#)]).await;
    }

    /// Waits for a line of its log that has all of these in it.
    pub(crate) async fn says(&self, parts: &[&str]) -> String {
        self.wait_for_line(SOON, |line| parts.iter().all(|part| line.contains(part))).await
    }

    /// How many lines of its log so far have this in it.
    pub(crate) fn said(&self, part: &str) -> usize {
        count(&self.stderr(), part)
    }

    /// Ends it without a chance to do anything, and waits for that.
    pub(crate) async fn killed(mut self) {
        self.sigkill();
        self.wait(SOON).await;
    }

    /// Asks it to end, as Kubernetes does; returns its exit code.
    pub(crate) async fn terminated(mut self) -> Option<i32> {
        self.sigterm();
        self.wait(SOON).await.code()
    }
}

fn count(lines: &[String], part: &str) -> usize {
    lines.iter().filter(|line| line.contains(part)).count()
}

impl Deref for Worker {
    type Target = Process;

    fn deref(&self) -> &Process {
        &self.0
    }
}

impl DerefMut for Worker {
    fn deref_mut(&mut self) -> &mut Process {
        &mut self.0
    }
}

/// Waits for a step of a call about an order.
pub(crate) async fn call_of(calls: &mut Receiver<CallEvent>, operation: Operation, phase: CallPhase, order: &str) {
    call(calls, |event| event.operation == operation && event.phase == phase && event.alias.as_deref() == Some(order))
        .await;
}

/// Waits for a step of a call.
pub(crate) async fn call(calls: &mut Receiver<CallEvent>, wanted: impl Fn(&CallEvent) -> bool) -> CallEvent {
    let found = async {
        loop {
            let event = calls.recv().await.expect("the simulator runs and its events are read in time");
            if wanted(&event) {
                return event;
            }
        }
    };
    tokio::time::timeout(SOON, found).await.expect("such a call comes")
}
