//! Every rule that is checked before a call is broken here; every other code of our own is proven where this says.
//! Not here: the API's codes (`error_rows`).

use std::sync::Arc;

use bwp_sync::api::ApiVersion;
use bwp_sync::domain::rule::Rule;
use bwp_sync::domain::rules::Rules;
use bwp_sync::policy::catalogue::OwnCode;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{Config, Operation, Simulator};
use bwp_sync::worker::handle;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::scenario::{context, event, plain_checkout};

/// A checkout that breaks a rule by the value at a pointer.
fn checkout_with(pointer: &str, value: Value) -> Inbound {
    let mut data = plain_checkout("SO-1");
    let (parent, field) = pointer.rsplit_once('/').unwrap();
    data.pointer_mut(parent).unwrap()[field] = value;
    event("breaks", "checkout-completed", &data)
}

fn refunds(id: &str, refunds: &Value) -> Inbound {
    let data = json!({ "order": { "id": "SO-1" }, "currency": "USD", "refunds": refunds });
    event(id, "refund-updated", &data)
}

/// Messages that come before, and the one that breaks a rule.
fn breaking(rule: Rule) -> (Vec<Inbound>, Inbound) {
    let alone = |message| (Vec::new(), message);
    let after_checkout = |message| (vec![event("before", "checkout-completed", &plain_checkout("SO-1"))], message);
    match rule {
        Rule::AliasLimit => {
            let six: Value = (0..6).map(|n| json!({ "type": format!("ERP_{n}"), "id": "77" })).collect();
            alone(checkout_with("/order/aliases", six))
        }
        Rule::LinkLimit => {
            let link = |n| json!({ "kind": "EXTERNAL_ORDER_TRACKING", "url": format!("https://shop.example/{n}") });
            alone(checkout_with("/order/links", (0..6).map(link).collect()))
        }
        Rule::OfferIds => alone(checkout_with("/lines/0/delivery/offerId", Value::Null)),
        Rule::ItemAttributes => alone(checkout_with("/lines/0/unitPrice", Value::Null)),
        Rule::QuantityLimit => alone(checkout_with("/lines/0/quantity", json!(21))),
        Rule::ExpiredOffer => alone(checkout_with("/lines/0/delivery/expiresAt", json!("2024-01-01T00:00:00Z"))),
        Rule::TotalIsSum => alone(checkout_with("/total", json!("0.01"))),
        Rule::Destination => alone(checkout_with("/shipTo/region", json!("PR"))),
        Rule::DuplicateRefundId => {
            let refund = json!({ "externalId": "R-1", "state": "PENDING", "total": "4" });
            after_checkout(refunds("breaks", &json!([refund, refund])))
        }
        Rule::DuplicatePaymentId => {
            let refund = |id: &str| {
                let payment = json!({ "id": "pay-1", "amount": "4", "label": "Visa" });
                json!([{ "externalId": id, "state": "PARTIAL", "total": "4", "payments": [payment] }])
            };
            let (mut before, breaks) = after_checkout(refunds("breaks", &refund("R-2")));
            before.push(refunds("paid", &refund("R-1")));
            (before, breaks)
        }
        Rule::MissingRefundId => after_checkout(refunds("breaks", &json!([{ "state": "PENDING", "total": "4" }]))),
        Rule::RefundState => {
            let refund = |state: &str, total: &str| json!([{ "externalId": "R-1", "state": state, "total": total }]);
            let (mut before, breaks) = after_checkout(refunds("breaks", &refund("FAILURE", "12")));
            before.push(refunds("paid", &refund("SUCCESS", "10")));
            (before, breaks)
        }
    }
}

/// How a message that breaks a rule ends where only these are checked, and whether it came to a write.
async fn broken(rule: Rule, checked: Option<Rule>) -> (Settlement, bool) {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let mut context = context(&simulator, "sim-secret", ApiVersion::default());
    Arc::get_mut(&mut context).unwrap().conventions.rules = checked.into_iter().collect::<Rules>();
    let (before, message) = breaking(rule);
    for message in before {
        assert!(matches!(handle(&context, &message).await, Settlement::Done(_)));
    }
    let writes = || [Operation::CreateOrder, Operation::UpdateOrder].map(|it| simulator.ledger().calls_of(it));
    let earlier = writes();
    let settlement = handle(&context, &message).await;
    (settlement, writes() != earlier)
}

#[tokio::test]
async fn each_rule_is_checked_before_the_call_and_only_while_it_is_on() {
    for rule in Rule::iter() {
        let (settlement, written) = broken(rule, Some(rule)).await;
        let Settlement::DeadLetter(letter, _) = settlement else { panic!("{rule:?}: {settlement:?}") };
        assert_eq!((letter.error_type.as_str(), letter.code.as_str()), ("LocalValidation", rule.code()), "{rule:?}");
        assert!(!written, "{rule:?}: nothing is sent");
        let (settlement, written) = broken(rule, None).await;
        let ours = matches!(&settlement, Settlement::DeadLetter(letter, _) if letter.error_type == "LocalValidation");
        assert!(!ours && written, "{rule:?}: the API is asked, {settlement:?}");
    }
}

/// A file, and what stands in it, where each code that is no rule's is expected. A new code has to say so here.
fn proof(code: OwnCode) -> (&'static str, &'static str) {
    match code {
        OwnCode::InvalidMessage => ("it/scenarios/amendments.json", "letter: BwpSync/InvalidMessage"),
        OwnCode::UnsupportedMessage => ("broker/letters.rs", "UnsupportedMessage"),
        OwnCode::PoisonMessage => ("it/pool.rs", "PoisonMessage"),
        OwnCode::RetriesExhausted => ("it/scenarios/letters.json", "letter: InternalServerError/RetriesExhausted"),
        OwnCode::OrderNotFound => ("fixtures/error_rows.csv", "BwpSync,OrderNotFound"),
        OwnCode::OutcomeUnknown => ("it/scenarios/refunds.json", "letter: BwpSync/OutcomeUnknown"),
        OwnCode::AliasBelongsToAnotherOrder => {
            ("it/scenarios/create.json", "letter: BwpSync/AliasBelongsToAnotherOrder")
        }
        OwnCode::ExecutionCannotBeStartedDueToCancellation => {
            ("it/scenarios/fulfillment.json", "letter: LocalValidation/ExecutionCannotBeStartedDueToCancellation")
        }
        OwnCode::Broken(_) => ("it/own_codes.rs", "for rule in Rule::iter()"),
    }
}

#[test]
fn each_code_of_our_own_is_expected_by_a_test() {
    for code in OwnCode::all() {
        let (file, expected) = proof(code);
        let text = std::fs::read_to_string(format!("{}/tests/{file}", env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(text.contains(expected), "{}: {expected:?} stands no more in {file}", code.name());
    }
}
