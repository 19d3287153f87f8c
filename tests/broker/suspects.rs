//! A message that ends the process again and again: given up after a look, once, and its neighbours are done.
//! Not here: what comes back again and again for other reasons; see `innocent`.

use std::collections::BTreeSet;

use bwp_sync::simulator::{CallPhase, Fault, FaultRule, Operation};
use futures_util::future::join_all;
use lapin::message::Delivery;
use lapin::types::{AMQPValue, FieldTable, ShortString};

use crate::messages::{Message, amendment, checkout, fulfillment, header, json, outcomes};
use crate::stage::{LETTERS, ORDERS, SOON, Stage, Worker, call_of};
use crate::support::amqp::Collector;
use crate::support::broker::Broker;
use crate::support::relay::Relay;

/// Records of handlings that began.
pub(crate) const TRIES: &str = "bwp.orders.tries";
/// Deliveries after which a message is handled alone, and handlings that began and did not end after which it is given up.
const KILLS: usize = 5 + TRIED;
/// The latter alone, of which records are left.
const TRIED: usize = 3;
/// Calls end soon, so that a takeover is over soon.
pub(crate) const QUICK: (&str, &str) = ("BWP__API__TIMEOUT", "2s");

/// No message is left, and so many records of handlings that began and did not end.
pub(crate) async fn are_left(stage: &Stage, unended: usize) {
    assert!(stage.left_in(ORDERS).await.is_empty());
    let mut records = stage.shop.collect(TRIES).await;
    let records = stage.rest_of(TRIES, &mut records).await;
    let text = |value: &Option<ShortString>| value.as_ref().map(ToString::to_string).unwrap_or_default();
    let of = |kind: &str| -> BTreeSet<String> {
        let of_kind = records.iter().filter(|it| text(it.properties.kind()) == kind);
        of_kind.map(|it| text(it.properties.message_id())).collect()
    };
    assert_eq!(of("began").difference(&of("ended")).count(), unended, "of {} records", records.len());
}

#[tokio::test]
async fn a_message_that_kills_the_process_ends_as_one_letter_and_its_neighbours_are_done_soon() {
    const NEIGHBOURS: usize = 49;
    let stage = Stage::new().await;
    stage.keep_results().await;
    let poison = "poison";
    // without an effect: a message whose order is there would be done, not given up
    let hanging = FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::CreateOrder);
    stage.simulator.add_fault(hanging.for_alias(poison));
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 300 }).on(Operation::CreateOrder));
    let settings = [("BWP__BROKER__PREFETCH", "50")];
    let mut worker = stage.worker(&settings).await;
    let mut calls = stage.simulator.subscribe();
    let mut messages: Vec<Message> = (0..NEIGHBOURS).map(|number| checkout(&format!("SO-{number}"))).collect();
    messages.insert(NEIGHBOURS / 2, checkout(poison));
    join_all(messages.iter().map(|message| stage.publish(message))).await;
    let mut letters = stage.letters().await;

    let mut kills = 0;
    loop {
        tokio::select! {
            () = call_of(&mut calls, Operation::CreateOrder, CallPhase::Opened, poison) => {
                worker.killed().await;
                kills += 1;
                worker = stage.starting_worker(&settings);
            }
            _ = letters.until(SOON * 2, |seen| !seen.is_empty()) => break,
        }
    }
    // one more where a signal comes before the record
    assert!((KILLS..=KILLS + 2).contains(&kills), "{kills}");

    let mut results = stage.results().await;
    let seen = results.until(SOON / 2, |seen| subjects(seen) == NEIGHBOURS + 1).await;
    for (order, outcome) in outcomes(seen) {
        assert_eq!(outcome == "PoisonMessage", order == poison, "{order}: {outcome}");
    }
    assert_eq!(worker.terminated().await, Some(0));
    are_left(&stage, TRIED).await;
    let letters = stage.rest_of(LETTERS, &mut letters).await;
    assert_eq!(letters.len(), 1);
    assert_eq!(header(&letters[0], "bwp-error-code").as_deref(), Some("PoisonMessage"));
    assert_eq!(header(&letters[0], "bwp-source-queue").as_deref(), Some(ORDERS));
    assert_eq!(letters[0].data, messages[NEIGHBOURS / 2].body);
    assert_eq!(stage.simulator.ledger().orders_created(), NEIGHBOURS);
}

fn subjects(results: &[Delivery]) -> usize {
    results.iter().map(|it| json(it)["subject"].to_string()).collect::<BTreeSet<_>>().len()
}

/// A worker that has created the order `SO-1`.
async fn with_one_order() -> (Stage, Worker, Collector) {
    let stage = Stage::new().await;
    let worker = stage.worker(&[QUICK]).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    (stage, worker, results)
}

#[tokio::test]
async fn an_update_that_kills_the_process_before_its_effect_is_one_letter_and_what_follows_is_done() {
    let (stage, mut worker, mut results) = with_one_order().await;
    let hanging = FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::UpdateOrder);
    stage.simulator.add_fault(hanging);
    let mut calls = stage.simulator.subscribe();
    stage.publish(&fulfillment("SO-1")).await;
    for _kill in 0..KILLS {
        call_of(&mut calls, Operation::UpdateOrder, CallPhase::Opened, "SO-1").await;
        worker.killed().await;
        worker = stage.worker(&[QUICK]).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(outcomes(&seen[1..]), [("SO-1".to_owned(), "PoisonMessage".to_owned())]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 0);
    stage.simulator.clear_faults();
    stage.publish(&amendment("SO-1", "55.00")).await;
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    assert_eq!(outcomes(&seen[2..]), [("SO-1".to_owned(), "updated".to_owned())]);
    assert_eq!(worker.terminated().await, Some(0));
    assert_eq!(stage.left_in(LETTERS).await.len(), 1);
    are_left(&stage, TRIED).await;
}

#[tokio::test]
async fn an_update_that_kills_the_process_and_has_its_effect_is_no_letter() {
    for (message, outcome) in [(fulfillment("SO-1"), "already-started"), (amendment("SO-1", "55.00"), "unchanged")] {
        let (stage, mut worker, mut results) = with_one_order().await;
        stage.simulator.add_fault(FaultRule::first(1, Fault::Hang { after_effect: true }).on(Operation::UpdateOrder));
        let mut calls = stage.simulator.subscribe();
        stage.publish(&message).await;
        call_of(&mut calls, Operation::UpdateOrder, CallPhase::TookEffect, "SO-1").await;
        worker.killed().await;
        // from now on at the read that finds the effect
        stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::Order));
        for _kill in 1..KILLS {
            worker = stage.worker(&[QUICK]).await;
            call_of(&mut calls, Operation::Order, CallPhase::Opened, "SO-1").await;
            worker.killed().await;
        }
        stage.simulator.clear_faults();
        worker = stage.worker(&[QUICK]).await;
        let seen = results.until(SOON, |seen| seen.len() == 2).await;
        let expected = ["updated", outcome].map(|outcome| ("SO-1".to_owned(), outcome.to_owned()));
        assert!(expected.contains(&outcomes(&seen[1..])[0]), "{:?}", outcomes(seen));
        let ledger = stage.simulator.ledger();
        assert!(ledger.starts_of("SO-1") <= 1 && ledger.calls_of(Operation::UpdateOrder) == 1, "{ledger:?}");
        assert_eq!(worker.terminated().await, Some(0));
        assert!(stage.left_in(LETTERS).await.is_empty());
        are_left(&stage, TRIED).await;
    }
}

/// Counts of a message's last life are no reason to give it up in this one.
#[tokio::test]
async fn a_replay_of_what_was_given_up_begins_anew_and_lost_connections_do_not_give_it_up() {
    let broker = Broker::shared();
    let relay = Relay::start(&broker.address());
    let stage = Stage::on(&broker).await;
    let uri = stage.vhost.amqp_uri_through(&relay.address());
    let settings = [QUICK, ("BWP__BROKER__URI", uri.as_str())];
    let mut worker = stage.worker(&settings).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::UpdateOrder));
    let mut calls = stage.simulator.subscribe();
    let message = fulfillment("SO-1");
    stage.publish(&message).await;
    for _kill in 0..KILLS {
        call_of(&mut calls, Operation::UpdateOrder, CallPhase::Opened, "SO-1").await;
        worker.killed().await;
        worker = stage.worker(&settings).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 2).await;
    assert_eq!(outcomes(&seen[1..]), [("SO-1".to_owned(), "PoisonMessage".to_owned())]);
    // its acknowledgement must not be cut off
    stage.queue(ORDERS, "nothing is left", |queue| queue.ready + queue.unacknowledged == 0).await;

    stage.simulator.clear_faults();
    stage.simulator.add_fault(FaultRule::always(Fault::Hang { after_effect: false }).on(Operation::Order));
    let mut replayed = FieldTable::default();
    replayed.insert("bwp-replays".into(), AMQPValue::LongUInt(1));
    stage.shop.publish("", ORDERS, message.properties.clone().with_headers(replayed), &message.body).await;
    for cut in 0..KILLS {
        let mut calls = stage.simulator.subscribe();
        call_of(&mut calls, Operation::Order, CallPhase::Opened, "SO-1").await;
        relay.cut().await;
        worker.consumes(cut + 2).await;
    }
    stage.simulator.clear_faults();
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    assert_eq!(outcomes(&seen[2..]), [("SO-1".to_owned(), "updated".to_owned())]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
    assert_eq!(worker.terminated().await, Some(0));
}
