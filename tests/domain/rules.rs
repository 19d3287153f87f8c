//! Each rule of the API that is checked before a call: a message that keeps it, one that breaks it, and the refusal.
//!
//! Not here: the API's own checks; reading the settings.

use bwp_sync::domain::command::Command;
use bwp_sync::domain::rejection::{Rejection, RejectionCode};
use bwp_sync::domain::rule::Rule;
use bwp_sync::domain::rules::Rules;
use bwp_sync::domain::transform;
use jiff::Timestamp;
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use crate::support::{changed, command};

/// A checkout with Prime delivery on its first line.
const CHECKOUT: &str = "create-merchant-fulfilled";
const AMENDMENT: &str = "amend-everything";
const REFUND: &str = "refund-external";

/// A message that only just keeps a rule, a message that breaks it, and the text of the refusal.
struct Case {
    rule: Rule,
    sample: &'static str,
    holds: fn(&mut Value),
    breaks: fn(&mut Value),
    says: &'static str,
}

fn case(rule: Rule, sample: &'static str, holds: fn(&mut Value), breaks: fn(&mut Value), says: &'static str) -> Case {
    Case { rule, sample, holds, breaks, says }
}

fn cases() -> Vec<Case> {
    vec![
        case(
            Rule::AliasLimit,
            CHECKOUT,
            |data| data["order"]["aliases"] = aliases(3),
            |data| data["order"]["aliases"] = aliases(4),
            "order: expected at most 5 aliases, got 6",
        ),
        case(
            Rule::AliasLimit,
            AMENDMENT,
            |data| data["addAliases"] = aliases(5),
            |data| data["addAliases"] = aliases(6),
            "order: expected at most 5 aliases, got 6",
        ),
        case(
            Rule::LinkLimit,
            CHECKOUT,
            |data| data["order"]["links"] = links(5),
            |data| data["order"]["links"] = links(6),
            "order: expected at most 5 links, got 6",
        ),
        case(
            Rule::LinkLimit,
            AMENDMENT,
            |data| data["addLinks"] = links(5),
            |data| data["addLinks"] = links(7),
            "order: expected at most 5 links, got 7",
        ),
        case(
            Rule::OfferIds,
            CHECKOUT,
            |_| {},
            |data| data["lines"][0]["delivery"]["offerId"] = Value::Null,
            "lines[0].delivery.offerId: expected on a line with Prime, got none",
        ),
        case(
            Rule::OfferIds,
            CHECKOUT,
            |_| {},
            |data| data["lines"][0]["delivery"]["previewId"] = json!(" "),
            "lines[0].delivery.previewId: expected on a line with Prime, got none",
        ),
        case(
            Rule::ItemAttributes,
            CHECKOUT,
            |data| data["lines"][1]["product"]["title"] = Value::Null,
            |data| data["lines"][0]["product"]["title"] = Value::Null,
            "lines[0].product.title: expected on a line with Prime, got none",
        ),
        case(
            Rule::ItemAttributes,
            CHECKOUT,
            |data| data["lines"][1]["unitPrice"] = Value::Null,
            |data| data["lines"][0]["unitPrice"] = Value::Null,
            "lines[0].unitPrice: expected on a line with Prime, got none",
        ),
        case(
            Rule::ItemAttributes,
            CHECKOUT,
            |data| data["lines"][0]["product"] = json!({ "sku": "S-1", "title": "Mug" }),
            |data| data["lines"][0]["product"] = json!({ "title": "Mug" }),
            "lines[0].product.productId, sku or externalId: expected on a line with Prime, got none",
        ),
        case(
            Rule::DuplicateRefundId,
            REFUND,
            |data| data["refunds"] = json!([refund("externalId", "R-1"), refund("externalId", "R-2")]),
            |data| data["refunds"] = json!([refund("externalId", "R-1"), refund("externalId", "R-1")]),
            "refunds[1]: expected each refund once, got this one twice",
        ),
        case(
            Rule::DuplicateRefundId,
            REFUND,
            |data| data["refunds"] = json!([refund("id", "R-1"), refund("externalId", "R-1")]),
            |data| data["refunds"] = json!([refund("id", "R-1"), refund("id", "R-2"), refund("id", "R-1")]),
            "refunds[2]: expected each refund once, got this one twice",
        ),
        case(
            Rule::MissingRefundId,
            REFUND,
            |_| {},
            |data| data["refunds"][0]["externalId"] = json!(""),
            "refunds[0]: expected id or externalId, got neither",
        ),
        case(
            Rule::QuantityLimit,
            CHECKOUT,
            |data| data["lines"][0]["quantity"] = json!(20),
            |data| data["lines"][0]["quantity"] = json!(21),
            "lines: expected at most 20 pieces with Prime, got 21",
        ),
        case(
            Rule::ExpiredOffer,
            CHECKOUT,
            |data| data["lines"][0]["delivery"]["expiresAt"] = json!("1970-01-01T00:00:01Z"),
            |data| data["lines"][0]["delivery"]["expiresAt"] = json!("1970-01-01T00:00:00Z"),
            "lines[0].delivery.expiresAt: expected a time to come, got 1970-01-01T00:00:00Z",
        ),
        case(
            Rule::Destination,
            CHECKOUT,
            |data| data["shipTo"]["region"] = json!("AK"),
            |data| data["shipTo"]["country"] = json!("CA"),
            "shipTo: expected an address in the United States that Buy with Prime delivers to",
        ),
        case(
            Rule::Destination,
            AMENDMENT,
            |data| data["shipTo"]["region"] = json!("HI"),
            |data| data["shipTo"]["region"] = json!("pr"),
            "shipTo: expected an address in the United States that Buy with Prime delivers to",
        ),
        case(
            Rule::TotalIsSum,
            CHECKOUT,
            |data| parts(data, "26.00"),
            |data| parts(data, "26.01"),
            "total: expected the sum of the order's parts, 24.50, or with taxes of 1.50, got 26.01",
        ),
    ]
}

/// A checkout of parts that add up to 24.50, with taxes to 26.00.
fn parts(data: &mut Value, total: &str) {
    let delivery = json!({ "by": "merchant", "charge": "3.00", "discount": "1.00" });
    data["lines"] = json!([{ "product": { "sku": "A" }, "unitPrice": "10.00", "quantity": 2, "tax": "1.50",
        "discounts": [{ "amount": "2.00" }], "delivery": delivery }]);
    data["tax"] = Value::Null;
    data["discounts"] = json!([{ "amount": "0.50" }]);
    data["notSent"] = json!([{ "part": "company" }, { "part": "shipping", "amount": "5.00" }]);
    data["total"] = json!(total);
}

fn aliases(count: usize) -> Value {
    (0..count).map(|number| json!({ "type": format!("ERP_{number}"), "id": "1" })).collect()
}

fn links(count: usize) -> Value {
    let link = |number| json!({ "kind": "EXTERNAL_ORDER_TRACKING", "url": format!("https://shop.example/{number}") });
    (0..count).map(link).collect()
}

fn refund(by: &str, id: &str) -> Value {
    json!({ by: id, "state": "PARTIAL", "total": "1.00" })
}

fn check(rules: &Rules, sample: &str, change: fn(&mut Value)) -> Result<(), Rejection> {
    let command: Command = command(&changed(sample, |message| change(&mut message["data"]))).unwrap();
    transform::check_rules(&command, rules, Timestamp::UNIX_EPOCH)
}

#[test]
fn a_rule_alone_refuses_what_breaks_it_and_nothing_else() {
    for Case { rule, sample, holds, breaks, says } in cases() {
        let rules = Rules::from_iter([rule]);
        assert_eq!(check(&rules, sample, holds), Ok(()), "{rule:?}");
        let expected = Rejection { code: RejectionCode::Broken(rule), message: says.to_owned() };
        assert_eq!(check(&rules, sample, breaks), Err(expected), "{rule:?}");
    }
}

#[test]
fn a_total_is_the_sum_of_its_parts_with_or_without_their_taxes() {
    let rules = Rules::from_iter([Rule::TotalIsSum]);
    let right: [fn(&mut Value); 2] = [|data| parts(data, "24.5"), |data| parts(data, "26")];
    for change in right {
        assert_eq!(check(&rules, CHECKOUT, change), Ok(()));
    }
    // the tax of the order goes before that of its lines, and a line without a price says nothing of the total
    let with_tax = |data: &mut Value| {
        parts(data, "24.60");
        data["tax"] = json!("0.10");
    };
    let without_price = |data: &mut Value| {
        parts(data, "1");
        data["lines"][0]["unitPrice"] = Value::Null;
    };
    assert_eq!(check(&rules, CHECKOUT, with_tax), Ok(()));
    assert_eq!(check(&rules, CHECKOUT, without_price), Ok(()));
    let wrong: [fn(&mut Value); 2] = [|data| parts(data, "25"), |data| parts(data, "24.49")];
    for change in wrong {
        assert!(check(&rules, CHECKOUT, change).is_err());
    }
}

#[test]
fn a_rule_that_is_switched_off_refuses_nothing() {
    for Case { rule, sample, breaks, .. } in cases() {
        // the parts of most samples do not add up, as in the API's own examples
        let others = Rule::iter().filter(|other| *other != rule && *other != Rule::TotalIsSum);
        let rules: Rules = others.collect();
        assert_eq!(check(&rules, sample, breaks), Ok(()), "{rule:?}");
    }
}

#[test]
fn only_what_cannot_be_wrong_is_checked_by_default() {
    for Case { rule, sample, breaks, .. } in cases() {
        let off = [Rule::QuantityLimit, Rule::ExpiredOffer, Rule::Destination, Rule::TotalIsSum].contains(&rule);
        assert_eq!(check(&Rules::default(), sample, breaks).is_ok(), off, "{rule:?}");
    }
}

/// The transitions of a refund and the owner of a payment depend on the stored order. The scenarios of refunds and
/// `tests/it/cases.rs` cover them.
#[test]
fn every_other_rule_has_a_case() {
    let without: Vec<_> = Rule::iter().filter(|rule| !cases().iter().any(|case| case.rule == *rule)).collect();
    assert_eq!(without, [Rule::DuplicatePaymentId, Rule::RefundState]);
}

#[test]
fn each_rule_has_the_apis_code() {
    let codes = Rule::iter().map(|rule| (rule.setting(), rule.code()));
    let expected = [
        ("alias_limit", "OrderAliasLimitExceeded"),
        ("link_limit", "OrderLinkLimitExceeded"),
        ("offer_ids", "MissingItemAttributes"),
        ("item_attributes", "MissingItemAttributes"),
        ("duplicate_refund_id", "DuplicateRefundId"),
        ("duplicate_payment_id", "DuplicatePaymentId"),
        ("missing_refund_id", "MissingRefundId"),
        ("refund_state", "InvalidRefundStateTransition"),
        ("quantity_limit", "OrderQuantityLimitExceeded"),
        ("expired_offer", "ItemUnavailableWithPrime"),
        ("destination", "InvalidRecipientAddressInput"),
        ("total_is_sum", "TotalIsNotTheSum"),
    ];
    assert_eq!(codes.collect::<Vec<_>>(), expected);
}

#[test]
fn the_default_settings_switch_on_what_cannot_be_wrong() {
    let defaults = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/config/default.toml")).unwrap();
    let section = defaults.split("[orders.rules]").nth(1).unwrap().split("\n[").next().unwrap();
    let mut told: Vec<_> = section.lines().filter(|line| line.contains(" = ")).collect();
    let mut expected: Vec<_> = Rule::iter().map(|rule| format!("{} = {}", rule.setting(), rule.is_default())).collect();
    told.sort_unstable();
    expected.sort_unstable();
    assert_eq!(told, expected);
}
