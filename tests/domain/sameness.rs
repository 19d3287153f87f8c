//! The comparison of a stored order with the sent one.
//!
//! Not here: finding the order.

use bwp_sync::domain::command::Command;
use bwp_sync::domain::input::CreateOrderInput;
use bwp_sync::domain::order::Alias;
use bwp_sync::domain::order::ProductIdentifier;
use bwp_sync::domain::outcome::ResultLine;
use bwp_sync::domain::sameness::{self, Sameness};
use bwp_sync::domain::stored::{Destination, StoredLine, StoredMoney, StoredOrder};
use rust_decimal::Decimal;
use serde_json::{Value, json};

use crate::support::{changed, command};

const LINE: &str = "EXTERNAL_ITEM_ID";

/// The sent order with these lines: line id (empty: none), product id and quantity of each.
fn sent(lines: &[(&str, &str, u32)]) -> CreateOrderInput {
    let line = |&(id, product, quantity): &(&str, &str, u32)| -> Value {
        json!({ "id": id, "product": { "productId": product }, "unitPrice": "10.00", "quantity": quantity,
                "delivery": { "by": "merchant" } })
    };
    let body = changed("create-merchant-fulfilled", |message| {
        message["data"]["lines"] = lines.iter().map(line).collect();
        message["data"]["tax"] = json!("1.02");
    });
    let Command::CreateOrder(create) = command(&body).unwrap() else { panic!("not a create") };
    create.input
}

/// A stored order with these lines: line id (empty: no aliases), product id and quantity of each.
fn stored(lines: &[(&str, &str, u32)]) -> StoredOrder {
    let line = |(position, &(id, product, quantity)): (usize, &(&str, &str, u32))| StoredLine {
        id: Some(format!("item-{position}")),
        aliases: (!id.is_empty()).then(|| vec![Alias::new("EXTERNAL_DISPLAY_ID", "x"), Alias::new(LINE, id)]),
        product: vec![ProductIdentifier::Sku("told too".into()), ProductIdentifier::ProductId(product.into())],
        quantity: Some(quantity.into()),
        price: None,
    };
    StoredOrder {
        id: "322-ABC1-AAAAAA".into(),
        lines: Some(lines.iter().enumerate().map(line).collect()),
        ..StoredOrder::default()
    }
}

fn money(amount: &str, currency: &str) -> StoredMoney {
    StoredMoney { amount: Decimal::from_str_exact(amount).unwrap(), currency: Some(currency.into()) }
}

fn same(sent: &CreateOrderInput, stored: &StoredOrder) -> Vec<String> {
    match sameness::compare(sent, stored, LINE) {
        Sameness::Same { differences } => differences,
        Sameness::Different { contradictions, .. } => panic!("different: {contradictions:?}"),
    }
}

fn different(sent: &CreateOrderInput, stored: &StoredOrder) -> Vec<String> {
    match sameness::compare(sent, stored, LINE) {
        Sameness::Same { .. } => panic!("the same"),
        Sameness::Different { contradictions, .. } => contradictions,
    }
}

const NONE: [&str; 0] = [];

#[test]
fn an_order_that_is_stored_as_sent_is_the_same() {
    let lines = [("1", "P-1", 1), ("2", "P-2", 3)];
    let told = StoredOrder {
        total: Some(money("38.790", "USD")),
        tax: Some(money("1.02", "USD")),
        destination: Some(Destination {
            postal_code: Some("98109".into()),
            country_code: Some("us".into()),
            ..Destination::default()
        }),
        aliases: Some(sent(&lines).aliases),
        ..stored(&lines)
    };
    assert_eq!(same(&sent(&lines), &told), NONE);
}

#[test]
fn what_is_not_told_is_not_compared() {
    let lines = [("1", "P-1", 1), ("2", "P-2", 3)];
    assert_eq!(same(&sent(&lines), &StoredOrder::default()), NONE);
    let untold = StoredOrder { lines: Some(vec![StoredLine::default(); 2]), ..StoredOrder::default() };
    assert_eq!(same(&sent(&lines), &untold), NONE);
    let another_kind = StoredLine { product: vec![ProductIdentifier::Sku("S-1".into())], ..StoredLine::default() };
    let untold = StoredOrder { lines: Some(vec![another_kind; 2]), ..StoredOrder::default() };
    assert_eq!(same(&sent(&lines), &untold), NONE);
}

#[test]
fn what_can_change_is_told_as_a_difference_without_personal_data() {
    let lines = [("1", "P-1", 1)];
    let mut changed = StoredOrder {
        total: Some(money("40.00", "USD")),
        tax: Some(money("2", "USD")),
        destination: Some(Destination {
            postal_code: Some("98109-1234".into()),
            country_code: Some("CA".into()),
            ..Destination::default()
        }),
        aliases: Some(vec![Alias::new("EXTERNAL_ID", "SO-1004")]),
        ..stored(&lines)
    };
    changed.lines.as_mut().unwrap()[0].price = Some(money("12", "USD"));
    let expected = [
        "total: sent 38.79, stored 40.00",
        "tax: sent 1.02, stored 2",
        "lines[0].unitPrice: sent 10.00, stored 12",
        "shipTo.postalCode: not as sent",
        "shipTo.country: not as sent",
        "alias EXTERNAL_DISPLAY_ID: not stored",
    ];
    assert_eq!(same(&sent(&lines), &changed), expected);
}

#[test]
fn another_currency_contradicts_wherever_it_is_told() {
    let lines = [("1", "P-1", 1)];
    let expected = ["currency: sent USD, stored EUR"];
    let total = StoredOrder { total: Some(money("38.79", "EUR")), ..stored(&lines) };
    assert_eq!(different(&sent(&lines), &total), expected);
    let mut price = stored(&lines);
    price.lines.as_mut().unwrap()[0].price = Some(money("10.00", "EUR"));
    assert_eq!(different(&sent(&lines), &price), expected);
}

#[test]
fn another_product_or_quantity_on_the_same_line_contradicts() {
    let lines = sent(&[("1", "P-1", 1), ("2", "P-2", 3)]);
    let contradictions = different(&lines, &stored(&[("2", "P-9", 3), ("1", "P-1", 2)]));
    assert_eq!(contradictions, ["lines[0].quantity: sent 1, stored 2", "lines[1].product: another one is stored"]);
}

#[test]
fn another_number_of_lines_contradicts() {
    let lines = sent(&[("1", "P-1", 1)]);
    assert_eq!(different(&lines, &stored(&[("1", "P-1", 1), ("2", "P-2", 1)])), ["lines: sent 1, stored 2"]);
    let expected = ["lines: sent 1, stored 0", "lines[0]: no such line is stored"];
    assert_eq!(different(&lines, &stored(&[])), expected);
}

#[test]
fn a_line_that_is_told_to_be_missing_contradicts() {
    let expected = ["lines[0]: no such line is stored"];
    let by_alias = different(&sent(&[("1", "P-1", 1)]), &stored(&[("7", "P-1", 1)]));
    assert_eq!(by_alias, expected);
    let by_product = different(&sent(&[("1", "P-1", 1)]), &stored(&[("", "P-7", 1)]));
    assert_eq!(by_product, expected);
}

#[test]
fn lines_without_aliases_are_matched_by_product_and_then_by_quantity() {
    let lines = [("", "P-1", 2), ("", "P-1", 1), ("", "P-2", 1)];
    assert_eq!(same(&sent(&lines), &stored(&[("", "P-2", 1), ("", "P-1", 1), ("", "P-1", 2)])), NONE);
    let contradictions = different(&sent(&lines), &stored(&[("", "P-2", 1), ("", "P-1", 1), ("", "P-1", 5)]));
    assert_eq!(contradictions, ["lines[0].quantity: sent 2, stored 5"]);
}

#[test]
fn an_alias_decides_before_any_product_does() {
    // by product alone, the first line would get the stored line of the second
    let lines = sent(&[("", "P-1", 1), ("2", "P-1", 1)]);
    assert_eq!(same(&lines, &stored(&[("2", "P-1", 1), ("", "P-1", 1)])), NONE);
}

#[test]
fn results_name_the_line_items_in_the_order_of_the_shops_lines() {
    let lines = sent(&[("1", "P-1", 1), ("", "P-2", 3), ("3", "P-3", 1)]);
    let mut order = stored(&[("", "P-2", 3), ("1", "P-1", 1), ("3", "P-3", 1)]);
    order.lines.as_mut().unwrap()[2].id = None;
    let expected = [
        ResultLine { line_id: Some("1".into()), line_item_id: "item-1".into() },
        ResultLine { line_id: None, line_item_id: "item-0".into() },
    ];
    assert_eq!(sameness::lines_matched(&lines, &order, LINE), expected);
    assert_eq!(sameness::lines_matched(&lines, &StoredOrder::default(), LINE), []);
}
