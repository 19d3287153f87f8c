//! A message that waits says why: in the log, in a header, in a metric and to the operator.
//! Not here: each reason; see `tests/it/pool.rs` and the unit tests of `worker::status`.

use bwp_sync::simulator::{Fault, FaultRule, Operation};
use lapin::options::BasicGetOptions;
use serde_json::Value;

use crate::admin::{LISTEN, address, get, held};
use crate::messages::{Message, checkout, fulfillment, header};
use crate::stage::{SOON, Stage};
use crate::support::program::bwp_sync;
use crate::support::until::until;

/// Long against all that a test does meanwhile.
const LONG_DELAYS: (&str, &str) = ("BWP__RETRY__DELAYS", "200s,210s");
const NO_REPEATS: (&str, &str) = ("BWP__RETRY__IN_PROCESS", "0");

fn id(message: &Message) -> String {
    message.properties.message_id().as_ref().expect("it has an id").to_string()
}

fn creates_fail() -> FaultRule {
    FaultRule::always(Fault::status(500)).on(Operation::CreateOrder)
}

#[tokio::test]
async fn messages_that_are_held_are_listed_with_their_reasons() {
    let stage = Stage::new().await;
    let worker = stage.worker(&[LISTEN, NO_REPEATS, LONG_DELAYS]).await;
    let address = address(&worker).await;
    stage.simulator.add_fault(creates_fail());
    let (create, start) = (checkout("SO-1"), fulfillment("SO-1"));
    stage.publish(&create).await;
    stage.publish(&start).await;
    let look = async || held(&address).await;
    let shown = |list: &[Value]| {
        let of = |held: &Value, name: &str| held[name].as_str().unwrap_or_default().to_owned();
        let mut shown: Vec<_> =
            list.iter().map(|held| (of(held, "order"), of(held, "messageId"), of(held, "reason"))).collect();
        shown.sort();
        shown
    };
    let mut expected =
        vec![("SO-1".into(), id(&create), "delay".into()), ("SO-1".into(), id(&start), "order".to_owned())];
    expected.sort();
    let list = until("both are held", SOON, look, |list| shown(list) == expected).await;
    assert!(list.iter().all(|held| held["since"].is_string() && held["words"].is_string()), "{list:?}");
    let metrics = get(&address, "/metrics").await.1;
    for line in [r#"bwp_held{reason="delay"} 1"#, r#"bwp_held{reason="order"} 1"#, r#"bwp_held{reason="pause"} 0"#] {
        assert!(metrics.contains(line), "{metrics}");
    }
    worker.says(&[r#""message":"held""#, r#""waits_for":"delay""#, "SO-1", &id(&create)]).await;

    let asked = async |arguments: &[&str]| {
        let mut tool = bwp_sync(arguments, &[("BWP__ADMIN__LISTEN", &address)]);
        let code = tool.wait(SOON).await.code();
        (code, tool.stdout().join("\n"))
    };
    let (code, json) = asked(&["held", "--json"]).await;
    assert_eq!(code, Some(0));
    assert_eq!(shown(&serde_json::from_str::<Vec<Value>>(&json).expect("JSON")), expected);
    let (code, table) = asked(&["held"]).await;
    assert_eq!(code, Some(0));
    for text in ["SO-1", "delay", "order", "another message of its order comes first"] {
        assert!(table.contains(text), "{table}");
    }
    // held messages go back
    assert_eq!(worker.terminated().await, Some(0));
    assert_eq!(asked(&["held"]).await.0, Some(1), "nobody answers any more");
}

#[tokio::test]
async fn a_hop_says_why_in_its_header_and_in_the_log() {
    let stage = Stage::new().await;
    // of one message that may be in flight none is held
    let worker = stage.worker(&[("BWP__BROKER__PREFETCH", "1"), NO_REPEATS, LONG_DELAYS]).await;
    stage.simulator.add_fault(creates_fail());
    let hops = [(checkout("SO-1"), "delay"), (fulfillment("SO-1"), "order"), (fulfillment("SO-2"), "create")];
    for (message, _) in &hops {
        stage.publish(message).await;
    }
    for (message, reason) in &hops {
        let reason = format!(r#""waits_for":"{reason}""#);
        let later = worker.says(&[r#""message":"later""#, &id(message), &reason]).await;
        assert!(later.contains(r#""delay_ms":200000"#), "{later}");
        let got = stage.shop.channel.basic_get("bwp.orders.retry.200s".into(), BasicGetOptions { no_ack: true }).await;
        let got = got.expect("it can be asked for").expect("it is there").delivery;
        let expected = reason.split('"').nth(3);
        assert_eq!(header(&got, "bwp-waits-for").as_deref(), expected);
    }
    assert_eq!(worker.terminated().await, Some(0));
}
