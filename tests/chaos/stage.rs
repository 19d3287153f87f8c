//! Where a scenario plays: nodes, the simulated API, workers with their wires, and the shop.
//! Not here: what is done to them; see `faults`.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use bwp_sync::simulator::{Config, Simulator};
use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::options::{BasicConsumeOptions, BasicGetOptions, BasicPublishOptions, ExchangeDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, ExchangeKind};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Mutex, MutexGuard, RwLock};
use tokio::time::timeout;
use tokio_util::task::AbortOnDropHandle;

use crate::board::Board;
use crate::faults::fair_weather;
use crate::history::{History, SeenLetter, SeenResult, message_id};
use crate::link::{Nodes, Published, Publisher, SILENT_FOR, listen};
use crate::orders::Planned;
use crate::scenario::Scenario;
use crate::support::amqp::Client;
use crate::support::broker::{Consumer, Queue, Vhost};
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::support::until::until;
use crate::worker::Worker;

/// The work queue; its other queues are named after it.
pub(crate) const ORDERS: &str = "bwp.orders";
const RESULTS: &str = "chaos.results";
const LETTERS: &str = "bwp.dead-letters";
/// The last message that listeners hear.
const MARK: &[u8] = b"nothing comes after this";
/// Far beyond what starting takes on a busy machine.
const SOON: Duration = Duration::from_secs(60);

/// Everybody who takes part.
pub(crate) struct Stage {
    pub(crate) board: Arc<Board>,
    pub(crate) simulator: Simulator,
    pub(crate) workers: Vec<Mutex<Worker>>,
    /// Held for reading by whoever does harm, for writing by who may do so only while nobody else does.
    pub(crate) harm: RwLock<()>,
    /// Held by the shop while it sells.
    pub(crate) open: Mutex<()>,
    /// Somebody else wants to hold that, so the shop is to finish what it has begun.
    pub(crate) rest_wanted: AtomicBool,
    publisher: Mutex<Publisher>,
    listeners: Vec<AbortOnDropHandle<()>>,
    /// Each names the queue in which a listener has heard it.
    marks: Mutex<UnboundedReceiver<&'static str>>,
    pub(crate) vhost: Vhost,
    /// The one that the others joined is the last, so that it is dropped last.
    pub(crate) nodes: Vec<Node>,
    logs: PathBuf,
}

impl Stage {
    /// Builds it and returns when all workers consume. Logs go to the folder.
    pub(crate) async fn new(scenario: &Scenario, seed: u64, logs: &Path) -> Self {
        let nodes = Node::cluster(scenario.nodes).await;
        let vhost = nodes[nodes.len() - 1].vhost().await;
        let uris = nodes.iter().map(|node| vhost.amqp_uri_through(&node.address())).collect();
        let uris: Nodes = Arc::new(uris);
        keep_results(&vhost).await;
        let simulator = Simulator::start(Config { seed, ..Config::default() }).await.expect("the simulator starts");
        fair_weather(&simulator);
        let workers = (1..=scenario.workers).map(|number| {
            let broker = Relay::start_any(nodes.iter().map(|node| node.address()).collect());
            let api = Relay::start(host_of(&simulator.endpoint()));
            let log = logs.join(format!("worker-{number}.log"));
            let mut worker = Worker::new(&tag(number - 1), broker, api, vhost.name(), &log, &scenario.settings);
            worker.start();
            Mutex::new(worker)
        });
        let workers: Vec<_> = workers.collect();
        let what = format!("all workers consume; their logs are in {}", logs.display());
        until(&what, SOON, async || consumers(&vhost).await, |seen| seen.len() == scenario.workers).await;
        persist(&nodes).await;
        let board = Arc::new(Board::new());
        let (listeners, marks) = listeners(&nodes, &vhost, &board);
        Self {
            board,
            simulator,
            workers,
            harm: RwLock::default(),
            open: Mutex::default(),
            rest_wanted: AtomicBool::default(),
            publisher: Mutex::new(Publisher::new(&uris)),
            listeners,
            marks: Mutex::new(marks),
            vhost,
            nodes,
            logs: logs.to_owned(),
        }
    }

    /// Publishes a message, again and again as a shop does, until the broker has it.
    pub(crate) async fn publish(&self, planned: &Planned) {
        self.board.sending(planned);
        let mut publisher = self.publisher.lock().await;
        loop {
            match publisher.publish(&planned.message).await {
                Published::Accepted => return self.board.confirmed(&planned.id),
                Published::Refused => {}
                Published::Unknown => self.board.unknown_confirm(),
            }
        }
    }

    pub(crate) async fn worker(&self, index: usize) -> MutexGuard<'_, Worker> {
        self.workers[index].lock().await
    }

    /// From now on results reach the shop, or no queue.
    pub(crate) async fn bind_results(&self, bound: bool) {
        self.vhost.bind("bwp.results", RESULTS, bound).await;
    }

    /// Everything that was declared and bound so far survives the kill of any node.
    pub(crate) async fn persist(&self) {
        persist(&self.nodes).await;
    }

    /// Which worker is fed, by what the broker says.
    pub(crate) async fn active(&self) -> Option<usize> {
        let active = consumers(&self.vhost).await.into_iter().find(|consumer| consumer.active)?;
        (0..self.workers.len()).find(|index| tag(*index) == active.tag)
    }

    /// The workers that are not there to be fed, by what the broker says.
    pub(crate) async fn missing(&self) -> Vec<usize> {
        let there = consumers(&self.vhost).await;
        (0..self.workers.len()).filter(|index| !there.iter().any(|consumer| consumer.tag == tag(*index))).collect()
    }

    /// Waits until nothing is in the queues of the worker, by what the broker says three times in a row.
    pub(crate) async fn drained(&self, within: Duration) -> bool {
        let deadline = tokio::time::Instant::now() + within;
        let mut times = 0;
        while times < 3 {
            if tokio::time::Instant::now() > deadline {
                return false;
            }
            // after a restart the broker tells figures of a queue only when somebody has touched it
            drop(self.take_out(false).await);
            // figures are as old as the broker's statistics interval
            tokio::time::sleep(Duration::from_millis(600)).await;
            let queues = self.vhost.queues().await;
            let rest: u64 = queues.iter().filter(|it| is_ours(&it.name)).map(|it| it.ready + it.unacknowledged).sum();
            times = if rest == 0 { times + 1 } else { 0 };
        }
        true
    }

    /// Ends the workers and gathers what was seen; answers their exit codes too.
    pub(crate) async fn close(&mut self) -> (History, Vec<Option<i32>>) {
        let codes = join_all(self.workers.iter().map(async |worker| worker.lock().await.terminate().await)).await;
        for queue in [RESULTS, LETTERS] {
            self.hear_to_the_end(queue).await;
        }
        self.listeners.clear();
        let queued = self.take_out(true).await;
        let effects = self.simulator.ledger().effects;
        let mut handled = Vec::new();
        for (place, worker) in self.workers.iter().enumerate() {
            handled.extend(worker.lock().await.handled(place));
        }
        handled.sort();
        (History { queued, effects, handled, ..self.board.history() }, codes)
    }

    /// Waits until a listener has heard all of its queue. A mark is put behind everything, anew where it was given to a
    /// consumer whose end the broker has not noticed. Messages that such a one held may come after the mark.
    async fn hear_to_the_end(&self, queue: &str) {
        let (mut publisher, mut marks) = (self.publisher.lock().await, self.marks.lock().await);
        let heard = async {
            loop {
                publisher.deliver(queue, MARK).await;
                let of_queue = async { while marks.recv().await.is_some_and(|heard| heard != queue) {} };
                if timeout(SILENT_FOR * 2, of_queue).await.is_ok() {
                    return;
                }
            }
        };
        if timeout(SOON * 5, heard).await.is_err() {
            panic!("{queue}: the end of it was not heard; it is {:?}", self.vhost.queue(queue).await);
        }
        let figures = async || self.vhost.queue(queue).await;
        let is_empty = |seen: &Option<Queue>| seen.as_ref().is_some_and(|it| it.ready + it.unacknowledged == 0);
        until(&format!("{queue}: all of it is heard"), SOON * 2, figures, is_empty).await;
    }

    /// Ids of the messages in the worker's queues, taken out for good or put back.
    async fn take_out(&self, for_good: bool) -> Vec<String> {
        let deadline = tokio::time::Instant::now() + SOON * 5;
        let mut ids = Vec::new();
        // a broker that has just been started, or whose disk is kept busy by others, may not answer for its queues yet
        while let Err(error) = self.look_into_queues(for_good, &mut ids).await {
            assert!(tokio::time::Instant::now() < deadline, "queues cannot be looked into: {error}");
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        ids
    }

    async fn look_into_queues(&self, for_good: bool, ids: &mut Vec<String>) -> lapin::Result<()> {
        let client = Client::connect(&self.vhost.amqp_uri(), "chaos queues").await;
        if for_good {
            self.empty_orders(&client, ids).await?;
        }
        for queue in self.vhost.queues().await.iter().filter(|queue| is_ours(&queue.name) && queue.name != ORDERS) {
            let get = || client.channel.basic_get(queue.name.as_str().into(), BasicGetOptions { no_ack: for_good });
            while let Some(message) = get().await? {
                ids.push(message_id(&message.delivery));
                if !for_good {
                    break;
                }
            }
        }
        // messages that were not taken for good go back with the connection
        client.connection.close(200, "done".into()).await.ok();
        Ok(())
    }

    /// Nothing can be got from a queue with a single active consumer: it is consumed up to the mark, once no worker does.
    async fn empty_orders(&self, client: &Client, ids: &mut Vec<String>) -> lapin::Result<()> {
        let (options, properties) = (BasicPublishOptions::default(), BasicProperties::default());
        client.channel.basic_publish("".into(), ORDERS.into(), options, MARK, properties).await?.await?;
        let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
        let consumed = client.channel.basic_consume(ORDERS.into(), "".into(), options, FieldTable::default());
        let mut messages = consumed.await?;
        // a worker's end that the broker has not noticed keeps everything from us
        while let Some(message) = timeout(SOON, messages.next()).await.expect("the work queue can be emptied") {
            let message = message?;
            if message.data == MARK {
                break;
            }
            ids.push(message_id(&message));
        }
        Ok(())
    }

    /// Where the logs of the workers are.
    pub(crate) fn logs(&self) -> &Path {
        &self.logs
    }
}

/// The worker's own queues of messages. Records of handlings are none.
fn is_ours(queue: &str) -> bool {
    (queue.starts_with(ORDERS) && !queue.ends_with(".tries")) || queue.ends_with(".parked")
}

/// By which the broker tells the workers apart.
fn tag(worker: usize) -> String {
    format!("worker-{}", worker + 1)
}

/// The consumers of the work queue.
async fn consumers(vhost: &Vhost) -> Vec<Consumer> {
    vhost.consumers().await.into_iter().filter(|consumer| consumer.queue == ORDERS).collect()
}

async fn keep_results(vhost: &Vhost) {
    let shop = Client::connect(&vhost.amqp_uri(), "chaos set-up").await;
    let durable = ExchangeDeclareOptions { durable: true, ..ExchangeDeclareOptions::default() };
    let (channel, none) = (&shop.channel, FieldTable::default);
    let declared = channel.exchange_declare("bwp.results".into(), ExchangeKind::Topic, durable, none());
    declared.await.expect("the exchange of results can be declared");
    shop.declare_quorum_queue(RESULTS).await;
    vhost.bind("bwp.results", RESULTS, true).await;
}

/// One for results, one for letters; each tells when it has heard the mark.
fn listeners(
    nodes: &[Node],
    vhost: &Vhost,
    board: &Arc<Board>,
) -> (Vec<AbortOnDropHandle<()>>, UnboundedReceiver<&'static str>) {
    let (marked, marks) = unbounded_channel();
    let listener = |queue, note: fn(&Board, &Delivery)| {
        let (board, marked) = (Arc::clone(board), marked.clone());
        let wires: Vec<_> = nodes.iter().map(|node| Relay::start(&node.address())).collect();
        let uris = Arc::new(wires.iter().map(|wire| vhost.amqp_uri_through(&wire.address())).collect());
        AbortOnDropHandle::new(tokio::spawn(async move {
            let hear = |delivery: &Delivery| match delivery.data == MARK {
                true => drop(marked.send(queue)),
                false => note(&board, delivery),
            };
            listen(uris, wires, queue, hear).await;
        }))
    };
    let results = listener(RESULTS, |board, delivery| board.result(SeenResult::read(delivery), delivery.redelivered));
    let letters = listener(LETTERS, |board, delivery| board.letter(SeenLetter::read(delivery), delivery.redelivered));
    (vec![results, letters], marks)
}

fn host_of(endpoint: &str) -> &str {
    endpoint.split('/').nth(2).expect("an address has a host")
}

async fn persist(nodes: &[Node]) {
    join_all(nodes.iter().map(Node::persist)).await;
}
