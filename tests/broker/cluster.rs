//! The nodes of a cluster change, one after the other, while messages are in flight. Each order's amendments are still
//! done in the order of their publication.
//! Not here: nodes that are killed, a lost quorum; see `tests/chaos`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};

use crate::stage::{ORDERS, SOON, Stage};
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::work::Work;

const SHOP_ORDERS: usize = 12;
/// Amendments of each order that are published before each change: half a second each.
const IN_FLIGHT: u32 = 8;
/// A node that says nothing is given up by the others after so many seconds, by default 60, and its consumers with it. With
/// fewer, nodes of a busy machine give each other up.
const NODE_IS_DOWN_AFTER: &str = "net_kernel:set_net_ticktime(20, 0).";
/// A connection that ends meanwhile ends the draining, too (seen with 3.10.8).
const DRAIN: &str = "[catch rabbit_maintenance:drain() || _ <- [1, 2]].";
const HEARTBEAT: (&str, &str) = ("BWP__BROKER__HEARTBEAT", "2s");

#[tokio::test]
async fn leaders_that_change_a_node_that_hangs_and_a_rolling_restart_of_all_nodes_break_no_order() {
    let nodes = Node::cluster(3).await;
    let [one, other, shops] = nodes.as_slice() else { panic!("there are three nodes") };
    let mut stage = Stage::on(shops).await;
    let vhost = stage.vhost.name().to_owned();
    // a worker is fed through the node that hangs; the other one comes by another way
    let ways =
        [[one, other, shops], [other, shops, one]].map(|way| Relay::start_any(way.map(|it| it.address()).into()));
    let uris = [0, 1].map(|worker| stage.vhost.amqp_uri_through(&ways[worker].address()));
    let first = stage.tagged("first", &[HEARTBEAT, ("BWP__BROKER__URI", &uris[0])]).await;
    stage.active("first").await;
    let second = stage.tagged("second", &[HEARTBEAT, ("BWP__BROKER__URI", &uris[1])]).await;
    let mut results = stage.results().await;
    let mut work = Work::begin(&stage, &mut results, SHOP_ORDERS).await;
    work.told_so_far();
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 500 }).on(Operation::UpdateOrder));

    // a node may refuse a virtual host that is new to it
    let lost_before = first.said("not consuming");
    for node in [other, shops, one] {
        work.amend(&stage, IN_FLIGHT).await;
        transfer_leadership(node, &vhost).await;
        work.goes_on(&stage, 1, 3).await;
    }
    assert_eq!(first.said("not consuming"), lost_before, "{:#?}", first.stderr());

    for node in &nodes {
        node.ctl(&["eval", NODE_IS_DOWN_AFTER]).await;
    }
    work.amend(&stage, IN_FLIGHT).await;
    one.freeze(true).await;
    // the node must be given up before a session can be set up, each try of which takes up to 20 s
    let took_over = |line: &str| line.contains(r#""message":"active""#) && line.contains(r#""took_over":true"#);
    second.wait_for_line(SOON * 3, took_over).await;
    work.goes_on(&stage, 1, 3).await;
    one.freeze(false).await;

    for node in [one, other, shops] {
        work.amend(&stage, IN_FLIGHT).await;
        node.ctl(&["eval", DRAIN]).await;
        node.shut_down().await;
        node.restart().await;
    }
    stage.reconnect().await;
    work.amend(&stage, 1).await;
    let mut results = stage.results().await;
    work.ends_in_order(&stage, &mut results).await;
    stage.ends([first, second]).await;
}

/// Makes this node lead the work queue, which another one does now.
async fn transfer_leadership(to: &Node, vhost: &str) {
    let transfer = format!(
        "{{ok, Queue}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"{vhost}\">>, queue, <<\"{ORDERS}\">>)),
            {{Name, Leader}} = amqqueue:get_pid(Queue),
            ra:transfer_leadership({{Name, Leader}}, {{Name, node()}})."
    );
    let answer = to.ctl(&["eval", &transfer]).await;
    assert!(["ok", "already_leader"].contains(&answer.trim()), "{answer}");
}
