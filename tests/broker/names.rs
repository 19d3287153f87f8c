//! One order under two names, one message under two ids, and messages without any: which of them are the same.
//! Not here: the order of messages that say which is the later; see `handover`.

use bwp_sync::simulator::{Behaviour, CallPhase, Fault, FaultRule, Operation};

use crate::messages::{amendment, bare_amendment, by_buy_with_prime_id, checkout, fulfillment, json, outcomes, refund};
use crate::stage::{SOON, Stage, Worker, call};
use crate::support::amqp::Collector;

/// A worker, the order `SO-1` that it has created, and Buy with Prime's id of it.
async fn with_one_order(settings: &[(&str, &str)]) -> (Stage, Worker, Collector, String) {
    let stage = Stage::new().await;
    let worker = stage.worker(settings).await;
    let mut results = stage.results().await;
    stage.publish(&checkout("SO-1")).await;
    results.until(SOON, |seen| seen.len() == 1).await;
    let id = stage.simulator.order_by_alias("EXTERNAL_ID", "SO-1").unwrap().id;
    (stage, worker, results, id)
}

#[tokio::test]
async fn a_payment_that_is_told_under_both_names_of_its_order_is_told_once() {
    for by_id_first in [true, false] {
        let (stage, worker, mut results, id) = with_one_order(&[("BWP__API__SETTLE", "2s")]).await;
        // the payment does not show at once to the one that has waited for the other
        stage.simulator.behave(Behaviour { settle_millis: 2000, ..Behaviour::default() });
        // slow enough for both to be under way at the same time
        for operation in [Operation::Order, Operation::UpdateOrder] {
            stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 300 }).on(operation));
        }
        let mut both = [refund("SO-1", "payment-1"), by_buy_with_prime_id(&refund("SO-1", "payment-1"), &id)];
        if !by_id_first {
            both.reverse();
        }
        for message in &both {
            stage.publish(message).await;
        }
        results.until(SOON, |seen| seen.len() == 3).await;
        assert_eq!(stage.simulator.ledger().payments_of("payment-1"), 1, "by id first: {by_id_first}");
        assert_eq!(worker.terminated().await, Some(0));
    }
}

#[tokio::test]
async fn of_two_amendments_under_both_names_the_last_one_published_stands() {
    for by_id_first in [true, false] {
        let (stage, worker, mut results, id) = with_one_order(&[]).await;
        let (first, second) = if by_id_first {
            (amendment("SO-1", "51.00"), by_buy_with_prime_id(&amendment("SO-1", "52.00"), &id))
        } else {
            (by_buy_with_prime_id(&amendment("SO-1", "51.00"), &id), amendment("SO-1", "52.00"))
        };
        // the first is put off, more than once
        stage.simulator.add_fault(FaultRule::first(4, Fault::status(500)).on(Operation::UpdateOrder));
        for message in [&first, &second] {
            stage.publish(message).await;
        }
        results.until(SOON, |seen| seen.len() == 3).await;
        assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("52.00"), "by id first: {by_id_first}");
        assert_eq!(worker.terminated().await, Some(0));
    }
}

#[tokio::test]
async fn a_start_that_is_asked_for_under_both_names_happens_once() {
    let (stage, worker, mut results, id) = with_one_order(&[]).await;
    for operation in [Operation::Order, Operation::UpdateOrder] {
        stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 300 }).on(operation));
    }
    for message in [fulfillment("SO-1"), by_buy_with_prime_id(&fulfillment("SO-1"), &id)] {
        stage.publish(&message).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    let mut ends: Vec<_> = seen[1..].iter().map(|it| json(it)["data"]["outcome"].clone()).collect();
    ends.sort_by_key(ToString::to_string);
    assert_eq!(ends, ["already-started", "updated"]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
    assert_eq!(worker.terminated().await, Some(0));
}

#[tokio::test]
async fn a_bare_amendment_without_an_id_is_no_copy_of_an_equal_one_before_it() {
    let (stage, _worker, mut results, _) = with_one_order(&[]).await;
    // slow enough for all three to be in flight at the same time
    stage.simulator.add_fault(FaultRule::always(Fault::Delay { millis: 300 }).on(Operation::UpdateOrder));
    for total in ["10.00", "12.00", "10.00"] {
        stage.publish(&bare_amendment("SO-1", total)).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 4).await;
    let outcomes: Vec<_> = seen[1..].iter().map(|it| json(it)["data"]["outcome"].clone()).collect();
    assert_eq!(outcomes, ["updated", "updated", "updated"]);
    assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("10.00"));
}

/// A shop that names its bare messages means a copy by the same name.
#[tokio::test]
async fn a_bare_amendment_with_the_id_of_one_before_it_is_a_copy_of_that() {
    let (stage, _worker, mut results, _) = with_one_order(&[]).await;
    for (id, total) in [("m-1", "10.00"), ("m-2", "12.00"), ("m-1", "10.00")] {
        let mut message = bare_amendment("SO-1", total);
        message.properties = message.properties.with_message_id(id.into());
        stage.publish(&message).await;
    }
    let seen = results.until(SOON, |seen| seen.len() == 4).await;
    assert_eq!(json(&seen[3])["data"]["outcome"], "superseded");
    assert_eq!(json(&seen[3])["data"]["supersededBy"], "m-2");
    assert_eq!(stage.simulator.ledger().last_total_of("SO-1"), Some("12.00"));
}

const COPIES_OF: usize = 10;

/// Two workers, of which one is fed; every message comes twice.
#[tokio::test]
async fn two_copies_of_a_trigger_or_a_refund_start_and_pay_once() {
    let stage = Stage::new().await;
    let workers = [stage.worker(&[]).await, stage.worker(&[]).await];
    let mut results = stage.results().await;
    let orders: Vec<_> = (1..=COPIES_OF).map(|number| format!("SO-{number}")).collect();
    let payment = |order: &str| format!("payment of {order}");
    for order in &orders {
        for message in [checkout(order), fulfillment(order), refund(order, &payment(order))] {
            for _ in 0..2 {
                stage.publish(&message).await;
            }
        }
    }
    let seen = results.until(SOON, |seen| seen.len() == 6 * COPIES_OF).await;
    for outcome in ["created", "already-existed", "already-started"] {
        assert_eq!(outcomes(seen).iter().filter(|(_, it)| it == outcome).count(), COPIES_OF, "{outcome}");
    }
    let ledger = stage.simulator.ledger();
    for order in &orders {
        let seen = (ledger.creations_of(order), ledger.starts_of(order), ledger.payments_of(&payment(order)));
        assert_eq!(seen, (1, 1, 1), "{order}");
    }
    for worker in workers {
        assert_eq!(worker.terminated().await, Some(0));
    }
}

/// The killed worker's change does not show yet when its message comes to the next one.
#[tokio::test]
async fn an_effect_that_shows_late_is_waited_for_by_the_next_worker() {
    let settings = [("BWP__API__SETTLE", "5s")];
    let (stage, first, mut results, _) = with_one_order(&settings).await;
    let _second = stage.worker(&settings).await;
    stage.simulator.behave(Behaviour { settle_millis: 5000, ..Behaviour::default() });
    let mut calls = stage.simulator.subscribe();
    stage.simulator.add_fault(FaultRule::first(1, Fault::Hang { after_effect: true }).on(Operation::UpdateOrder));
    // the second copy has not been delivered before
    for _ in 0..2 {
        stage.publish(&fulfillment("SO-1")).await;
    }
    call(&mut calls, |event| event.operation == Operation::UpdateOrder && event.phase == CallPhase::TookEffect).await;
    first.killed().await;
    let seen = results.until(SOON, |seen| seen.len() == 3).await;
    let already = ("SO-1".to_owned(), "already-started".to_owned());
    assert_eq!(outcomes(&seen[1..]), [already.clone(), already]);
    assert_eq!(stage.simulator.ledger().starts_of("SO-1"), 1);
}
