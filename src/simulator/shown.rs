//! Views of an order's parts in an answer.
//! Not here: the whole order (`order`), refunds (`refund`).

use jiff::Timestamp;
use serde_json::{Value, json};

use super::input::{GroupInput, IdentifierInput, LineInput, Quantity};

pub(super) fn shown_line(order: &str, index: usize, line: &LineInput, now: Timestamp) -> Value {
    let mut product = line.product.identifier.as_ref().map_or_else(|| json!({}), shown_identifier);
    product["title"] = json!(line.product.title);
    product["price"] = json!(line.product.price);
    product["purchaseGroupMembership"] = json!(line.product.purchase_group_membership.as_ref().map(shown_group));
    json!({
        "id": format!("{order}-{}", index + 1),
        "aliases": line.aliases,
        "amount": shown_quantity(&line.amount),
        "createdAt": shown_time(now),
        "discounts": line.discounts,
        "product": product,
        "taxes": line.taxes,
    })
}

fn shown_group(group: &GroupInput) -> Value {
    let mut product = shown_identifier(&group.product.identifier);
    product["price"] = json!(group.product.price);
    json!({ "product": product, "memberAmount": group.member_amount.as_ref().map(shown_quantity) })
}

fn shown_identifier(identifier: &IdentifierInput) -> Value {
    let wrapped = |value: &Option<String>| value.as_ref().map(|value| json!({ "value": value }));
    json!({
        "id": identifier.product_id,
        "sku": wrapped(&identifier.sku),
        "externalId": wrapped(&identifier.external_id),
    })
}

fn shown_quantity(quantity: &Quantity) -> Value {
    json!({ "value": quantity.value, "unit": quantity.unit.as_deref().unwrap_or("ONE") })
}

pub(super) fn shown_time(time: Timestamp) -> Value {
    Value::from(format!("{time:.3}"))
}
