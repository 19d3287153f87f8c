//! The sum of an order's parts, to be compared with its total.
//!
//! Not here: the rule that compares them.

use rust_decimal::Decimal;

use super::checkout::Checkout;
use super::line::{Delivery, Line};
use super::money::Amount;

/// The parts of an order, added up.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Sum {
    /// Lines and charges without discounts; also the parts that are not sent.
    pub without_tax: Decimal,
    /// Tax of the order, else that of its lines.
    pub tax: Decimal,
}

impl Sum {
    /// Whether the total is this sum. Both are right: no field of a message says whether prices have their tax in them.
    pub(super) fn is(self, total: Decimal) -> bool {
        total == self.without_tax || self.without_tax.checked_add(self.tax) == Some(total)
    }
}

/// Adds up a checkout; none where a line has no price, or the sum is no decimal any more.
pub(super) fn sum(checkout: &Checkout) -> Option<Sum> {
    let lines = checkout.lines.iter().map(of_line).collect::<Option<Vec<_>>>()?;
    let not_sent = checkout.not_sent.iter().filter_map(|part| part.amount).map(Amount::decimal);
    let discounts = checkout.discounts.iter().map(|discount| -discount.amount.decimal());
    let without_tax = added(lines.into_iter().chain(not_sent).chain(discounts))?;
    let tax = match checkout.tax {
        Some(tax) => tax.decimal(),
        None => added(checkout.lines.iter().filter_map(|line| line.tax).map(Amount::decimal))?,
    };
    Some(Sum { without_tax, tax })
}

/// The price of a line, with its delivery and without its discounts and taxes.
fn of_line(line: &Line) -> Option<Decimal> {
    let price = line.unit_price?.decimal().checked_mul(Decimal::from(line.quantity.pieces()))?;
    let (charge, discount) = match line.delivery {
        Delivery::Prime { charge, .. } | Delivery::Amazon { charge, .. } => (charge, None),
        Delivery::Merchant { charge, discount, .. } => (charge, discount),
    };
    let less = line.discounts.iter().map(|discount| discount.amount).chain(discount);
    added([price].into_iter().chain(charge.map(Amount::decimal)).chain(less.map(|amount| -amount.decimal())))
}

fn added(mut amounts: impl Iterator<Item = Decimal>) -> Option<Decimal> {
    amounts.try_fold(Decimal::ZERO, Decimal::checked_add)
}
