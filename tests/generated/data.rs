//! Data of checkouts: valid ones in every form, and changes that make one invalid.
//! Not here: later messages of an order.

use fastrand::Rng;
use serde_json::{Value, json};

/// Address of all orders.
pub(crate) fn address() -> Value {
    json!({
        "name": "John Smith", "street": "399 Boren Ave N", "city": "Seattle", "region": "WA",
        "postalCode": "98109", "country": "US",
    })
}

/// An amount, as a text or as a number, with various numbers of decimals.
pub(crate) fn amount(random: &mut Rng, cents: u32) -> Value {
    let text = format!("{}.{:02}", cents / 100, cents % 100);
    if random.bool() { json!(text) } else { serde_json::from_str(&text).unwrap() }
}

/// A checkout that the API accepts.
pub(crate) fn checkout(random: &mut Rng, order: &str) -> Value {
    let lines: Vec<Value> = (1..=random.usize(1..=3)).map(|number| line(random, number)).collect();
    let mut data = json!({
        "order": { "id": order },
        "currency": "USD",
        "shopper": { "name": "John Smith", "email": "john.smith@shop.example" },
        "shipTo": address(),
        "lines": lines,
        "total": some_amount(random),
    });
    if random.bool() {
        data["order"]["displayId"] = json!(format!("#{order}"));
    }
    if random.bool() {
        data["order"]["links"] = json!(links(order, random.usize(0..=2)));
    }
    if random.bool() {
        data["shopper"]["identity"] = identity(random);
    }
    if random.bool() {
        data["tax"] = some_amount(random);
    }
    data["payments"] = (0..random.usize(0..=2)).map(|number| payment(random, number)).collect();
    if random.bool() {
        data["shipTo"]["street2"] = json!("Floor 2");
        data["notes"] = json!([{ "nobody": "knows" }]);
    }
    data
}

/// Distinct links to pages about an order.
pub(crate) fn links(order: &str, count: usize) -> Vec<Value> {
    let link =
        |number| json!({ "kind": "EXTERNAL_ORDER_TRACKING", "url": format!("https://shop.example/{order}/{number}") });
    (0..count).map(link).collect()
}

fn some_amount(random: &mut Rng) -> Value {
    let cents = random.u32(0..10_000);
    amount(random, cents)
}

fn payment(random: &mut Rng, number: usize) -> Value {
    let mut payment = json!({ "label": format!("Visa ending in 123{number}"), "amount": some_amount(random) });
    if random.bool() {
        payment["state"] = json!("CAPTURED");
    }
    payment
}

fn identity(random: &mut Rng) -> Value {
    let kind = *random.choice(&["apay-checkout-session", "lwa-access-token", "idp-token"]).unwrap();
    let mut identity = json!({ "kind": kind, "value": "example-token" });
    if kind == "apay-checkout-session" || random.bool() {
        identity["externalId"] = json!("ext-1");
    }
    identity
}

fn line(random: &mut Rng, number: usize) -> Value {
    let product = format!("P-{}", random.u32(..));
    let identifier = *random.choice(&["productId", "sku", "externalId"]).unwrap();
    let mut line = json!({
        "id": number.to_string(),
        "product": { identifier: product, "title": "Mug" },
        "unitPrice": some_amount(random),
        "quantity": random.u32(1..=5),
        "delivery": delivery(random),
    });
    if random.bool() {
        line["tax"] = some_amount(random);
        line["displayId"] = json!(number.to_string());
    }
    if random.bool() {
        line["discounts"] = json!([{ "amount": some_amount(random), "label": "Spring", "couponCode": "SPRING" }]);
    }
    if random.bool() {
        line["bundle"] = json!({ "product": { "sku": "B-1" }, "price": some_amount(random), "quantity": 1 });
    }
    line
}

fn delivery(random: &mut Rng) -> Value {
    match random.u8(0..3) {
        0 => json!({ "by": "amazon", "prime": true, "offerId": "1234567890", "previewId": "SIP-0000000-0000000" }),
        1 => json!({ "by": "amazon", "prime": false, "speed": "STANDARD", "charge": some_amount(random) }),
        _ => json!({ "by": "merchant", "message": "soon", "locale": "en-US", "charge": some_amount(random) }),
    }
}

/// A checkout whose first line is delivered with Prime.
pub(crate) fn prime_checkout(random: &mut Rng, order: &str) -> Value {
    let mut data = checkout(random, order);
    data["lines"][0]["delivery"] =
        json!({ "by": "amazon", "prime": true, "offerId": "1234567890", "previewId": "SIP-0000000-0000000" });
    data["lines"][0]["quantity"] = json!(1);
    data
}

/// A checkout with this identifier of its first product, which the simulator understands.
pub(crate) fn checkout_of(random: &mut Rng, order: &str, product: &str) -> Value {
    let mut data = checkout(random, order);
    data["lines"][0]["product"] = json!({ "sku": product, "title": "Mug" });
    data
}

/// Type and code of the expected dead letter, and the change that leads to it.
pub(crate) type Break = (&'static str, fn(&mut Value));

/// Changes that make a checkout with Prime delivery invalid.
pub(crate) const BREAKS: [Break; 16] = [
    ("BwpSync/InvalidMessage", |data| without(data, "", "currency")),
    ("BwpSync/InvalidMessage", |data| without(data, "", "shipTo")),
    ("BwpSync/InvalidMessage", |data| without(data, "/shopper", "email")),
    ("BwpSync/InvalidMessage", |data| without(data, "/lines/0", "quantity")),
    ("BwpSync/InvalidMessage", |data| data["lines"] = json!([])),
    ("BwpSync/InvalidMessage", |data| data["total"] = json!("12,50")),
    ("BwpSync/InvalidMessage", |data| data["total"] = json!("-1")),
    ("BwpSync/InvalidMessage", |data| data["currency"] = json!("US$")),
    ("BwpSync/InvalidMessage", |data| data["lines"][0]["quantity"] = json!(-1)),
    ("BwpSync/InvalidMessage", |data| data["lines"][0]["delivery"]["by"] = json!("drone")),
    ("LocalValidation/OrderAliasLimitExceeded", |data| data["order"]["aliases"] = json!(aliases(&name(data), 5))),
    ("LocalValidation/OrderLinkLimitExceeded", |data| data["order"]["links"] = json!(links(&name(data), 6))),
    ("LocalValidation/MissingItemAttributes", |data| without(data, "/lines/0/delivery", "offerId")),
    ("LocalValidation/MissingItemAttributes", |data| without(data, "/lines/0/product", "title")),
    ("LocalValidation/MissingItemAttributes", |data| without(data, "/lines/0", "unitPrice")),
    // more than twenty pieces with Prime; the worker leaves that rule to the API
    ("ValidationError/OrderQuantityLimitExceeded", |data| data["lines"][0]["quantity"] = json!(21)),
];

/// Distinct aliases of an order.
pub(crate) fn aliases(order: &str, count: usize) -> Vec<Value> {
    (0..count).map(|number| json!({ "type": format!("ERP_{number}"), "id": format!("{order}/{number}") })).collect()
}

fn name(data: &Value) -> String {
    data["order"]["id"].as_str().unwrap().to_owned()
}

fn without(data: &mut Value, pointer: &str, field: &str) {
    assert!(data.pointer_mut(pointer).unwrap().as_object_mut().unwrap().remove(field).is_some());
}
