//! The tests' own tools do what they say, so that the tests which stand on them can be believed.
//! Not here: `bwp-sync`.

use std::time::{Duration, Instant};

use lapin::BasicProperties;
use lapin::options::QueueDeclareOptions;
use lapin::types::{AMQPValue, FieldTable};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::amqp::Client;
use crate::support::broker::{Broker, Consumer};
use crate::support::node::Node;
use crate::support::process::Process;
use crate::support::relay::{Pace, Relay};
use crate::support::until::until;

/// Far beyond what any of this takes on a busy machine.
const SOON: Duration = Duration::from_secs(120);

fn message() -> BasicProperties {
    BasicProperties::default().with_delivery_mode(2)
}

#[tokio::test]
async fn a_published_message_shows_in_the_figures_of_its_queue() {
    let vhost = Broker::shared().vhost().await;
    let client = Client::connect(&vhost.amqp_uri(), "shop").await;
    client.declare_quorum_queue("orders").await;
    client.publish("", "orders", message(), b"one").await;
    let queue = until(
        "one message is ready",
        SOON,
        async || vhost.queue("orders").await,
        |queue| queue.as_ref().is_some_and(|queue| queue.ready == 1),
    );
    assert_eq!(queue.await.unwrap().arguments["x-queue-type"], "quorum");

    vhost.purge("orders").await;
    until(
        "no message is ready",
        SOON,
        async || vhost.queue("orders").await,
        |queue| queue.as_ref().is_some_and(|queue| queue.ready == 0),
    )
    .await;
    let queues = vhost.queues().await;
    assert_eq!(queues.iter().map(|queue| queue.name.as_str()).collect::<Vec<_>>(), ["orders"]);
    vhost.delete_queue("orders").await;
    assert!(vhost.queue("orders").await.is_none());
}

#[tokio::test]
async fn a_message_that_a_consumer_holds_shows_as_unacknowledged() {
    let vhost = Broker::shared().vhost().await;
    let client = Client::connect(&vhost.amqp_uri(), "shop").await;
    client.declare_quorum_queue("orders").await;
    client.publish("", "orders", message(), b"one").await;
    let _holding = client.collect("orders").await;
    until(
        "one message is held",
        SOON,
        async || vhost.queue("orders").await,
        |queue| queue.as_ref().is_some_and(|queue| (queue.ready, queue.unacknowledged) == (0, 1)),
    )
    .await;
}

#[tokio::test]
async fn a_virtual_host_goes_when_it_is_dropped() {
    let broker = Broker::shared();
    let vhost = broker.vhost().await;
    let uri = vhost.amqp_uri();
    Client::connect(&uri, "before").await;
    drop(vhost);
    let refused = lapin::Connection::connect(&uri, lapin::ConnectionProperties::default()).await;
    assert!(refused.is_err());
}

#[tokio::test]
async fn a_consumer_and_its_connection_are_shown_and_the_connection_can_be_closed() {
    let vhost = Broker::shared().vhost().await;
    let client = Client::connect(&vhost.amqp_uri(), "the shop's client").await;
    client.declare_quorum_queue("orders").await;
    client.channel.basic_qos(7, lapin::options::BasicQosOptions::default()).await.unwrap();
    let _collector = client.collect("orders").await;
    let consumers = until("a consumer is shown", SOON, async || vhost.consumers().await, |seen| seen.len() == 1).await;
    assert_eq!((consumers[0].queue.as_str(), consumers[0].prefetch), ("orders", 7));
    assert!(!consumers[0].tag.is_empty());

    until(
        "the connection is shown",
        SOON,
        async || vhost.connections().await,
        |seen| seen.iter().any(|connection| connection.client_name == "the shop's client"),
    )
    .await;
    vhost.close_connections().await;
    until("the client has noticed", SOON, async || client.connection.status().connected(), |connected| !connected)
        .await;
}

#[tokio::test]
async fn of_two_consumers_the_active_one_is_shown_and_its_connection_can_be_closed() {
    let vhost = Broker::shared().vhost().await;
    let clients = [Client::connect(&vhost.amqp_uri(), "one").await, Client::connect(&vhost.amqp_uri(), "other").await];
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-single-active-consumer".into(), AMQPValue::Boolean(true));
    let declared = clients[0].channel.queue_declare("orders".into(), QueueDeclareOptions::durable(), arguments);
    declared.await.unwrap();
    let _collectors = [clients[0].collect("orders").await, clients[1].collect("orders").await];
    let shown = async || vhost.consumers().await;
    let one_active = |seen: &Vec<Consumer>| seen.len() == 2 && seen.iter().filter(|it| it.active).count() == 1;
    let consumers = until("one of two is active", SOON, shown, one_active).await;
    assert_ne!(consumers[0].channel, consumers[1].channel);
    let active = consumers.iter().find(|it| it.active).unwrap();
    let connections = async || vhost.connections().await;
    until("its connection is shown", SOON, connections, |seen| seen.iter().any(|it| it.name == active.connection))
        .await;
    vhost.close_connection(&active.connection).await;
    let the_other = |seen: &Vec<Consumer>| seen.len() == 1 && seen[0].active && seen[0].channel != active.channel;
    until("the other is active", SOON, shown, the_other).await;
}

#[tokio::test]
async fn what_an_exchange_sends_is_collected_in_order() {
    let vhost = Broker::shared().vhost().await;
    let client = Client::connect(&vhost.amqp_uri(), "shop").await;
    let mut collector = client.listen("amq.topic", "order.*").await;
    for body in ["one", "two", "three"] {
        client.publish("amq.topic", "order.created", message(), body.as_bytes()).await;
    }
    let seen = collector.until(SOON, |seen| seen.len() == 3).await;
    let bodies: Vec<_> = seen.iter().map(|delivery| delivery.data.as_slice()).collect();
    assert_eq!(bodies, [b"one".as_slice(), b"two", b"three"]);
}

#[tokio::test]
async fn a_node_that_was_killed_and_restarted_keeps_a_durable_message() {
    let node = Node::start().await;
    let vhost = node.vhost().await;
    let client = Client::connect(&vhost.amqp_uri(), "shop").await;
    client.declare_quorum_queue("orders").await;
    client.publish("", "orders", message(), b"durable").await;

    node.persist().await;
    node.kill().await;
    assert!(TcpStream::connect(node.address()).await.is_err());
    node.restart().await;
    assert!(node.ctl(&["list_vhosts", "--silent"]).await.contains("test-"));

    let client = Client::connect(&vhost.amqp_uri(), "shop").await;
    let mut collector = client.collect("orders").await;
    assert_eq!(collector.until(SOON, |seen| !seen.is_empty()).await[0].data, b"durable");
}

#[tokio::test]
async fn a_cut_relay_ends_the_connection_and_carries_the_next_one() {
    let broker = Broker::shared();
    let vhost = broker.vhost().await;
    let relay = Relay::start(&broker.address());
    let uri = vhost.amqp_uri_through(&relay.address());
    let client = Client::connect(&uri, "through the relay").await;
    assert_eq!((relay.accepted(), relay.open()), (1, 1));

    relay.cut().await;
    assert_eq!(relay.open(), 0);
    until("the client has noticed", SOON, async || client.connection.status().connected(), |connected| !connected)
        .await;
    Client::connect(&uri, "through the relay again").await;
    assert_eq!(relay.accepted(), 2);
}

#[tokio::test]
async fn a_refusing_relay_accepts_nobody_and_leaves_open_connections_alone() {
    let (mut relay, mut client, mut server) = relayed().await;
    relay.refuse(true).await;
    let refused = TcpStream::connect(relay.address()).await.unwrap_err();
    assert_eq!(refused.kind(), std::io::ErrorKind::ConnectionRefused);
    assert_eq!(passed(&mut client, &mut server, b"still here").await, b"still here");

    relay.refuse(false).await;
    assert!(TcpStream::connect(relay.address()).await.is_ok());
}

#[tokio::test]
async fn a_stalled_relay_holds_bytes_back_until_it_is_released() {
    let (relay, mut client, mut server) = relayed().await;
    relay.stall(true);
    client.write_all(b"held back").await.unwrap();
    let mut received = [0; 9];
    let early = tokio::time::timeout(Duration::from_millis(200), server.read_exact(&mut received)).await;
    assert!(early.is_err());

    relay.stall(false);
    server.read_exact(&mut received).await.unwrap();
    assert_eq!(&received, b"held back");
}

#[tokio::test]
async fn a_slow_relay_passes_everything_late() {
    let (relay, mut client, mut server) = relayed().await;
    let late = Duration::from_millis(100);
    relay.pace(Pace::Slow { bytes: 4, late });
    let since = Instant::now();
    // the relay waits for bytes already, for as many as it could take before
    for _ in 0..3 {
        assert_eq!(passed(&mut client, &mut server, b"late").await, b"late");
    }
    assert!(since.elapsed() >= late * 3, "{:?}", since.elapsed());
}

#[tokio::test]
async fn a_relay_takes_the_first_target_that_accepts() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().to_string();
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start_any(vec![closed, server.local_addr().unwrap().to_string()]);
    let mut client = TcpStream::connect(relay.address()).await.unwrap();
    let (mut accepted, _) = server.accept().await.unwrap();
    assert_eq!(passed(&mut client, &mut accepted, b"through").await, b"through");
}

#[tokio::test]
async fn a_relay_stops_a_request_that_it_watches_for_and_tells() {
    let (relay, mut client, mut server) = relayed().await;
    let mut told = relay.trip_on(&["create", "SO-1"]);
    for other in [b"POST / create SO-2 ".as_slice(), b"POST / read SO-1 "] {
        assert_eq!(passed(&mut client, &mut server, other).await, other);
    }
    client.write_all(b"POST / create ").await.unwrap();
    client.write_all(b"SO-1").await.unwrap();
    tokio::time::timeout(SOON, told.recv()).await.expect("it is told in time").expect("the relay is there");
    let mut received = [0; 1];
    let through = tokio::time::timeout(Duration::from_millis(200), server.read_exact(&mut received)).await;
    assert!(through.is_err(), "it was let through");
}

#[tokio::test]
async fn a_program_shows_its_output_and_ends_by_a_signal() {
    let script = r#"trap 'exit 7' TERM; echo "$GREETING"; echo ready >&2; while :; do sleep 0.05; done"#;
    let spawn = || Process::spawn("/bin/sh", &["-c", script], &[("GREETING", "hello")]);
    let is_ready = |line: &str| line == "ready";

    let mut asked = spawn();
    assert_eq!(asked.wait_for_line(SOON, is_ready).await, "ready");
    until("the greeting is written", SOON, async || asked.stdout(), |lines| lines == &["hello"]).await;
    asked.sigterm();
    assert_eq!(asked.wait(SOON).await.code(), Some(7));

    let mut killed = spawn();
    killed.wait_for_line(SOON, is_ready).await;
    killed.sigkill();
    assert_eq!(killed.wait(SOON).await.code(), None);
    assert_eq!(killed.stderr(), ["ready"]);
}

#[tokio::test]
#[should_panic(expected = "\"John\" is private")]
async fn a_program_that_writes_what_is_private_fails_its_test() {
    let mut process = Process::spawn("/bin/sh", &["-c", "echo to John"], &[]);
    process.wait(SOON).await;
}

/// A relay before a plain server, with one connection through it: the client's end and the server's.
async fn relayed() -> (Relay, TcpStream, TcpStream) {
    let server = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let relay = Relay::start(&server.local_addr().unwrap().to_string());
    let client = TcpStream::connect(relay.address()).await.unwrap();
    let (accepted, _) = server.accept().await.unwrap();
    (relay, client, accepted)
}

async fn passed(client: &mut TcpStream, server: &mut TcpStream, bytes: &[u8]) -> Vec<u8> {
    client.write_all(bytes).await.unwrap();
    let mut received = vec![0; bytes.len()];
    server.read_exact(&mut received).await.unwrap();
    received
}
