//! Rules of the Order interface that depend on one call alone.
//! Not here: taken aliases, and the state of an order (`store`).

use super::input::{CreateInput, LineInput, OrderIdentifier};
use super::names::Alias;
use super::refusal::Refusal;

/// Most aliases of an order (best practices for orders).
const MAX_ALIASES: usize = 5;
/// Most links of an order (error table).
const MAX_LINKS: usize = 5;
/// Most pieces on the Prime lines of an order (error table).
const MAX_PRIME_PIECES: i64 = 20;

pub(super) fn check_create(input: &CreateInput) -> Result<(), Refusal> {
    check_aliases(&[], &input.aliases)?;
    check_links(input.order_links.len())?;
    if input.line_items.is_empty() {
        return Err(Refusal::validation("MissingItemAttributes"));
    }
    input.line_items.iter().try_for_each(check_line)?;
    let prime_lines = input.line_items.iter().filter(|line| line.is_prime());
    if prime_lines.map(|line| line.amount.value).sum::<i64>() > MAX_PRIME_PIECES {
        return Err(Refusal::validation("OrderQuantityLimitExceeded"));
    }
    Ok(())
}

/// Checks the present aliases and the added ones together.
pub(super) fn check_aliases(present: &[Alias], added: &[Alias]) -> Result<(), Refusal> {
    if present.len() + added.len() > MAX_ALIASES {
        return Err(Refusal::validation("OrderAliasLimitExceeded"));
    }
    if added.iter().any(|alias| alias.alias_id.is_empty() || alias.alias_type.is_empty()) {
        return Err(Refusal::validation("InvalidAliasId"));
    }
    let repeated = added.iter().enumerate().any(|(index, alias)| added[..index].contains(alias));
    if repeated { Err(Refusal::validation("DuplicateAliasId")) } else { Ok(()) }
}

pub(super) fn check_links(total: usize) -> Result<(), Refusal> {
    if total > MAX_LINKS { Err(Refusal::validation("OrderLinkLimitExceeded")) } else { Ok(()) }
}

pub(super) fn check_identifier(identifier: &OrderIdentifier) -> Result<(), Refusal> {
    if identifier.order_id.is_some() == identifier.alias.is_some() {
        return Err(Refusal::codeless("ValidationError"));
    }
    Ok(())
}

fn check_line(line: &LineInput) -> Result<(), Refusal> {
    let given = line.product.identifier.as_ref().map_or(0, |identifier| identifier.values().count());
    let blank = line.product.identifier.iter().flat_map(|identifier| identifier.values()).any(str::is_empty);
    if given > 1 || blank {
        return Err(Refusal::validation("InvalidItemIdentifier"));
    }
    if line.is_prime() && (given == 0 || line.product.title.is_none() || line.product.price.is_none()) {
        return Err(Refusal::validation("MissingItemAttributes"));
    }
    check_offer(line)
}

/// The documentation names no code for an invalid offer: the refusal has none.
fn check_offer(line: &LineInput) -> Result<(), Refusal> {
    let Some(offer) = &line.selected_delivery_offer else { return Ok(()) };
    let one_of_both = offer.details.is_some() != offer.summary.is_some();
    let previewed = |line: &LineInput| {
        offer
            .details
            .as_ref()
            .is_none_or(|details| !line.is_prime() || (details.id.is_some() && details.delivery_preview_id.is_some()))
    };
    if one_of_both && previewed(line) { Ok(()) } else { Err(Refusal::codeless("ValidationError")) }
}
