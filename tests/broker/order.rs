//! What is kept of the order in which a shop publishes: with one worker, and with several.
//! Not here: messages of one order within the pool; see `tests/it/pool.rs`.

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};

use crate::messages::{checkout, fulfillment, json, outcomes};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};

/// Every failure goes to a retry queue.
const AT_ONCE_TO_THE_QUEUES: [(&str, &str); 1] = [("BWP__RETRY__IN_PROCESS", "0")];

#[tokio::test]
async fn one_worker_keeps_the_order_of_an_orders_messages_when_the_first_is_delayed() {
    let stage = Stage::new().await;
    let worker = stage.worker(&AT_ONCE_TO_THE_QUEUES).await;
    let mut results = stage.results().await;
    let fails = FaultRule::first(2, Fault::status(500)).on(Operation::CreateOrder).for_alias("SO-1");
    stage.simulator.add_fault(fails);
    for message in [checkout("SO-1"), fulfillment("SO-1"), checkout("SO-2"), fulfillment("SO-2")] {
        stage.publish(&message).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 4).await;
    let ends: Vec<_> = seen.iter().map(json).collect();
    let of = |order: &str| -> Vec<_> {
        ends.iter().filter(|it| it["subject"] == order).map(|it| it["data"]["outcome"].clone()).collect()
    };
    assert_eq!((of("SO-1"), of("SO-2")), (vec!["created".into(), "updated".into()], of("SO-1")));
    let first = |order: &str| ends.iter().position(|it| it["subject"] == order);
    assert!(first("SO-2") < first("SO-1"), "an order waits for no other: {ends:?}");
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn several_workers_make_one_order_and_start_it_once_whatever_comes_to_whom() {
    const SHOP_ORDERS: usize = 25;
    let stage = Stage::new().await;
    // each takes one at a time, so that an order's messages come to different workers
    let one = [("BWP__BROKER__PREFETCH", "1")];
    let workers = [stage.worker(&one).await, stage.worker(&one).await, stage.worker(&one).await];
    let mut results = stage.results().await;
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 30 }));
    let names: Vec<_> = (0..SHOP_ORDERS).map(|order| format!("SO-{order}")).collect();
    for order in &names {
        // the trigger first, and everything twice
        for message in [fulfillment(order), checkout(order), checkout(order), fulfillment(order)] {
            stage.publish(&message).await;
        }
    }
    let seen = results.until(SOON, |seen| seen.len() == 4 * SHOP_ORDERS).await;
    for (order, outcome) in outcomes(seen) {
        let expected = ["created", "already-existed", "updated", "already-started"];
        assert!(expected.contains(&outcome.as_str()), "{order} ended as {outcome}");
    }
    let ledger = stage.simulator.ledger();
    assert_eq!(ledger.orders_created(), SHOP_ORDERS);
    for order in &names {
        assert_eq!(stage.simulator.ledger().starts_of(order), 1, "{order}");
    }
    let mut at_once = false;
    let mut open = 0_i32;
    while let Ok(event) = calls.try_recv() {
        open += match event.phase {
            CallPhase::Opened => 1,
            CallPhase::Closed => -1,
            _ => 0,
        };
        at_once |= open > 1;
    }
    assert!(at_once, "the workers worked side by side");
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
    for queue in [ORDERS, LETTERS] {
        assert!(stage.left_in(queue).await.is_empty(), "{queue}");
    }
}
