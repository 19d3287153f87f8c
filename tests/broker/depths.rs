//! Depths of queues and the age of the head, as a scrape of the real worker has them.
//! Not here: which figures an alert looks at; see `deploy/alerts.test.yaml`.

use std::collections::BTreeMap;

use bwp_sync::simulator::{Fault, FaultRule};
use lapin::BasicProperties;

use crate::admin::{LISTEN, address, get};
use crate::messages::{checkout, checkout_of};
use crate::stage::{LETTERS, ORDERS, SOON, Stage};
use crate::support::broker::Broker;
use crate::support::relay::Relay;
use crate::support::until::until;

/// Values by series.
async fn scrape(address: &str) -> BTreeMap<String, String> {
    let (_, text) = get(address, "/metrics").await;
    let samples = text.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.rsplit_once(' '));
    samples.map(|(series, value)| (series.to_owned(), value.to_owned())).collect()
}

/// Waits until a series satisfies this.
pub(crate) async fn shows(address: &str, series: &str, is_it: impl Fn(f64) -> bool) -> f64 {
    let look = async || scrape(address).await.get(series).and_then(|value| value.parse().ok());
    until(series, SOON, look, |value: &Option<f64>| value.is_some_and(&is_it)).await.expect("it was waited for")
}

fn depth(role: &str, queue: &str) -> String {
    format!(r#"bwp_queue_messages{{role="{role}",queue="{queue}"}}"#)
}

#[tokio::test]
async fn every_replica_tells_the_depth_of_every_queue() {
    let stage = Stage::new().await;
    stage.keep_results().await;
    let (first, second) = (stage.worker(&[LISTEN]).await, stage.worker(&[LISTEN]).await);
    let addresses = [address(&first).await, address(&second).await];
    for place in &addresses {
        shows(place, &depth("letters", LETTERS), |depth| depth == 0.0).await;
    }
    stage.publish(&checkout_of("SO-1", "sim-ItemOutOfStock")).await;
    stage.shop.publish("", "bwp.dead-letters.parked", BasicProperties::default(), b"parked").await;
    for place in &addresses {
        shows(place, &depth("letters", LETTERS), |depth| depth == 1.0).await;
        shows(place, &depth("parked", "bwp.dead-letters.parked"), |depth| depth == 1.0).await;
        shows(place, &depth("work", ORDERS), |depth| depth == 0.0).await;
        shows(place, &depth("retry", "bwp.orders.retry.1s"), |depth| depth == 0.0).await;
    }
    // a queue that is gone has no depth, and others go on to be told
    stage.vhost.delete_queue("bwp.dead-letters.parked").await;
    stage.publish(&checkout_of("SO-2", "sim-ItemOutOfStock")).await;
    shows(&addresses[0], &depth("parked", "bwp.dead-letters.parked"), f64::is_nan).await;
    shows(&addresses[0], &depth("letters", LETTERS), |depth| depth == 2.0).await;
}

#[tokio::test]
async fn the_head_gets_older_in_a_pause_and_the_standby_tells_none() {
    let stage = Stage::new().await;
    // gives back what it holds in a long pause, again and again
    let settings = [LISTEN, ("BWP__BROKER__GIVE_BACK_AFTER", "2s")];
    let worker = stage.worker(&settings).await;
    let place = address(&worker).await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(503)));
    stage.publish(&checkout("SO-1")).await;
    shows(&place, "bwp_head_age_seconds", |age| age > 1.0).await;
    worker.says(&["not consuming", "give_back_after"]).await;
    // by one and the same process, more than one session lasts
    shows(&place, "bwp_head_age_seconds", |age| age > 6.0).await;
    let standby = stage.worker(&[LISTEN]).await;
    let other = address(&standby).await;
    let ages = async || {
        let of = async |place: &str| scrape(place).await["bwp_head_age_seconds"].parse::<f64>().expect("a number");
        (of(&place).await, of(&other).await)
    };
    until("one of them has the head", SOON, ages, |(one, other)| (*one > 0.0) != (*other > 0.0)).await;
    stage.simulator.clear_faults();
    for place in [&place, &other] {
        shows(place, "bwp_head_age_seconds", |age| age == 0.0).await;
    }
}

#[tokio::test]
async fn without_a_session_no_depth_is_told_and_no_head() {
    let broker = Broker::shared();
    let mut relay = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let worker = stage.worker(&[LISTEN, ("BWP__BROKER__URI", &uri)]).await;
    let place = address(&worker).await;
    stage.simulator.add_fault(FaultRule::always(Fault::status(503)));
    stage.publish(&checkout("SO-1")).await;
    shows(&place, "bwp_head_age_seconds", |age| age > 1.0).await;
    shows(&place, &depth("work", ORDERS), |depth| depth == 0.0).await;
    relay.refuse(true).await;
    relay.cut().await;
    shows(&place, &depth("work", ORDERS), f64::is_nan).await;
    shows(&place, "bwp_head_age_seconds", |age| age == 0.0).await;
}
