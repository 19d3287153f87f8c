//! An order out of an answer. What is missing or of the wrong kind is "not told"; only the id has to be there.
//!
//! Not here: comparing orders.

use rust_decimal::Decimal;
use serde_json::Value;

use super::text;
use crate::domain::order::Alias;
use crate::domain::stored::{
    Destination, ExecutionState, PackageState, ProductIdentifier, StoredLine, StoredMoney, StoredOrder,
};

/// Reads an order; `None` where there is no id.
pub(super) fn read(order: &Value) -> Option<StoredOrder> {
    Some(StoredOrder {
        id: text(&order["id"])?,
        aliases: aliases(&order["aliases"]),
        lines: all(&order["lineItems"], line),
        execution_state: order["metadata"]["executionState"].as_str().map(execution_state),
        package_state: order["packageInformation"]["summary"]["state"].as_str().map(package_state),
        total: money(&order["totalPrice"]["value"]),
        tax: money(&order["taxes"]["summary"]["collectableTaxAmount"]),
        destination: destination(&order["recipient"]["deliveryAddress"]),
    })
}

fn line(line: &Value) -> Option<StoredLine> {
    let product = &line["product"];
    line.is_object().then(|| StoredLine {
        id: text(&line["id"]),
        aliases: aliases(&line["aliases"]),
        product: identifiers(product),
        quantity: decimal(&line["amount"]["value"]),
        price: money(&product["price"]),
    })
}

fn identifiers(product: &Value) -> Vec<ProductIdentifier> {
    [
        text(&product["id"]).map(ProductIdentifier::ProductId),
        text(&product["sku"]["value"]).map(ProductIdentifier::Sku),
        text(&product["externalId"]["value"]).map(ProductIdentifier::ExternalId),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn aliases(list: &Value) -> Option<Vec<Alias>> {
    all(list, |alias| Some(Alias::new(text(&alias["aliasType"])?, text(&alias["aliasId"])?)))
}

/// The whole list or nothing: a list with a gap would say that something is not there.
fn all<T>(list: &Value, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    list.as_array()?.iter().map(read).collect()
}

fn money(money: &Value) -> Option<StoredMoney> {
    Some(StoredMoney {
        amount: decimal(&money["amount"])?,
        currency: money["currencyCode"].as_str().map(str::to_owned),
    })
}

/// A number or a string, exactly; `None` rather than a rounded amount.
fn decimal(value: &Value) -> Option<Decimal> {
    let text = text(value)?;
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text.as_str(), None), |(m, e)| (m, Some(e)));
    let exact = Decimal::from_str_exact(mantissa).ok()?;
    match exponent {
        None => Some(exact),
        Some(_) => Decimal::from_scientific(&text).ok(),
    }
}

fn destination(address: &Value) -> Option<Destination> {
    let (postal_code, country) = (text(&address["postalCode"]), text(&address["countryCode"]));
    (postal_code.is_some() || country.is_some()).then_some(Destination { postal_code, country })
}

fn execution_state(state: &str) -> ExecutionState {
    match state {
        "NOT_STARTED" => ExecutionState::NotStarted,
        "STARTED" => ExecutionState::Started,
        other => ExecutionState::Other(other.to_owned()),
    }
}

fn package_state(state: &str) -> PackageState {
    match state {
        "PENDING" => PackageState::Pending,
        "IN_TRANSIT" => PackageState::InTransit,
        "DELIVERED" => PackageState::Delivered,
        "CANCELLED" => PackageState::Cancelled,
        other => PackageState::Other(other.to_owned()),
    }
}
