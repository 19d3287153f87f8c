//! Calls that are made again: all messages share a quota of them, and others go first.
//! Not here: how it is filled; see `src/policy/limiter.rs` and `src/worker/pace/tests.rs`.

use bwp_sync::api::ApiVersion;
use bwp_sync::ports::Settlement;
use bwp_sync::simulator::{Config, Fault, FaultRule, Operation, Simulator};
use bwp_sync::worker::{Pacing, handle};

use crate::context::pacing;
use crate::gate::{Stage, checkout};
use crate::scenario::{context, event, plain_checkout};

#[tokio::test]
async fn a_call_is_made_again_only_while_the_quota_of_all_messages_lasts() {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    simulator.add_fault(FaultRule::always(Fault::status(500)).on(Operation::CreateOrder));
    let context = context(&simulator, "sim-secret", ApiVersion::default());
    let calls_for = async |order: &str| {
        let before = simulator.ledger().calls_of(Operation::CreateOrder);
        let settlement = handle(&context, &event(order, "checkout-completed", &plain_checkout(order))).await;
        assert!(matches!(settlement, Settlement::Later(_)), "{settlement:?}");
        simulator.ledger().calls_of(Operation::CreateOrder) - before
    };
    assert_eq!(calls_for("SO-1").await, 1 + 2, "it is made again twice");
    while context.pace.may_repeat() {}
    assert_eq!(calls_for("SO-2").await, 1, "the quota is used up");
}

/// As within its attempt; see `calls`.
#[tokio::test(start_paused = true)]
async fn a_message_that_was_held_for_its_delay_calls_again_behind_all_that_wait() {
    let (mut stage, pool) = Stage::apart(1, Pacing { max_calls_per_second: Some(1.0), ..pacing() });
    tokio::spawn(pool);
    let mut expected: Vec<_> = (1..=9).map(|number| format!("SO-{number}")).collect();
    // it fails at once, and its delay ends when half of the others have made their calls
    let mut settled = vec![stage.send(checkout("flaky", "flaky")).await];
    for order in &expected {
        stage.gate.of(order).notify_one();
        settled.push(stage.send(checkout(order, order)).await);
    }
    expected.push("flaky".to_owned());
    let mut begun = Vec::new();
    for _ in &expected {
        begun.push(stage.begun().await);
    }
    assert_eq!(begun, expected);
}
