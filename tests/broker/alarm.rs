//! A broker that has blocked publishers.

use std::time::Duration;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};
use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, BasicRejectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use crate::admin::{LISTEN, address, get, has_waited, held, ready};
use crate::messages::{Message, cause, checkout, outcomes};
use crate::stage::{ORDERS, SOON, Stage, call_of};
use crate::support::amqp::Client;
use crate::support::broker::{Broker, Queue};
use crate::support::node::Node;
use crate::support::relay::{Pace, Relay};
use crate::support::until::until;
use crate::work::Work;

/// A queue of which what is rejected goes to the work queue.
async fn declare_before(client: &Client, name: &str) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-dead-letter-exchange".into(), AMQPValue::LongString("".into()));
    arguments.insert("x-dead-letter-routing-key".into(), AMQPValue::LongString(ORDERS.into()));
    let declared = client.channel.queue_declare(name.into(), QueueDeclareOptions::durable(), arguments);
    declared.await.expect("the queue can be declared");
}

async fn pass_on(message: &BasicGetMessage) {
    message.reject(BasicRejectOptions::default()).await.expect("a message can be rejected");
}

#[tokio::test]
async fn a_blocked_broker_shows_with_its_cause_and_nothing_is_taken_until_it_lifts_that() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let mut results = stage.results().await;
    let worker = stage.worker(&[LISTEN, ("BWP__BROKER__PREFETCH", "3")]).await;
    // somebody else has messages in flight, and passes them on during the alarm, when nothing can be published
    let holder = Client::connect(&stage.vhost.amqp_uri(), "holder").await;
    declare_before(&holder, "test.before").await;
    let mut held = Vec::new();
    for order in ["SO-1", "SO-2", "SO-3", "SO-4"] {
        let Message { properties, body, .. } = checkout(order);
        stage.shop.publish("", "test.before", properties, &body).await;
        let got = holder.channel.basic_get("test.before".into(), BasicGetOptions::default()).await;
        held.push(got.expect("it can be asked for").expect("it is there"));
    }
    let address = address(&worker).await;
    let ready = async || ready(&address).await.1;
    let metrics = async || get(&address, "/metrics").await.1;

    let idle_since = Instant::now();
    node.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    // of a worker that has published a moment ago it may have taken one message more
    sleep_until(idle_since + Duration::from_secs(1)).await;
    // an alarm meets only who publishes; the worker asks for it before it takes this one
    pass_on(&held[0]).await;
    let blocked = "the broker has blocked publishers";
    let shows = |body: &Value| body["broker"]["cause"].as_str().is_some_and(|cause| cause.starts_with(blocked));
    until("the cause shows", SOON, ready, shows).await;
    let paused = |on: u8| format!(r#"bwp_paused{{cause="broker-blocked"}} {on}"#);
    until("the metric shows it", SOON, metrics, |text| text.contains(&paused(1))).await;
    let unknown = format!(r#"bwp_queue_messages{{role="work",queue="{ORDERS}"}} NaN"#);
    until("no depth is told", SOON, metrics, |text| text.contains(&unknown)).await;
    for message in &held[1..] {
        pass_on(message).await;
    }
    let at_the_worker = |queue: &Queue| (queue.ready, queue.unacknowledged) == (1, 3);
    stage.queue(ORDERS, "as many at the worker as it may have", at_the_worker).await;
    assert_eq!(stage.simulator.ledger().orders_created(), 0, "none of them is taken");

    node.ctl(&["set_vm_memory_high_watermark", "0.9"]).await;
    assert_eq!(results.until(SOON, |seen| seen.len() == 4).await.len(), 4);
    until("the cause is gone", SOON, ready, |body| body["broker"]["cause"].is_null()).await;
    until("the metric shows that", SOON, metrics, |text| text.contains(&paused(0))).await;
    let said = [blocked, "the broker has unblocked publishers"].map(|it| worker.said(it));
    assert_eq!(said, [1, 1], "said once at each change");
}

/// RabbitMQ tells of an alarm only who publishes in it, and may take one publication in it.
#[tokio::test]
async fn a_worker_that_starts_in_an_alarm_creates_nothing_says_so_and_goes_on_after_it() {
    const ORDERS_THAT_WAIT: usize = 5;
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let mut results = stage.results().await;
    // to have everything declared
    assert_eq!(stage.worker(&[]).await.terminated().await, Some(0));
    for order in 0..ORDERS_THAT_WAIT {
        stage.publish(&checkout(&format!("SO-{order}"))).await;
    }
    node.ctl(&["set_vm_memory_high_watermark", "0"]).await;
    let stuck_after = Duration::from_secs(5 * 2);
    let short = [
        LISTEN,
        ("BWP__API__TIMEOUT", "400ms"),
        ("BWP__API__CONNECT_TIMEOUT", "200ms"),
        ("BWP__BROKER__MAX_HOLD", "2s"),
    ];
    let worker = stage.worker(&short).await;
    let address = address(&worker).await;
    let blocked = "the broker has blocked publishers";
    let look = async || ready(&address).await;
    let shows = |(_, body): &(u16, Value)| body["broker"]["cause"].as_str().is_some_and(|it| it.starts_with(blocked));
    let (status, body) = until("the cause shows", SOON, look, shows).await;
    assert_eq!((status, &body["ready"]), (200, &true.into()), "it waits by intention");
    // longer than any message may be handled for
    let long = |it: &Value| has_waited(it, "broker-blocked", stuck_after);
    let wait = |list: &Vec<Value>| list.len() == ORDERS_THAT_WAIT && list.iter().all(long);
    until("all wait for the end of the alarm", SOON, async || held(&address).await, wait).await;
    // a standby has no message that it would ask for
    let standby = stage.worker(&short).await;
    let elsewhere = self::address(&standby).await;
    until("the standby shows the cause", SOON, async || ready(&elsewhere).await, shows).await;
    assert_eq!(get(&address, "/livez").await.0, 200, "waiting is progress");
    assert_eq!(stage.simulator.ledger().calls.get(&Operation::CreateOrder), None, "nothing is created");
    assert_eq!(worker.said("not consuming"), 0, "it waits in its first session");

    node.ctl(&["set_vm_memory_high_watermark", "0.9"]).await;
    assert_eq!(results.until(SOON, |seen| seen.len() == ORDERS_THAT_WAIT).await.len(), ORDERS_THAT_WAIT);
    assert_eq!(stage.simulator.ledger().orders_created(), ORDERS_THAT_WAIT);
    until("the cause is gone", SOON, look, |(_, body)| body["broker"]["cause"].is_null()).await;
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn while_the_broker_blocks_publishers_nothing_is_lost_and_no_confirm_is_given_up() {
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let mut results = stage.results().await;
    // The call: longer than the node takes to raise the alarm.
    let worker = stage
        .worker(&[
            LISTEN,
            ("BWP__BROKER__CONFIRM_TIMEOUT", "5s"),
            ("BWP__API__TIMEOUT", "60s"),
            ("BWP__SHUTDOWN__GRACE", "65s"),
        ])
        .await;
    let address = address(&worker).await;
    let mut calls = stage.simulator.subscribe();
    // the alarm must come while the call is open, so the node has its orders before
    let alarm = node.alarm_on_call();
    let at_once = async {
        alarm.is_prepared().await;
        stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 20_000 }).on(Operation::CreateOrder));
        stage.publish(&checkout("SO-1")).await;
        call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, "SO-1").await;
        alarm.raise();
        worker.says(&["the broker has blocked publishers"]).await;
        let long = |list: &Vec<Value>| list.iter().any(|it| has_waited(it, "confirm", Duration::from_secs(10)));
        until("longer than a confirm may take", SOON, async || held(&address).await, long).await;
        alarm.lift();
        worker.says(&["the broker has unblocked publishers"]).await;
    };
    tokio::join!(alarm.obey(), at_once);
    let seen = results.until(SOON, |seen| !seen.is_empty()).await;
    assert_eq!(outcomes(seen), [("SO-1".to_owned(), "created".to_owned())]);
    assert_eq!(worker.said("not consuming"), 0, "no confirm timed out");
    assert_eq!(stage.simulator.ledger().orders_created(), 1);
    assert_eq!(worker.terminated().await, Some(0));
}

/// As long as a test can afford, and longer than the worker waits for anything else; `BWP_TEST_ALARM_SECONDS` makes it longer.
#[tokio::test]
async fn an_alarm_of_a_minute_with_connections_cut_meanwhile_breaks_no_order_and_loses_nothing() {
    let seconds = std::env::var("BWP_TEST_ALARM_SECONDS").map_or(60, |it| it.parse().expect("a number of seconds"));
    let node = Node::start().await;
    let stage = Stage::on(&node).await;
    let wire = Relay::start(&node.address());
    let uri = stage.vhost.amqp_uri_through(&wire.address());
    let settings = [("BWP__BROKER__URI", uri.as_str()), ("BWP__BROKER__CONFIRM_TIMEOUT", "3s")];
    let first = stage.tagged("first", &settings).await;
    stage.active("first").await;
    let second = stage.tagged("second", &settings).await;
    let mut results = stage.results().await;
    let mut work = Work::begin(&stage, &mut results, 12).await;
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 200 }).on(Operation::UpdateOrder));
    work.amend(&stage, 20).await;
    let set = "S = fun(L) -> vm_memory_monitor:set_vm_memory_high_watermark(L) end";
    let alarm = format!("{set}, S(0.0), timer:sleep({seconds}000), S({{absolute, \"512MB\"}}).");
    let alarm = ["eval", &alarm];
    let cuts = async {
        for cut in 1..=seconds / 10 {
            sleep(Duration::from_secs(9)).await;
            wire.cut().await;
            for worker in [&first, &second] {
                worker.consumes(1 + cut).await;
            }
        }
    };
    tokio::join!(node.ctl(&alarm), cuts);
    work.amend(&stage, 1).await;
    work.ends_in_order(&stage, &mut results).await;
    stage.ends([first, second]).await;
}

#[tokio::test]
async fn a_broker_that_confirms_late_is_no_alarm_and_messages_are_handed_on() {
    let broker = Broker::shared();
    let (relay, stage) = (Relay::start(&broker.address()), Stage::on(&broker).await);
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let worker = stage.worker(&[("BWP__BROKER__URI", &uri)]).await;
    let mut results = stage.results().await;
    // a question and its answer take longer than a confirm is believed for
    relay.pace(Pace::Slow { bytes: 64 * 1024, late: Duration::from_millis(700) });
    for order in ["SO-1", "SO-2"] {
        stage.publish(&checkout(order)).await;
        results.until(SOON, |seen| seen.iter().any(|it| cause(it) == format!("checkout of {order}"))).await;
    }
    relay.pace(Pace::Free);
    assert_eq!(worker.said(r#""message":"not consuming""#), 0);
    assert_eq!(worker.terminated().await, Some(0));
}
