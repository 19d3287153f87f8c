//! Checks of the API's rules before a call (best practices for orders, troubleshoot order errors).
//!
//! Not here: reading a message; rules that only the API can check.

use std::collections::HashMap;

use jiff::Timestamp;
use strum::IntoEnumIterator;

use super::command::{AmendOrder, CreateOrder, UpdateRefunds};
use super::input::{Address, DeliveryDetails, DeliveryOffer, LineItem, Recipient};
use super::rejection::{Rejection, RejectionCode};
use super::rule::Rule;
use super::sum::Sum;

/// Most aliases of an order.
const MAX_ALIASES: usize = 5;
/// Most links of an order.
const MAX_LINKS: usize = 5;
/// Most pieces on the Prime lines of an order.
const MAX_PRIME_PIECES: u64 = 20;
/// Regions that US mail reaches and Buy with Prime does not deliver to.
const REGIONS_NOT_SERVED: [&str; 11] = ["AS", "FM", "GU", "MH", "MP", "PR", "PW", "VI", "AA", "AE", "AP"];

/// Rules that are switched on.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Rules(Vec<Rule>);

impl Default for Rules {
    /// The rules that are on by default.
    fn default() -> Self {
        Rule::iter().filter(|rule| rule.is_default()).collect()
    }
}

impl FromIterator<Rule> for Rules {
    fn from_iter<I: IntoIterator<Item = Rule>>(rules: I) -> Self {
        Self(rules.into_iter().collect())
    }
}

impl Rules {
    /// Each rule that is switched on, alone.
    pub(super) fn each(&self) -> Vec<(Rule, Self)> {
        self.0.iter().map(|rule| (*rule, Self(vec![*rule]))).collect()
    }

    /// Checks the number of aliases and links that an order would have.
    ///
    /// # Errors
    /// The first limit that would be exceeded.
    pub fn check_counts(&self, aliases: usize, links: usize) -> Result<(), Rejection> {
        let at_most = |rule, limit: usize, count: usize, what: &str| {
            self.ensure(rule, count <= limit, || format!("order: expected at most {limit} {what}, got {count}"))
        };
        at_most(Rule::AliasLimit, MAX_ALIASES, aliases, "aliases")?;
        at_most(Rule::LinkLimit, MAX_LINKS, links, "links")
    }

    pub(super) fn check_create(&self, create: &CreateOrder, now: Timestamp) -> Result<(), Rejection> {
        let input = &create.input;
        self.check_counts(input.aliases.len(), input.order_links.len())?;
        for (position, line) in input.line_items.iter().enumerate() {
            self.check_line(&format!("lines[{position}]"), line)?;
        }
        let pieces: u64 =
            input.line_items.iter().filter(|line| prime(line).is_some()).map(|line| line.amount.value.pieces()).sum();
        self.ensure(Rule::QuantityLimit, pieces <= MAX_PRIME_PIECES, || {
            format!("lines: expected at most {MAX_PRIME_PIECES} pieces with Prime, got {pieces}")
        })?;
        for (position, expires_at) in &create.offers_expire {
            self.ensure(Rule::ExpiredOffer, now < *expires_at, || {
                format!("lines[{position}].delivery.expiresAt: expected a time to come, got {expires_at}")
            })?;
        }
        self.check_total(create)?;
        self.check_destination(input.recipient.as_ref())
    }

    /// Compares the total with the sum of its parts, where all of them have a price.
    fn check_total(&self, create: &CreateOrder) -> Result<(), Rejection> {
        let (Some(total), Some(sum)) = (create.input.total_price, create.sum) else { return Ok(()) };
        let total = total.value.amount;
        self.ensure(Rule::TotalIsSum, sum.is(total.decimal()), || {
            let Sum { without_tax, tax } = sum;
            format!("total: expected the sum of the order's parts, {without_tax}, or with taxes of {tax}, got {total}")
        })
    }

    fn check_line(&self, path: &str, line: &LineItem) -> Result<(), Rejection> {
        let product = &line.product;
        let Some(offer) = prime(line) else {
            return match product.identifier {
                Some(_) => Ok(()),
                None => Err(Rejection::invalid(
                    &format!("{path}.product"),
                    "expected one of productId, sku, externalId, got none",
                )),
            };
        };
        for (rule, there, field) in [
            (Rule::OfferIds, offer.id.is_some(), "delivery.offerId"),
            (Rule::OfferIds, offer.delivery_preview_id.is_some(), "delivery.previewId"),
            (Rule::ItemAttributes, product.title.is_some(), "product.title"),
            (Rule::ItemAttributes, product.price.is_some(), "unitPrice"),
            (Rule::ItemAttributes, product.identifier.is_some(), "product.productId, sku or externalId"),
        ] {
            self.ensure(rule, there, || format!("{path}.{field}: expected on a line with Prime, got none"))?;
        }
        Ok(())
    }

    pub(super) fn check_amendment(&self, amend: &AmendOrder) -> Result<(), Rejection> {
        self.check_counts(amend.input.aliases.len(), amend.input.order_links.len())?;
        self.check_destination(amend.input.recipient.as_ref())
    }

    pub(super) fn check_refunds(&self, update: &UpdateRefunds) -> Result<(), Rejection> {
        let (mut names, mut payments) = (Vec::new(), HashMap::new());
        for (position, refund) in update.refunds.iter().enumerate() {
            let name = (refund.id.as_deref(), refund.alias.as_ref());
            self.ensure(Rule::MissingRefundId, name != (None, None), || {
                format!("refunds[{position}]: expected id or externalId, got neither")
            })?;
            self.ensure(Rule::DuplicateRefundId, name == (None, None) || !names.contains(&name), || {
                format!("refunds[{position}]: expected each refund once, got this one twice")
            })?;
            names.push(name);
            for (at, payment) in refund.payments.iter().enumerate() {
                let first = *payments.entry(&payment.id).or_insert(position);
                self.ensure(Rule::DuplicatePaymentId, first == position, || {
                    format!("refunds[{position}].payments[{at}].id: refunds[{first}] has this payment, too")
                })?;
            }
        }
        Ok(())
    }

    fn check_destination(&self, recipient: Option<&Recipient>) -> Result<(), Rejection> {
        let served = |address: &Address| {
            address.country_code == "US" && !REGIONS_NOT_SERVED.contains(&address.region.to_uppercase().as_str())
        };
        let fine = recipient.is_none_or(|recipient| served(&recipient.delivery_address));
        self.ensure(Rule::Destination, fine, || {
            "shipTo: expected an address in the United States that Buy with Prime delivers to".to_owned()
        })
    }

    /// Fails if the rule is switched on and `holds` is false.
    pub(super) fn ensure(&self, rule: Rule, holds: bool, why: impl FnOnce() -> String) -> Result<(), Rejection> {
        if holds || !self.0.contains(&rule) {
            return Ok(());
        }
        Err(Rejection { code: RejectionCode::Broken(rule), message: why() })
    }
}

/// Delivery of a line with Prime.
fn prime(line: &LineItem) -> Option<&DeliveryDetails> {
    match &line.selected_delivery_offer {
        DeliveryOffer::Details(details) if details.delivery_terms.is_prime_eligible => Some(details),
        DeliveryOffer::Details(_) | DeliveryOffer::Summary(_) => None,
    }
}
