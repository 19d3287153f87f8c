//! Messages that come back again and again for no fault of their own. Stops, lost connections and the broker's troubles
//! give nothing up, whatever the broker counts.
//! Not here: what really ends the process; see `suspects`.

use std::pin::pin;

use bwp_sync::simulator::{CallEvent, CallPhase, Fault, FaultRule, Operation};
use tokio::sync::broadcast::Receiver;

use crate::messages::{cause, checkout, fulfillment};
use crate::stage::{LETTERS, SOON, Stage, Worker, call_of};
use crate::support::amqp::Collector;
use crate::support::broker::Broker;
use crate::support::node::Node;
use crate::support::relay::Relay;
use crate::support::until::until;
use crate::suspects::{QUICK, are_left};
use crate::work::Work;

#[tokio::test]
async fn twenty_orderly_restarts_with_messages_in_hand_give_nothing_up_and_break_no_order() {
    const RESTARTS: usize = 20;
    let stage = Stage::new().await;
    let mut results = stage.results().await;
    let mut worker = stage.worker(&[QUICK]).await;
    let mut work = Work::begin(&stage, &mut results, 3).await;
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 200 }).on(Operation::UpdateOrder));
    work.amend(&stage, 30).await;
    for restart in 0..RESTARTS {
        if restart % 2 == 0 {
            let mut calls = stage.simulator.subscribe();
            work.amend(&stage, 1).await;
            call_of(&mut calls, Operation::UpdateOrder, CallPhase::Opened, "SO-1").await;
        } else {
            // while it still waits for the calls of the last one
            worker.is_active(true).await;
        }
        assert_eq!(worker.terminated().await, Some(0));
        worker = stage.worker(&[QUICK]).await;
    }
    work.ends_in_order(&stage, &mut results).await;
    assert_eq!(worker.terminated().await, Some(0));
    are_left(&stage, 0).await;
}

/// A worker behind a relay, which has one message in flight whenever its connections are cut.
struct Cut {
    stage: Stage,
    relay: Relay,
    worker: Worker,
    results: Collector,
    calls: Receiver<CallEvent>,
    cuts: usize,
}

impl Cut {
    async fn begin(broker: &Broker) -> Self {
        let relay = Relay::start(&broker.address());
        let stage = Stage::on(broker).await;
        let mut results = stage.results().await;
        let uri = stage.vhost.amqp_uri_through(&relay.address());
        // an update of what another may have begun waits for so long after every cut
        let worker = stage.worker(&[("BWP__API__TIMEOUT", "1s"), ("BWP__BROKER__URI", &uri)]).await;
        stage.publish(&checkout("SO-1")).await;
        results.until(SOON, |seen| seen.len() == 1).await;
        // no read is answered: the message cannot be done before the end
        stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::Order));
        let calls = stage.simulator.subscribe();
        stage.publish(&fulfillment("SO-1")).await;
        Self { stage, relay, worker, results, calls, cuts: 0 }
    }

    /// Waits until the message is in flight: its order is being read, before it is changed.
    async fn in_flight(&mut self) {
        call_of(&mut self.calls, Operation::Order, CallPhase::Opened, "SO-1").await;
    }

    /// Cuts the connections, and waits until the worker consumes again.
    async fn cut(&mut self) {
        until("both connections are open", SOON, async || self.relay.open(), |open| *open == 2).await;
        self.relay.cut().await;
        self.cuts += 1;
        self.worker.consumes(self.cuts + 1).await;
    }

    /// The message is done, once, and nobody wrote a letter.
    async fn ends(mut self) {
        self.stage.simulator.clear_faults();
        self.results.until(SOON, |seen| seen.iter().any(|it| cause(it) == "fulfillment of SO-1")).await;
        assert_eq!(self.stage.simulator.ledger().starts_of("SO-1"), 1);
        assert_eq!(self.worker.terminated().await, Some(0));
        assert!(self.stage.left_in(LETTERS).await.is_empty());
        are_left(&self.stage, 0).await;
    }
}

#[tokio::test]
async fn twenty_lost_connections_with_a_message_in_hand_give_nothing_up() {
    let mut cut = Cut::begin(&Broker::shared()).await;
    for _ in 0..20 {
        cut.in_flight().await;
        cut.cut().await;
    }
    cut.ends().await;
}

/// Nothing can be written down about a message meanwhile, so it has to wait.
#[tokio::test]
async fn a_broker_that_blocks_publishers_gives_up_no_message_that_came_often() {
    let node = Node::start().await;
    let mut cut = Cut::begin(&node).await;
    for _ in 0..5 {
        cut.in_flight().await;
        cut.cut().await;
    }
    let alarm = "S = fun(L) -> vm_memory_monitor:set_vm_memory_high_watermark(L) end,
        S(0.0), timer:sleep(15000), S({absolute, \"512MB\"}).";
    let alarm = ["eval", alarm];
    let mut over = pin!(node.ctl(&alarm));
    loop {
        let in_flight = tokio::select! {
            _ = &mut over => false,
            () = call_of(&mut cut.calls, Operation::Order, CallPhase::Opened, "SO-1") => true,
        };
        if !in_flight {
            break;
        }
        cut.cut().await;
    }
    cut.ends().await;
}

/// A restart of the broker is no end of a handling.
#[tokio::test]
async fn restarts_of_the_broker_with_a_message_in_hand_give_nothing_up() {
    let node = Node::start().await;
    let mut cut = Cut::begin(&node).await;
    for _ in 0..5 {
        cut.in_flight().await;
        cut.cut().await;
    }
    node.persist().await;
    for _restart in 0..3 {
        cut.in_flight().await;
        cut.relay.refuse(true).await;
        cut.relay.cut().await;
        node.kill().await;
        node.restart().await;
        cut.relay.refuse(false).await;
        cut.cuts += 1;
        cut.worker.consumes(cut.cuts + 1).await;
    }
    cut.stage.reconnect().await;
    cut.results = cut.stage.results().await;
    cut.ends().await;
}
