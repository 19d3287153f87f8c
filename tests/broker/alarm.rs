//! A broker that has blocked publishers.

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};

use crate::messages::{checkout, outcomes};
use crate::stage::{SOON, Stage, call_of};
use crate::support::node::Node;

#[tokio::test]
async fn while_the_broker_blocks_publishers_nothing_is_lost_and_no_confirm_is_given_up() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let mut results = stage.results().await;
    // confirms: far shorter than the alarm lasts. The call: longer than rabbitmqctl takes on a busy machine
    let timeouts =
        [("BWP__BROKER__CONFIRM_TIMEOUT", "300ms"), ("BWP__API__TIMEOUT", "60s"), ("BWP__SHUTDOWN__GRACE", "65s")];
    let worker = stage.worker(&timeouts).await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 40_000 }).on(Operation::CreateOrder));
    stage.publish(&checkout("SO-1")).await;
    call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, "SO-1").await;
    node.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    worker.says(&["the broker has blocked publishers"]).await;
    node.ctl(&["set_vm_memory_high_watermark", "0.9"]).await;
    worker.says(&["the broker has unblocked publishers"]).await;
    let seen = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(outcomes(seen), [("SO-1".to_owned(), "created".to_owned())]);
    assert_eq!(worker.said("not consuming"), 0, "no confirm timed out");
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    assert_eq!(worker.terminated().await, Some(0));
}
