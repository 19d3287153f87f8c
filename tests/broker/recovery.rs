//! Whatever is lost on the broker's side, consumption comes back by itself, with its prefetch.
//! Not here: loss of the worker; see `crashes`.

use std::collections::HashSet;
use std::time::Duration;

use bwp_sync::broker::connection::acknowledge;
use bwp_sync::simulator::{Fault, FaultRule, Operation};
use futures_util::StreamExt;
use futures_util::future::join_all;
use lapin::BasicProperties;
use lapin::options::{BasicAckOptions, BasicConsumeOptions};
use lapin::types::{AMQPValue, FieldTable};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::messages::{Message, checkout, checkout_of, outcomes};
use crate::shutdown::in_a_long_wait;
use crate::stage::{LETTERS, ORDERS, PREFETCH, RESULTS, SOON, Stage, Worker};
use crate::support::amqp::Client;
use crate::support::broker::Broker;
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::support::until::until;
use crate::work::Work;

/// While the broker is there the first backoff is at most 200 ms, and connecting and declaring take about half a second.
/// The broker tells of consumers every second. The rest is room for a busy machine.
const AT_ONCE: Duration = Duration::from_secs(30);
/// After the broker was away: the worker's backoff is at most 5 s, then as above.
const AFTER_A_PAUSE: Duration = Duration::from_secs(45);

/// A worker that has consumed, and how to see that it does again.
struct Watch<'a> {
    stage: &'a Stage,
    worker: &'a Worker,
    gone: Vec<String>,
}

impl<'a> Watch<'a> {
    async fn over(stage: &'a Stage, worker: &'a Worker) -> Self {
        let tag = stage.consumer(PREFETCH, &[]).await;
        Self { stage, worker, gone: vec![tag] }
    }

    /// Consumption must come back within a bound, with its prefetch, by the same process.
    async fn resumes_within(&mut self, bound: Duration) {
        let since = Instant::now();
        let tag = self.stage.consumer(PREFETCH, &self.gone).await;
        let took = since.elapsed();
        assert!(took < bound, "consuming again after {took:?}; log: {:#?}", self.worker.stderr());
        self.gone.push(tag);
    }
}

#[tokio::test]
async fn a_connection_closed_by_an_operator_is_opened_again() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let mut watch = Watch::over(&stage, &worker).await;
    for (closed, client) in ["bwp-sync consume", "bwp-sync publish", "bwp-sync"].into_iter().enumerate() {
        let shown = async || stage.vhost.connections().await;
        let both = until("both connections are shown", SOON, shown, |seen| {
            seen.iter().filter(|connection| connection.client_name.starts_with("bwp-sync")).count() == 2
        });
        both.await;
        stage.vhost.close_connections_of(client).await;
        watch.resumes_within(AT_ONCE).await;
        stage.publish(&checkout(&format!("SO-{closed}"))).await;
        results.until(SOON, |seen| seen.len() == closed + 1).await;
    }
    assert_eq!(worker.said("not consuming"), 3);
}

/// Else the order would stand still for minutes.
#[tokio::test]
async fn a_wait_ends_with_its_session_and_its_message_is_handled_in_the_next_one() {
    let (stage, _worker) = in_a_long_wait(&[("BWP__API__SETTLE", "600s"), ("BWP__BROKER__MAX_HOLD", "700s")]).await;
    let mut results = stage.results().await;
    let shown = async || stage.vhost.connections().await;
    let consuming = "bwp-sync consume";
    until("its connection is shown", SOON, shown, |seen| seen.iter().any(|it| it.client_name == consuming)).await;
    stage.vhost.close_connections_of(consuming).await;
    results.until(SOON, |seen| outcomes(seen) == [("SO-1".into(), "created".into())]).await;
}

#[tokio::test]
async fn a_queue_deleted_under_the_consumer_is_declared_bound_and_consumed_again() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let mut watch = Watch::over(&stage, &worker).await;
    stage.vhost.delete_queue(ORDERS).await;
    watch.resumes_within(AT_ONCE).await;
    worker.says(&["was the queue deleted?"]).await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

#[tokio::test]
async fn a_publishing_channel_that_the_broker_closed_is_opened_again() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut watch = Watch::over(&stage, &worker).await;
    // publishing to an exchange that is not there closes the channel
    stage.vhost.delete_exchange("bwp.results").await;
    stage.publish(&checkout("SO-1")).await;
    watch.resumes_within(AT_ONCE).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-2")).await;
    results.until(SOON, |seen| outcomes(seen).contains(&("SO-2".into(), "created".into()))).await;
    assert!(stage.simulator.order_by_alias("EXTERNAL_ID", "SO-1").is_some());
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

#[tokio::test]
async fn a_consuming_channel_that_the_broker_closed_and_a_broker_that_was_killed_are_come_back_from() {
    let node = Node::start().await;
    let mut stage = Stage::on(&node).await;
    stage.keep_results().await;
    let worker = stage.worker(&[]).await;
    let mut watch = Watch::over(&stage, &worker).await;
    close_channels_with(&node, PREFETCH).await;
    watch.resumes_within(AT_ONCE).await;
    let gone = watch.gone;
    assert!(worker.said("unknown delivery tag 999999") > 0, "{:#?}", worker.stderr());

    node.persist().await;
    node.kill().await;
    node.restart().await;
    stage.reconnect().await;
    let mut watch = Watch { stage: &stage, worker: &worker, gone };
    watch.resumes_within(AFTER_A_PAUSE).await;
    stage.publish(&checkout("SO-1")).await;
    stage.results().await.until(SOON, |seen| seen.len() == 1).await;
}

/// As it looks through a node that is cut off from the leader of the queue: it answers, and nothing comes.
#[tokio::test]
async fn a_consumer_that_the_broker_counts_no_more_is_registered_again() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let settings = [("BWP__BROKER__HEARTBEAT", "2s"), ("BWP__BROKER__CONSUMER_TAG", "forgotten")];
    let worker = stage.worker(&settings).await;
    let mut results = stage.results().await;
    let mut watch = Watch::over(&stage, &worker).await;
    // as if the worker had cancelled it and wanted no answer
    let cancel = format!(
        "[rabbit_channel:do(Channel, {{'basic.cancel', <<\"forgotten\">>, true}})
            || Channel <- rabbit_channel:list(),
               [{{prefetch_count, {PREFETCH}}}] <- [catch rabbit_channel:info(Channel, [prefetch_count])]]."
    );
    node.ctl(&["eval", &cancel]).await;
    stage.publish(&checkout("SO-1")).await;
    watch.resumes_within(AFTER_A_PAUSE).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    worker.says(&["not consuming", "the broker counts no consumer of the queue"]).await;
}

/// It counts no consumer either for as long as it is busy. A look comes every five seconds, and counts for fifteen.
#[tokio::test]
async fn a_leader_that_is_busy_for_a_moment_ends_no_session() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let worker = stage.worker(&[("BWP__BROKER__HEARTBEAT", "10s")]).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    node.suspend_leader(stage.vhost.name(), ORDERS, Duration::from_secs(6)).await;
    stage.publish(&checkout("SO-2")).await;
    results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(worker.said("not consuming"), 0, "{:#?}", worker.stderr());
}

/// As where a node waits for another one that hangs: heartbeats go on, and what was asked for is not answered.
#[tokio::test]
async fn a_broker_that_does_not_answer_while_a_session_is_set_up_is_left_and_found_again() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    // nothing can be bound meanwhile
    let hang = "Self = self(),
        Hold = fun() -> mnesia:write_lock_table(rabbit_route), Self ! held, timer:sleep(45000) end,
        spawn(fun() -> mnesia:transaction(Hold) end), receive held -> ok end.";
    assert_eq!(node.ctl(&["eval", hang]).await.trim(), "ok");
    let worker = stage.starting_worker(&[]);
    worker.says(&["not consuming", "the broker does not answer while a session is set up"]).await;
    worker.consumes(1).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

/// The queue has no leader that answers, as for a while after a quorum was lost. The broker itself would wait for a minute.
#[tokio::test]
async fn a_queue_that_takes_no_consumer_while_a_session_is_set_up_is_asked_again_soon() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    node.suspend_leader(stage.vhost.name(), ORDERS, Duration::from_secs(40)).await;
    let worker = stage.starting_worker(&[]);
    worker.says(&["not consuming", "the broker does not answer while a session is set up: has `bwp.orders`"]).await;
    worker.consumes(1).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

/// The one that consumes, those that publish, and the others, one after the other, with messages in flight.
#[tokio::test]
async fn channels_that_the_broker_closes_while_messages_are_in_hand_break_no_order_and_double_nothing() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let mut work = Work::begin(&stage, &mut results, 12).await;
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 500 }).on(Operation::UpdateOrder));
    let mut lost = 0;
    for (client, all) in [("bwp-sync consume", 3), ("bwp-sync publish", 3)] {
        let shown = async || stage.vhost.channels_of(client).await;
        for place in (0..all).rev() {
            work.goes_on(&stage, 3, 1).await;
            // the broker shows a channel for a moment after its end
            let closed = async || {
                let channels = until("its channels are shown", SOON, shown, |channels| channels.len() == all).await;
                close_channel(&node, &channels[place]).await
            };
            until("the channel is closed", SOON, closed, |closed| *closed).await;
            // nothing is asked of the channel for records before a message comes often, nor of the one for letters before
            // there is a letter. The last one for publishing asks for depths alone, and is opened again
            let asked_in_vain =
                (client == "bwp-sync consume" && place == 0) || (client == "bwp-sync publish" && place == all - 1);
            if !asked_in_vain {
                stage.publish(&checkout_of(&format!("refused-{lost}"), "sim-ItemOutOfStock")).await;
                work.also(1);
                lost += 1;
                worker.consumes(1 + lost).await;
                stage.consumer(PREFETCH, &[]).await;
            }
        }
    }
    work.is_done(&mut results, SOON).await;
    // a letter may come twice: its message was not acknowledged any more
    let refused: HashSet<_> = stage.left_in(LETTERS).await.into_iter().collect();
    assert_eq!(refused.len(), lost);
    work.ends_in_order(&stage, &mut results).await;
    let losses: Vec<_> = worker.stderr().into_iter().filter(|line| line.contains("not consuming")).collect();
    assert_eq!(losses.len(), lost, "{losses:#?}");
    assert_eq!(stage.simulator.ledger().orders_created(), work.orders.len());
    assert_eq!(worker.terminated().await, Some(0));
    assert!(stage.left_in(ORDERS).await.is_empty());
}

/// Makes the broker close a channel, as if its client had acknowledged what it never got; whether it was open. A channel
/// that ends while it is looked at is none of those that are meant.
async fn close_channel(node: &Node, name: &str) -> bool {
    let close = format!(
        "[rabbit_channel:do(Channel, {{'basic.ack', 999999, false}})
            || Channel <- rabbit_channel:list(), [{{name, <<\"{name}\">>}}] <- [catch rabbit_channel:info(Channel, [name])]]."
    );
    node.ctl(&["eval", &close]).await.contains("ok")
}

/// Makes the broker close the channels that have this prefetch, as if their client had acknowledged what it never got.
async fn close_channels_with(node: &Node, prefetch: u64) {
    let close = format!(
        "[rabbit_channel:do(Channel, {{'basic.ack', 999999, false}})
            || Channel <- rabbit_channel:list(),
               [{{prefetch_count, {prefetch}}}] <- [catch rabbit_channel:info(Channel, [prefetch_count])]]."
    );
    node.ctl(&["eval", &close]).await;
}

#[tokio::test]
async fn a_broker_that_falls_silent_is_left_and_found_again() {
    let broker = Broker::shared();
    let relay = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let worker = stage.worker(&[("BWP__BROKER__URI", &uri), ("BWP__BROKER__HEARTBEAT", "1s")]).await;
    let mut results = stage.results().await;
    relay.stall(true);
    worker.says(&["not consuming"]).await;
    relay.stall(false);
    let since = Instant::now();
    worker.consumes(2).await;
    assert!(since.elapsed() < AFTER_A_PAUSE, "consuming again after {:?}", since.elapsed());
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
}

#[tokio::test]
async fn a_letter_waits_for_the_exchange_of_letters_which_the_worker_brings_back() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    stage.vhost.delete_exchange("bwp.dead").await;
    stage.publish(&checkout_of("SO-1", "sim-ItemOutOfStock")).await;
    stage.letters().await.until(SOON, |seen| seen.len() == 1).await;
    let results = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(outcomes(results), [("SO-1".into(), "ItemOutOfStock".into())]);
    assert!(worker.said("not consuming") > 0);
}

#[tokio::test]
async fn without_a_queue_of_letters_the_message_stays_and_no_failure_is_told() {
    let stage = Stage::new().await;
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    stage.vhost.delete_queue(LETTERS).await;
    let worker = stage.worker(&[("BWP__BROKER__DECLARE", "false")]).await;
    stage.keep_results().await;
    stage.publish(&checkout_of("SO-1", "sim-ItemOutOfStock")).await;
    let waits = ["is not settled until a queue takes its letter", "no queue takes messages to `bwp.dead`"];
    worker.says(&waits).await;
    // nothing of it is with the worker alone
    worker.killed().await;
    let worker = stage.worker(&[("BWP__BROKER__DECLARE", "false")]).await;
    worker.says(&waits).await;

    stage.shop.declare_quorum_queue(LETTERS).await;
    stage.bind(LETTERS, "bwp.dead", "#").await;
    stage.queue(LETTERS, "the letter is there", |queue| queue.ready > 0).await;
    assert_eq!(worker.said(r#""message":"not consuming""#), 0, "nothing else suffers");
    assert_eq!(worker.terminated().await, Some(0));
    // one of each, though it was tried several times: nothing was told or acknowledged before the letter was taken
    for (queue, expected) in [(ORDERS, 0), (LETTERS, 1), (RESULTS, 1)] {
        assert_eq!(stage.left_in(queue).await.len(), expected, "{queue}");
    }
}

/// lapin alone leaves one of twenty without an end (seen with 4.12.3).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acknowledgements_that_meet_the_loss_of_their_connection_come_to_an_end() {
    const LOSSES: usize = 80;
    const MESSAGES: usize = 200;
    let broker = Broker::shared();
    let (relay, vhost) = (Relay::start(&broker.address()), broker.vhost().await);
    let shop = Client::connect(&vhost.amqp_uri(), "shop").await;
    shop.declare_quorum_queue(ORDERS).await;
    let mut missing = MESSAGES;
    for loss in 0..LOSSES {
        let publish = || shop.publish("", ORDERS, BasicProperties::default(), b"one");
        // one more: of an acknowledgement that met the loss nobody knows whether it arrived
        join_all((0..=missing).map(|_| publish())).await;
        let client = Client::connect(&vhost.amqp_uri_through(&relay.address()), "to be cut").await;
        let (options, none) = (BasicConsumeOptions::default(), FieldTable::default());
        let consumed = client.channel.basic_consume(ORDERS.into(), "".into(), options, none);
        let deliveries: Vec<_> = consumed.await.unwrap().take(MESSAGES).collect().await;
        missing = 0;
        let begun = Notify::new();
        let acknowledge_all = async {
            for delivery in &deliveries {
                if missing == loss % 5 {
                    begun.notify_one();
                }
                let acker = &delivery.as_ref().unwrap().acker;
                if !matches!(acknowledge(acker, BasicAckOptions::default()).await, Ok(true)) {
                    return;
                }
                missing += 1;
            }
        };
        let cut = async {
            begun.notified().await;
            relay.cut().await;
        };
        let (ended, ()) = tokio::join!(timeout(SOON, acknowledge_all), cut);
        ended.unwrap_or_else(|_| panic!("an acknowledgement under way at loss {loss} has not ended"));
    }
}

#[tokio::test]
async fn a_message_whose_headers_fit_into_no_small_frame_is_read_over_the_next_connection() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[]).await;
    let mut results = stage.results().await;
    let (checkout, mut headers) = (checkout("SO-1"), FieldTable::default());
    headers.insert("large".into(), AMQPValue::LongString("h".repeat(100_000).into()));
    stage.publish(&Message { properties: checkout.properties.clone().with_headers(headers), ..checkout }).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    assert_eq!(worker.said("not consuming"), 1);
    stage.ends([worker]).await;
}
