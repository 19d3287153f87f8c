//! The unsent part of a message's refunds, given the stored order.
//!
//! Not here: reading the order and sending that part (`tests/it/scenarios/refunds.json`).

use bwp_sync::domain::command::{Command, UpdateRefunds};
use bwp_sync::domain::input::RefundState;
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::refunds_left::{Obstacle, RefundsLeft, left_of};
use bwp_sync::domain::rejection::RejectionCode;
use bwp_sync::domain::rule::Rule;
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::stored::{Named, StoredMoney, StoredOrder, StoredPayment, StoredRefund, Untold};
use serde_json::{Value, json};

use crate::support::command;

fn told(refunds: &Value) -> UpdateRefunds {
    let data = json!({ "order": { "id": "SO-1" }, "currency": "USD", "refunds": refunds });
    let event = json!({ "specversion": "1.0", "id": "1", "source": "/shop", "type": "refund-updated", "data": data });
    let Command::UpdateRefunds(update) = command(&serde_json::to_vec(&event).unwrap()).unwrap() else {
        panic!("not a refund")
    };
    update
}

fn payment(id: &str) -> Value {
    json!({ "id": id, "amount": "4.00", "label": "Visa ending in 1234" })
}

fn dollars(amount: u32) -> Option<StoredMoney> {
    Some(StoredMoney { amount: amount.into(), currency: Some("USD".into()) })
}

/// The stored refund `R-1`, with one payment `p-1`.
fn stored(state: Named<RefundState>, total: Option<StoredMoney>) -> StoredRefund {
    StoredRefund {
        id: "id-1".into(),
        aliases: Some(vec![Alias::new("EXTERNAL_REFUND_ID", "R-1")]),
        state: Some(state),
        total,
        payments: Some(vec![StoredPayment { id: Some("p-1".into()), amount: dollars(4), state: None }]),
        lines: Some(Vec::new()),
        reason: None,
    }
}

fn left(refunds: &Value, stored: StoredRefund) -> Result<RefundsLeft, Obstacle> {
    let order = StoredOrder { refunds: Some(vec![stored]), ..StoredOrder::default() };
    left_of(&told(refunds), &order, "EXTERNAL_ITEM_ID", &Rules::default())
}

#[test]
fn a_refund_by_its_id_and_by_its_alias_in_one_message_is_refused() {
    let refund =
        |name: &str, id: &str| json!({ name: id, "state": "PARTIAL", "total": "8", "payments": [payment("p-2")] });
    let twice = json!([refund("id", "id-1"), refund("externalId", "R-1")]);
    let refused = left(&twice, stored(Named::Known(RefundState::Partial), dollars(4)));
    let Err(Obstacle::Rejected(refused)) = refused else { panic!("{refused:?}") };
    assert_eq!(refused.code, RejectionCode::Broken(Rule::DuplicateRefundId));
    assert!(refused.message.starts_with("refunds[1]: "), "{}", refused.message);
}

#[test]
fn a_late_payment_never_takes_the_sum_that_stands_back() {
    let late = json!([{ "externalId": "R-1", "state": "PARTIAL", "total": "4", "payments": [payment("p-2")] }]);
    for state in [Named::Known(RefundState::Partial), Named::Other("HALF_WAY".into())] {
        let left = left(&late, stored(state.clone(), dollars(10))).unwrap();
        let [refund] = left.details.as_slice() else { panic!("{left:?}") };
        assert_eq!(refund.refund_total.total_amount.amount.decimal(), 10.into(), "{state:?}");
        assert_eq!(refund.payment_details.len(), 1);
        assert!(left.superseded);
    }
}

#[test]
fn a_sum_of_another_currency_is_neither_the_same_nor_lower() {
    let dollars_told = json!([{ "externalId": "R-1", "state": "PARTIAL", "total": "4", "payments": [] }]);
    let euros = |amount: u32| Some(StoredMoney { amount: amount.into(), currency: Some("EUR".into()) });
    for total in [euros(4), euros(10)] {
        let left = left(&dollars_told, stored(Named::Known(RefundState::Partial), total)).unwrap();
        assert_eq!((left.details.len(), left.superseded), (1, false), "the API has to say what it makes of it");
    }
}

#[test]
fn a_payment_of_another_currency_under_a_known_id_is_refused() {
    let mut there = stored(Named::Known(RefundState::Partial), dollars(4));
    there.payments.as_mut().unwrap()[0].amount.as_mut().unwrap().currency = Some("EUR".into());
    let again = json!([{ "externalId": "R-1", "state": "PARTIAL", "total": "4", "payments": [payment("p-1")] }]);
    assert!(matches!(left(&again, there), Err(Obstacle::Rejected(_))));
}

#[test]
fn nothing_is_told_while_the_payments_that_are_there_are_not_known() {
    let refund = json!([{ "externalId": "R-1", "state": "PARTIAL", "total": "8", "payments": [payment("p-2")] }]);
    let partial = || stored(Named::Known(RefundState::Partial), dollars(4));
    let nameless = StoredPayment { id: None, amount: dollars(4), state: None };
    for (stored, what) in [
        (StoredRefund { payments: None, ..partial() }, Untold::RefundPayments),
        (StoredRefund { payments: Some(vec![nameless]), ..partial() }, Untold::RefundPaymentIds),
        (StoredRefund { aliases: None, ..partial() }, Untold::RefundAliases),
    ] {
        assert_eq!(left(&refund, stored), Err(Obstacle::NotTold(what)));
    }
}
