//! How much is in flight at a time.

use std::collections::HashSet;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};
use futures_util::future::join_all;
use serde_json::Value;

use crate::admin::{LISTEN, address, held};
use crate::messages::{Message, checkout};
use crate::stage::{SOON, Stage, call, call_of};
use crate::support::broker::Broker;
use crate::support::relay::Relay;
use crate::support::until::until;

/// Publishes checkouts whose calls hang, and says how many calls are open once nothing more is begun. That is so when the
/// broker lists `limit` messages as unacknowledged.
async fn calls_open(stage: &Stage, messages: &[Message], limit: usize) -> usize {
    let mut calls = stage.simulator.subscribe();
    join_all(messages.iter().map(|message| stage.publish(message))).await;
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

/// Its call goes on, and the broker delivers the message again meanwhile.
#[tokio::test]
async fn a_message_of_a_lost_session_takes_up_room_until_its_call_has_ended() {
    let broker = Broker::shared();
    let (relay, stage) = (Relay::start(&broker.address()), Stage::on(&broker).await);
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let settings = [
        LISTEN,
        ("BWP__BROKER__URI", uri.as_str()),
        ("BWP__BROKER__PREFETCH", "3"),
        ("BWP__API__TIMEOUT", "60s"),
        ("BWP__SHUTDOWN__GRACE", "65s"),
    ];
    let worker = stage.worker(&settings).await;
    let address = address(&worker).await;
    stage.simulator.add_fault(hanging());
    let mut calls = stage.simulator.subscribe();
    for order in ["SO-1", "SO-2", "SO-3"] {
        stage.publish(&checkout(order)).await;
        call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, order).await;
    }
    relay.cut().await;
    worker.consumes(2).await;
    let wait_for_room = |held: &Vec<Value>| held.len() == 3 && held.iter().all(|it| it["reason"] == "room");
    until("all wait for room", SOON, async || held(&address).await, wait_for_room).await;
}
