//! The comparison of a stored order with the sent one.
//!
//! Not here: finding the order; the reaction to a different one.

use super::input::CreateOrderInput;
use super::line_matching::{self, Match, Matching};
use super::money::Money;
use super::outcome::ResultLine;
use super::stored::{Destination, ExecutionState, StoredMoney, StoredOrder};

/// Result of a comparison.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Sameness {
    /// No field that cannot change contradicts.
    Same {
        /// Differences in fields that can change, without personal data.
        differences: Vec<String>,
    },
    /// A different order.
    Different {
        /// Contradictions in fields that cannot change, without personal data; at least one.
        contradictions: Vec<String>,
        /// Whether the orders share a line or a recipient. With an equal order id, such an order was edited in the
        /// shop.
        has_something_in_common: bool,
    },
}

/// Compares the sent order with the stored one. Only the currency and each line's product and quantity cannot change.
/// Total, tax, prices, aliases and destination can: they are reported as differences. Absent fields are not compared.
///
/// Lines are matched by the alias of type `line_alias`, else by the product identifier of the same kind.
pub fn compare(sent: &CreateOrderInput, stored: &StoredOrder, line_alias: &str) -> Sameness {
    let matching = matching(sent, stored, line_alias);
    let mut contradictions = currency_contradictions(sent, stored);
    contradictions.extend(matching.iter().flat_map(Matching::contradictions));
    if contradictions.is_empty() {
        Sameness::Same { differences: differences(sent, stored, matching.as_ref()) }
    } else {
        let has_something_in_common =
            matching.is_some_and(|matching| !matching.matches.is_empty()) || same_person(sent, stored);
        Sameness::Different { contradictions, has_something_in_common }
    }
}

/// Whether both orders go to one person at one postal code.
fn same_person(sent: &CreateOrderInput, stored: &StoredOrder) -> bool {
    let (Some(recipient), Some(destination)) = (&sent.recipient, &stored.destination) else { return false };
    let address = &recipient.delivery_address;
    destination.name.as_ref() == Some(&address.name) && destination.postal_code.as_ref() == Some(&address.postal_code)
}

/// The shop's lines with Buy with Prime's line items, matched as in [`compare`].
pub fn lines_matched(sent: &CreateOrderInput, stored: &StoredOrder, line_alias: &str) -> Vec<ResultLine> {
    let matching = matching(sent, stored, line_alias);
    let matches = matching.iter().flat_map(|matching| &matching.matches);
    let result_line = |found: &Match<'_>| {
        let line_id = line_matching::alias_of(&found.sent.aliases, line_alias).map(ToOwned::to_owned);
        Some(ResultLine { line_id, line_item_id: found.stored.id.clone()? })
    };
    matches.filter_map(result_line).collect()
}

/// The matched lines; `None` where the answer leaves out the lines.
fn matching<'a>(sent: &'a CreateOrderInput, stored: &'a StoredOrder, line_alias: &str) -> Option<Matching<'a>> {
    Some(Matching::new(&sent.line_items, stored.lines.as_deref()?, line_alias))
}

fn currency_contradictions(sent: &CreateOrderInput, stored: &StoredOrder) -> Vec<String> {
    let Some(sent) = sent.total_price.map(|total| total.value.currency_code.code()) else { return Vec::new() };
    let prices = stored.lines.iter().flatten().map(|line| &line.price);
    let told = [&stored.total, &stored.tax].into_iter().chain(prices).flatten().filter_map(|m| m.currency.as_deref());
    told.filter(|&told| told != sent).take(1).map(|told| format!("currency: sent {sent}, stored {told}")).collect()
}

fn differences(sent: &CreateOrderInput, stored: &StoredOrder, matching: Option<&Matching<'_>>) -> Vec<String> {
    let total = difference("total", sent.total_price.map(|total| total.value), stored.total.as_ref());
    let tax = sent.taxes.map(|taxes| taxes.summary.collectable_tax_amount);
    let tax = difference("tax", tax, stored.tax.as_ref());
    let prices = matching.into_iter().flat_map(|matching| &matching.matches).filter_map(|found| {
        let field = format!("lines[{}].unitPrice", found.position);
        difference(&field, found.sent.product.price, found.stored.price.as_ref())
    });
    let start = execution_state(sent, stored);
    let rest = prices.chain(destination(sent, stored)).chain(aliases(sent, stored)).chain(start);
    total.into_iter().chain(tax).chain(rest).collect()
}

/// The difference of an order that should have been started with its creation, and was not.
fn execution_state(sent: &CreateOrderInput, stored: &StoredOrder) -> Option<String> {
    let wanted = sent.desired_execution_state.is_some();
    let waits = stored.execution_state == Some(ExecutionState::NotStarted);
    (wanted && waits).then(|| "startFulfillment: sent true, stored NOT_STARTED".to_owned())
}

/// The difference of two amounts, if both are known.
fn difference(field: &str, sent: Option<Money>, stored: Option<&StoredMoney>) -> Option<String> {
    let (sent, stored) = (sent?.amount, stored?.amount);
    (sent.decimal() != stored).then(|| format!("{field}: sent {sent}, stored {stored}"))
}

/// The differing parts of the destination, by name alone: an address is personal.
fn destination(sent: &CreateOrderInput, stored: &StoredOrder) -> Vec<String> {
    let (Some(recipient), Some(Destination { postal_code, country_code, .. })) = (&sent.recipient, &stored.destination)
    else {
        return Vec::new();
    };
    let address = &recipient.delivery_address;
    let differs = |sent: &str, stored: &Option<String>| {
        stored.as_deref().is_some_and(|stored| !stored.trim().eq_ignore_ascii_case(sent.trim()))
    };
    [("postalCode", &address.postal_code, postal_code), ("country", &address.country_code, country_code)]
        .into_iter()
        .filter(|(_, sent, stored)| differs(sent, stored))
        .map(|(field, ..)| format!("shipTo.{field}: not as sent"))
        .collect()
}

/// Types of the aliases that were sent and are not stored.
fn aliases(sent: &CreateOrderInput, stored: &StoredOrder) -> Vec<String> {
    let Some(stored) = &stored.aliases else { return Vec::new() };
    let missing = sent.aliases.iter().filter(|alias| !stored.contains(alias));
    missing.map(|alias| format!("alias {}: not stored", alias.alias_type)).collect()
}
