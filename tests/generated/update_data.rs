//! Data of the messages after a checkout, valid and invalid.
//! Not here: their order.

use fastrand::Rng;
use serde_json::{Value, json};

use crate::data::{address, aliases, amount, links};

/// Data of a message with nothing but its order.
pub(crate) fn about(order: &str) -> Value {
    json!({ "order": { "id": order }, "currency": "USD" })
}

/// An amendment with a total of this many cents.
pub(crate) fn amendment(random: &mut Rng, order: &str, cents: u32) -> Value {
    let mut data = about(order);
    data["total"] = amount(random, cents);
    if random.bool() {
        data["tax"] = amount(random, cents / 10);
    }
    if random.bool() {
        data["shipTo"] = address();
        data["shipTo"]["phone"] = json!(format!("206-555-{cents:04}"));
    }
    data
}

/// State, total and payments of a refund.
pub(crate) fn refund(id: &str, state: &str, cents: u32, payments: &[Value]) -> Value {
    json!({ "externalId": id, "state": state, "total": dollars(cents), "payments": payments })
}

/// A payment of a refund.
pub(crate) fn payment(id: &str, cents: u32) -> Value {
    json!({ "id": id, "amount": dollars(cents), "label": "Visa ending in 1234", "type": "CARD", "state": "SUCCESS" })
}

/// An amount in the form of the simulator's ledger and orders.
pub(crate) fn dollars(cents: u32) -> String {
    format!("{}.{:02}", cents / 100, cents % 100)
}

/// The data of a refund message.
pub(crate) fn refunds(order: &str, refunds: Vec<Value>) -> Value {
    let mut data = about(order);
    data["refunds"] = Value::Array(refunds);
    data
}

/// Type and code of the expected dead letter, and the data that leads to it.
pub(crate) type Broken = (&'static str, fn(&str) -> Value);

/// Invalid amendments, with their expected dead letters. Their totals must never take effect.
pub(crate) const BROKEN_AMENDMENTS: [Broken; 5] = [
    ("BwpSync/InvalidMessage", about),
    ("BwpSync/InvalidMessage", |order| json!({ "order": { "id": order }, "total": "99999.99" })),
    ("BwpSync/InvalidMessage", |order| with(order, "shipTo", json!("Seattle"))),
    ("LocalValidation/OrderAliasLimitExceeded", |order| with(order, "addAliases", json!(aliases(order, 6)))),
    ("LocalValidation/OrderLinkLimitExceeded", |order| with(order, "addLinks", json!(links(order, 6)))),
];

/// Invalid refunds, with their expected dead letters. Their payments must never be sent.
pub(crate) const BROKEN_REFUNDS: [Broken; 7] = [
    ("BwpSync/InvalidMessage", |order| refunds(order, vec![])),
    ("BwpSync/InvalidMessage", |order| refunds(order, vec![refund("R-0", "PAID", 900, &[never(order)])])),
    ("BwpSync/InvalidMessage", |order| {
        refunds(order, vec![refund("R-0", "PARTIAL", 900, &[never(order), never(order)])])
    }),
    ("BwpSync/InvalidMessage", |order| {
        let mut refund = refund("R-0", "PARTIAL", 900, &[never(order)]);
        refund["lines"] = json!([{ "lineId": "no such line" }]);
        refunds(order, vec![refund])
    }),
    ("LocalValidation/MissingRefundId", |order| {
        refunds(order, vec![json!({ "state": "PARTIAL", "total": "9.00", "payments": [never(order)] })])
    }),
    ("LocalValidation/DuplicateRefundId", |order| {
        refunds(order, vec![refund("R-0", "PARTIAL", 900, &[never(order)]), refund("R-0", "PARTIAL", 950, &[])])
    }),
    ("ValidationError/InvalidRefundId", |order| {
        let told = [never(order)];
        refunds(order, vec![json!({ "id": "a".repeat(64), "state": "PARTIAL", "total": "9.00", "payments": told })])
    }),
];

/// An amendment that adds an alias.
pub(crate) fn with_alias(order: &str, alias: &Value) -> Value {
    with(order, "addAliases", json!([alias]))
}

fn with(order: &str, field: &str, value: Value) -> Value {
    let mut data = about(order);
    data["total"] = json!("99999.99");
    data[field] = value;
    data
}

fn never(order: &str) -> Value {
    payment(&format!("never {order}"), 900)
}
