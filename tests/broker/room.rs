//! How much is in flight at a time.

use std::collections::HashSet;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};

use crate::messages::{Message, checkout};
use crate::stage::{SOON, Stage, call};

/// Publishes checkouts whose calls hang, and says how many calls are open once nothing more is begun. That is so when the
/// broker lists `limit` messages as unacknowledged.
async fn calls_open(stage: &Stage, messages: &[Message], limit: usize) -> usize {
    let mut calls = stage.simulator.subscribe();
    for message in messages {
        stage.publish(message).await;
    }
    let mut open = HashSet::new();
    while open.len() < limit {
        let event = call(&mut calls, |event| event.operation == Operation::CreateOrder).await;
        if event.phase == CallPhase::Opened {
            open.insert(event.call);
        }
    }
    // the next one would have begun by the time at which the first one is given up
    let next = async { call(&mut calls, |event| event.operation == Operation::CreateOrder).await };
    let event = tokio::time::timeout(SOON, next).await.expect("the first call is given up");
    assert_eq!(event.phase, CallPhase::Closed, "more than {limit} calls were open at a time");
    open.len()
}

fn hanging() -> FaultRule {
    FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::CreateOrder)
}

#[tokio::test]
async fn no_more_messages_are_in_hand_than_the_prefetch() {
    let stage = Stage::new().await;
    let _worker = stage.worker(&[("BWP__BROKER__PREFETCH", "3")]).await;
    stage.simulator.add_fault(hanging());
    let messages: Vec<_> = (0..8).map(|n| checkout(&format!("SO-{n}"))).collect();
    assert_eq!(calls_open(&stage, &messages, 3).await, 3);
}

#[tokio::test]
async fn no_more_bytes_are_in_hand_than_allowed() {
    let stage = Stage::new().await;
    let messages: Vec<_> = (0..8).map(|n| checkout(&format!("SO-{n}"))).collect();
    let room_for_two = (messages[0].body.len() * 5 / 2).to_string();
    let _worker = stage.worker(&[("BWP__BROKER__MAX_BYTES_IN_FLIGHT", &room_for_two)]).await;
    stage.simulator.add_fault(hanging());
    assert_eq!(calls_open(&stage, &messages, 2).await, 2);
}
