//! The unsent part of updates, against a small model of the API: it adds payments up, and replaces every other field.
//!
//! Not here: single cases; see the scenarios in `tests/it`.

use bwp_sync::domain::amendment_left;
use bwp_sync::domain::command::{Command, UpdateRefunds};
use bwp_sync::domain::input::{RefundState, UpdateOrderInput};
use bwp_sync::domain::money::Money;
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::refunds_left::{self, RefundsLeft};
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::stored::{Destination, Named, StoredLink, StoredMoney, StoredOrder, StoredPayment, StoredRefund};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{changed, command};

/// A refund message for an order with a single refund.
fn update(state: &str, total: u32, payments: &[(usize, u32)]) -> UpdateRefunds {
    let payment = |(id, amount): &(usize, u32)| json!({ "id": format!("pay-{id}"), "amount": amount.to_string(), "label": "Visa ending in 1234" });
    let body = changed("refund-external", |message| {
        message["data"]["refunds"] = json!([{
            "externalId": "R-1", "state": state, "total": total.to_string(),
            "payments": payments.iter().map(payment).collect::<Value>(),
        }]);
    });
    let Command::UpdateRefunds(update) = command(&body).unwrap() else { panic!("not a refund") };
    update
}

fn money(money: Money) -> StoredMoney {
    StoredMoney { amount: money.amount.decimal(), currency: Some(money.currency_code.code().to_owned()) }
}

/// Applies an update to the model, if the state may follow the one before.
fn tell(order: &mut StoredOrder, left: RefundsLeft) {
    let refunds = order.refunds.as_mut().unwrap();
    for input in left.details {
        let index = match &input.id {
            Some(id) => refunds.iter().position(|refund| refund.id == *id).unwrap(),
            None => {
                let (aliases, payments) = (Some(input.aliases.clone()), Some(Vec::new()));
                refunds.push(StoredRefund { id: "its id".into(), aliases, payments, ..StoredRefund::default() });
                refunds.len() - 1
            }
        };
        let refund = &mut refunds[index];
        if let Some(Named::Known(state)) = refund.state {
            let kept = [RefundState::Failure, RefundState::Partial, RefundState::Success];
            let rank = |state| kept.iter().position(|kept| *kept == state).unwrap();
            assert!(rank(state) <= rank(input.state), "{state:?} cannot become {:?}", input.state);
        }
        refund.state = Some(Named::Known(input.state));
        refund.total = Some(money(input.refund_total.total_amount));
        refund.payments.as_mut().unwrap().extend(input.payment_details.into_iter().map(|payment| StoredPayment {
            id: Some(payment.id),
            amount: Some(money(payment.amount)),
            state: payment.state.map(Named::Known),
        }));
    }
}

fn refunds_left(update: &UpdateRefunds, order: &StoredOrder) -> RefundsLeft {
    refunds_left::left_of(update, order, "EXTERNAL_ITEM_ID", &Rules::default()).unwrap()
}

/// Payments of a refund, whether each message repeats the earlier ones, and the deliveries. A delivery is the number of
/// its message; each message is delivered at least once, in any order.
fn deliveries() -> impl Strategy<Value = (Vec<u32>, bool, Vec<usize>)> {
    (prop::collection::vec(1_u32..1000, 1..6), any::<bool>(), prop::collection::vec(any::<prop::sample::Index>(), 0..6))
        .prop_flat_map(|(amounts, cumulative, again)| {
            let count = amounts.len() + 1;
            let numbers: Vec<usize> = (0..count).chain(again.iter().map(|index| index.index(count))).collect();
            (Just(amounts), Just(cumulative), Just(numbers).prop_shuffle())
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn however_refunds_are_told_no_payment_is_told_twice_and_the_last_state_stands(
        (amounts, cumulative, numbers) in deliveries(),
    ) {
        let last = amounts.len();
        let payments: Vec<_> = amounts.iter().copied().enumerate().collect();
        let message = |number: usize| {
            // the first attempt failed, with no payment
            let state = if number == 0 { "FAILURE" } else if number == last { "SUCCESS" } else { "PARTIAL" };
            let told = if cumulative { &payments[..number] } else { &payments[number.saturating_sub(1)..number] };
            update(state, amounts[..number].iter().sum(), told)
        };
        let mut order = StoredOrder { refunds: Some(Vec::new()), ..StoredOrder::default() };
        for number in numbers {
            let update = message(number);
            let left = refunds_left(&update, &order);
            tell(&mut order, left);
            prop_assert_eq!(refunds_left(&update, &order).details, []);
        }
        let refunds = order.refunds.unwrap();
        prop_assert_eq!(refunds.len(), 1);
        let mut told: Vec<_> = refunds[0].payments.iter().flatten().map(|payment| payment.id.clone().unwrap()).collect();
        told.sort();
        prop_assert_eq!(told, (0..last).map(|id| format!("pay-{id}")).collect::<Vec<_>>());
        prop_assert_eq!(&refunds[0].state, &Some(Named::Known(RefundState::Success)));
        let total = refunds[0].total.as_ref().map(|total| total.amount);
        prop_assert_eq!(total, Some(amounts.iter().sum::<u32>().into()));
    }

    #[test]
    fn nothing_is_left_of_an_amendment_that_was_applied(
        fields in prop::sample::subsequence(vec!["total", "tax", "shipTo", "addAliases", "addLinks"], 1..=5),
        told in any::<bool>(),
        before in prop::sample::subsequence(vec!["total", "tax", "shipTo", "addAliases", "addLinks"], 0..=5),
    ) {
        let amendment = |fields: &[&str]| {
            let body = changed("amend-everything", |message| {
                let data = message["data"].as_object_mut().unwrap();
                data.retain(|field, _| ["order", "currency"].contains(&field.as_str()) || fields.contains(&field.as_str()));
            });
            let Ok(Command::AmendOrder(amend)) = command(&body) else { panic!("not an amendment") };
            amend.input
        };
        let mut order = StoredOrder::default();
        if told {
            (order.aliases, order.links) = (Some(vec![Alias::new("EXTERNAL_ID", "SO-1001")]), Some(Vec::new()));
            order.total = Some(StoredMoney { amount: 1.into(), currency: None });
        }
        if !before.is_empty() {
            amend(&mut order, amendment(&before));
        }
        let wanted = amendment(&fields);
        let left = amendment_left::left_of(&wanted, &order);
        for (field, is_left) in [("total", left.total_price.is_some()), ("addAliases", !left.aliases.is_empty())] {
            prop_assert_eq!(is_left, fields.contains(&field) && !before.contains(&field), "{}", field);
        }
        amend(&mut order, left);
        prop_assert_eq!(amendment_left::left_of(&wanted, &order), UpdateOrderInput::default());
    }
}

/// Applies an amendment to the model.
fn amend(order: &mut StoredOrder, input: UpdateOrderInput) {
    order.total = input.total_price.map(|total| money(total.value)).or(order.total.take());
    order.tax = input.taxes.map(|taxes| money(taxes.summary.collectable_tax_amount)).or(order.tax.take());
    if let Some(address) = input.recipient.map(|recipient| recipient.delivery_address) {
        order.destination = Some(Destination {
            name: Some(address.name),
            street_address: Some(address.street_address),
            extended_address: address.extended_address,
            locality: Some(address.locality),
            region: Some(address.region),
            postal_code: Some(address.postal_code),
            country_code: Some(address.country_code),
            contact_number: address.contact_number,
        });
    }
    order.aliases.get_or_insert_default().extend(input.aliases);
    let links = input.order_links.into_iter();
    let links = links.map(|link| StoredLink { kind: Some(Named::Known(link.destination_type)), url: link.url });
    order.links.get_or_insert_default().extend(links);
}
