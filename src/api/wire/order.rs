//! An order out of an answer. A field that is missing or of the wrong kind is "not told"; only the id is required.
//!
//! Not here: comparing orders.

use rust_decimal::Decimal;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::text::text;
use crate::domain::order::Alias;
use crate::domain::order::ProductIdentifier;
use crate::domain::stored::{
    Destination, ExecutionState, Named, PackageState, StoredLine, StoredLink, StoredMoney, StoredOrder, StoredPayment,
    StoredRefund, StoredRefundLine,
};

/// Reads an order; `None` where there is no id. In an answer `with_errors` a `null` can hide a value that could not be
/// read. In another answer a `null` list of links or refunds is an empty one.
pub(super) fn read(order: &Value, with_errors: bool) -> Option<StoredOrder> {
    Some(StoredOrder {
        id: text(&order["id"])?,
        aliases: aliases(&order["aliases"]),
        lines: all(&order["lineItems"], line),
        execution_state: order["metadata"]["executionState"].as_str().map(execution_state),
        package_state: order["packageInformation"]["summary"]["state"].as_str().map(package_state),
        total: money(&order["totalPrice"]["value"]),
        tax: money(&order["taxes"]["summary"]["collectableTaxAmount"]),
        destination: destination(&order["recipient"]["deliveryAddress"]),
        links: list(order.get("orderLinks"), with_errors, link),
        refunds: refunds(order.get("refunds"), with_errors),
        unknown: Vec::new(),
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
    all(list, alias)
}

fn alias(alias: &Value) -> Option<Alias> {
    Some(Alias::new(text(&alias["aliasType"])?, text(&alias["aliasId"])?))
}

fn link(link: &Value) -> Option<StoredLink> {
    Some(StoredLink { kind: named(&link["destinationType"]), url: text(&link["url"])? })
}

fn refunds(refunds: Option<&Value>, with_errors: bool) -> Option<Vec<StoredRefund>> {
    let details = match refunds {
        Some(Value::Object(refunds)) => refunds.get("details"),
        other => other,
    };
    list(details, with_errors, |refund| {
        Some(StoredRefund {
            id: text(&refund["id"])?,
            aliases: list(refund.get("aliases"), with_errors, alias),
            state: named(&refund["state"]),
            total: money(&refund["refundTotal"]["totalAmount"]),
            payments: list(refund.get("paymentDetails"), with_errors, payment),
            lines: all(&refund["refundFor"]["orderLineItems"], refund_line),
            reason: text(&refund["refundRequestReason"]),
        })
    })
}

fn payment(payment: &Value) -> Option<StoredPayment> {
    payment.is_object().then(|| StoredPayment {
        id: text(&payment["id"]),
        amount: money(&payment["amount"]),
        state: named(&payment["state"]),
    })
}

fn refund_line(line: &Value) -> Option<StoredRefundLine> {
    Some(StoredRefundLine { line_item_id: text(&line["lineItem"]["id"])?, quantity: decimal(&line["amount"]["value"]) })
}

/// A list that was asked for. It is not told where it is missing, is no list or has a gap.
fn list<T>(list: Option<&Value>, with_errors: bool, read: impl Fn(&Value) -> Option<T>) -> Option<Vec<T>> {
    match list? {
        Value::Null => (!with_errors).then(Vec::new),
        list => all(list, read),
    }
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
    exact(&text(value)?)
}

/// The number of a text, exactly.
pub(super) fn exact(text: &str) -> Option<Decimal> {
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let exact = Decimal::from_str_exact(mantissa).ok()?;
    match exponent {
        None => Some(exact),
        Some(_) => Decimal::from_scientific(text).ok(),
    }
}

/// `None` where nothing of an address is told.
fn destination(address: &Value) -> Option<Destination> {
    let destination = Destination {
        name: text(&address["name"]),
        street_address: text(&address["streetAddress"]),
        extended_address: text(&address["extendedAddress"]),
        locality: text(&address["locality"]),
        region: text(&address["region"]),
        postal_code: text(&address["postalCode"]),
        country_code: text(&address["countryCode"]),
        contact_number: text(&address["contactNumber"]),
    };
    (destination != Destination::default()).then_some(destination)
}

/// A name that is known, or as it was told.
fn named<T: DeserializeOwned>(name: &Value) -> Option<Named<T>> {
    let text = name.as_str()?;
    Some(T::deserialize(name).map_or_else(|_| Named::Other(text.to_owned()), Named::Known))
}

pub(super) fn execution_state(state: &str) -> ExecutionState {
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
