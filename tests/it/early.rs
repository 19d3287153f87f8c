//! Messages that come before the create of their order, and those behind them.
//! Not here: how long a create is waited for; see `paused` and the unit tests of `policy::decide`.

use bwp_sync::ports::{Inbound, Settlement, WaitReason};
use serde_json::json;

use crate::gate::{Stage, checkout};
use crate::scenario::event;

#[tokio::test]
async fn a_fulfillment_that_waits_does_not_hold_its_own_create_up() {
    let mut stage = Stage::holding(2);
    let waits = stage.send(early()).await.await;
    assert!(matches!(&waits, Ok(Settlement::Later(later)) if later.awaits_create), "{waits:?}");
    let create = stage.send(checkout("SO-1", "create")).await;
    assert_eq!(stage.begun().await, "SO-1");
    stage.gate.of("SO-1").notify_one();
    assert!(matches!(create.await, Ok(Settlement::Done(_))));
}

#[tokio::test]
async fn a_message_behind_a_fulfillment_that_waits_for_its_order_looks_for_that_itself() {
    let stage = Stage::new();
    for message in ["first", "second"] {
        let start = event(message, "fulfillment-triggered", &json!({ "order": { "id": "SO-1" } }));
        let Ok(Settlement::Later(later)) = stage.send(start).await.await else { panic!("it does not wait") };
        assert_eq!((later.reason, later.history.delays), (WaitReason::Create, 1));
    }
}

#[tokio::test]
async fn a_message_behind_an_amendment_that_waits_for_its_order_waits_with_it() {
    let data = json!({ "order": { "id": "SO-1" }, "currency": "USD", "total": "2" });
    let stage = Stage::new();
    let mut waiting = Vec::new();
    for message in ["first", "second"] {
        let amendment = event(message, "order-amended", &data);
        let Ok(Settlement::Later(later)) = stage.send(amendment).await.await else { panic!("it does not wait") };
        assert!(later.awaits_create && later.history.awaited.is_some(), "its time runs");
        waiting.push(later.history.delays);
    }
    // the first has looked for the order itself, and has been delayed for that
    assert_eq!(waiting, [1, 0]);
}

fn early() -> Inbound {
    event("early", "fulfillment-triggered", &json!({ "order": { "id": "SO-1" } }))
}
