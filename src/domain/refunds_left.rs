//! The part of a message's refunds that the order does not show yet. The API adds up payments: none may be sent twice.
//!
//! Not here: reading the order, sending that part.

use std::collections::HashSet;

use super::command::{Refund, UpdateRefunds};
use super::input::{
    LineItemIdentifier, RefundFor, RefundInput, RefundPayment, RefundState, RefundTotal, RefundedLine, RefundedQuantity,
};
use super::line_matching::alias_of;
use super::money::{Amount, Money};
use super::refund::{LineName, ToldLine};
use super::rejection::Rejection;
use super::rule::Rule;
use super::rules::Rules;
use super::stored::{Named, StoredLine, StoredOrder, StoredPayment, StoredRefund, StoredRefundLine, Untold};

/// Refunds that are still to be sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RefundsLeft {
    /// Refunds with a change to send. Fields without a change are left out where the API allows it.
    pub details: Vec<RefundInput>,
    /// Whether the order already shows a later state of some refund.
    pub superseded: bool,
}

impl RefundsLeft {
    /// Whether a payment is among them, which would count twice if it were sent twice.
    pub fn has_payments(&self) -> bool {
        self.details.iter().any(|refund| !refund.payment_details.is_empty())
    }
}

/// Reason why no refund can be sent.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Obstacle {
    /// The order does not tell this, and without it a payment might be told twice.
    NotTold(Untold),
    /// The order contradicts the message.
    Rejected(Rejection),
}

impl From<Rejection> for Obstacle {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

/// The part of the refunds that is still to be sent, given the stored order. The shop's line ids are aliases of type
/// `line_alias`.
///
/// # Errors
/// The obstacle, if the part cannot be determined.
pub fn left_of(
    update: &UpdateRefunds,
    stored: &StoredOrder,
    line_alias: &str,
    rules: &Rules,
) -> Result<RefundsLeft, Obstacle> {
    let known = stored.refunds.as_deref().ok_or(Obstacle::NotTold(Untold::Refunds))?;
    let (mut left, mut met) = (RefundsLeft::default(), Vec::new());
    for (position, refund) in update.refunds.iter().enumerate() {
        let path = format!("refunds[{position}]");
        let lines = refunded_lines(&path, &refund.lines, stored, line_alias)?;
        let there = found(refund, known)?;
        no_others_payments(&path, refund, there, known, rules)?;
        match there {
            None => left.details.push(new(refund, lines)),
            Some(stored) => {
                // named by its id and by its alias: a payment under both would be sent twice
                rules.ensure(Rule::DuplicateRefundId, !met.contains(&&stored.id), || {
                    format!("{path}: expected each refund once, got this one by two names")
                })?;
                met.push(&stored.id);
                let Rest { input, superseded } = rest(&path, refund, lines, stored, rules)?;
                left.details.extend(input);
                left.superseded |= superseded;
            }
        }
    }
    Ok(left)
}

/// The stored refund, or `None` if it is not stored yet.
fn found<'s>(refund: &Refund, known: &'s [StoredRefund]) -> Result<Option<&'s StoredRefund>, Obstacle> {
    if let Some(id) = &refund.id {
        return Ok(known.iter().find(|stored| stored.id == *id));
    }
    let Some(alias) = &refund.alias else { return Ok(None) };
    for stored in known {
        if stored.aliases.as_ref().ok_or(Obstacle::NotTold(Untold::RefundAliases))?.contains(alias) {
            return Ok(Some(stored));
        }
    }
    Ok(None)
}

/// The input for a refund that the order does not show: the whole refund. An unknown id is left to the API to refuse:
/// that refund may have been opened a moment ago.
fn new(refund: &Refund, lines: Vec<RefundedLine>) -> RefundInput {
    RefundInput {
        id: refund.id.clone(),
        aliases: refund.alias.iter().cloned().collect(),
        state: refund.state,
        refund_total: RefundTotal { total_amount: refund.total },
        refund_for: refund_for(lines),
        refund_request_reason: refund.reason.clone(),
        refund_status_reason: None,
        payment_details: refund.payments.clone(),
    }
}

/// The unsent part of a stored refund.
struct Rest {
    input: Option<RefundInput>,
    superseded: bool,
}

fn rest(
    path: &str,
    refund: &Refund,
    lines: Vec<RefundedLine>,
    stored: &StoredRefund,
    rules: &Rules,
) -> Result<Rest, Obstacle> {
    let payments = missing_payments(path, refund, stored)?;
    let standing = standing(path, refund, stored, rules)?;
    let same_reason = refund.reason.is_none() || refund.reason == stored.reason;
    // payments do not depend on the lines of a refund: unknown lines alone are no reason for a call
    let same_lines =
        stored.lines.as_ref().map(|there| lines.iter().all(|line| there.iter().any(|it| is_line(line, it))));
    let (superseded, changed) = match standing {
        Standing::Superseded => (true, false),
        Standing::Same => (false, !same_reason || same_lines == Some(false)),
        Standing::Ahead => (false, true),
    };
    if payments.is_empty() && !changed {
        return Ok(Rest { input: None, superseded });
    }
    // a late payment is sent with the stored state and total: they never go back
    let standing = |there: &StoredRefund| {
        let amount = there.total.as_ref().and_then(|total| Amount::try_from(total.amount).ok());
        let state = if let Some(Named::Known(state)) = there.state { state } else { refund.state };
        (state, amount.map_or(refund.total, |amount| Money { amount, ..refund.total }))
    };
    let (state, total) = if superseded { standing(stored) } else { (refund.state, refund.total) };
    let input = RefundInput {
        id: Some(stored.id.clone()),
        aliases: Vec::new(),
        state,
        refund_total: RefundTotal { total_amount: total },
        refund_for: if superseded || same_lines == Some(true) { None } else { refund_for(lines) },
        refund_request_reason: refund.reason.clone().filter(|_| !superseded && !same_reason),
        refund_status_reason: None,
        payment_details: payments,
    };
    Ok(Rest { input: Some(input), superseded })
}

/// Relation of a message's state and total to the stored ones.
enum Standing {
    /// The stored ones are later.
    Superseded,
    /// Both are equal.
    Same,
    /// The message's are later.
    Ahead,
}

fn standing(path: &str, refund: &Refund, stored: &StoredRefund, rules: &Rules) -> Result<Standing, Rejection> {
    let same_total = stored.total.as_ref().is_some_and(|total| total.is(refund.total));
    let less = stored.total.as_ref().is_some_and(|total| total.is_more_than(refund.total));
    // before the first payment, the total is what Buy with Prime expects it to become
    let expected = matches!(stored.state, Some(Named::Known(RefundState::Pending | RefundState::Failure)));
    let lower = less && (!expected || has_payments(stored));
    let Some(Named::Known(state)) = stored.state else {
        return Ok(if lower { Standing::Superseded } else { Standing::Ahead });
    };
    let (onward, back) = (may_follow(state, refund.state), may_follow(refund.state, state));
    // a pending refund has an expected total: a higher one proves nothing
    let earlier = back && !onward && (same_total || less || refund.state == RefundState::Pending);
    if lower || earlier {
        return Ok(Standing::Superseded);
    }
    if !onward {
        let why = || format!("{path}.state: expected one that may follow {state:?}, got {:?}", refund.state);
        rules.ensure(Rule::RefundState, false, why)?;
    }
    Ok(if same_total && state == refund.state { Standing::Same } else { Standing::Ahead })
}

/// Whether a refund may go from one state to another (the API's page on refunds). Transitions of `REJECTED` are not
/// documented: the API decides.
fn may_follow(from: RefundState, to: RefundState) -> bool {
    use RefundState::{Failure, Partial, Pending, Rejected, Success};
    match (from, to) {
        (Rejected, _) | (_, Rejected) => true,
        (Pending, Pending | Partial | Failure | Success) => true,
        (Failure, Partial | Failure | Success) => true,
        (Partial, Partial | Success) => true,
        (Success, Success) => true,
        (Failure, Pending) | (Partial, Pending | Failure) | (Success, Pending | Partial | Failure) => false,
    }
}

/// Refuses a payment that another refund of the order holds: it would be sent twice. Payments without an id are not
/// compared.
fn no_others_payments(
    path: &str,
    refund: &Refund,
    there: Option<&StoredRefund>,
    known: &[StoredRefund],
    rules: &Rules,
) -> Result<(), Rejection> {
    let others = known.iter().filter(|other| there.is_none_or(|there| other.id != there.id));
    let paid: HashSet<&str> = others.flat_map(|other| other.payments.iter().flatten()).filter_map(id_of).collect();
    for (position, payment) in refund.payments.iter().enumerate() {
        rules.ensure(Rule::DuplicatePaymentId, !paid.contains(payment.id.as_str()), || {
            format!("{path}.payments[{position}].id: another refund of the order holds this payment")
        })?;
    }
    Ok(())
}

fn id_of(payment: &StoredPayment) -> Option<&str> {
    payment.id.as_deref()
}

/// Payments that are not stored yet, by their ids.
fn missing_payments(path: &str, refund: &Refund, stored: &StoredRefund) -> Result<Vec<RefundPayment>, Obstacle> {
    if refund.payments.is_empty() {
        return Ok(Vec::new());
    }
    let there = stored.payments.as_deref().ok_or(Obstacle::NotTold(Untold::RefundPayments))?;
    if there.iter().any(|payment| payment.id.is_none()) {
        return Err(Obstacle::NotTold(Untold::RefundPaymentIds));
    }
    let mut missing = Vec::new();
    for (position, payment) in refund.payments.iter().enumerate() {
        let same_id = |stored: &&StoredPayment| stored.id.as_ref() == Some(&payment.id);
        match there.iter().find(same_id).map(|stored| &stored.amount) {
            None => missing.push(payment.clone()),
            Some(Some(amount)) if !amount.is(payment.amount) => {
                let path = format!("{path}.payments[{position}].amount");
                return Err(Rejection::invalid(&path, "another amount is recorded under this payment's id").into());
            }
            Some(_) => {}
        }
    }
    Ok(missing)
}

fn refunded_lines(
    path: &str,
    lines: &[ToldLine],
    stored: &StoredOrder,
    line_alias: &str,
) -> Result<Vec<RefundedLine>, Obstacle> {
    let refunded = |(position, line): (usize, &ToldLine)| {
        let line_item_id = match &line.line {
            LineName::ByLineItemId(id) => id.clone(),
            LineName::ByLineId(id) => {
                let lines = stored.lines.as_deref().ok_or(Obstacle::NotTold(Untold::LineItems))?;
                let named =
                    |line: &&StoredLine| alias_of(line.aliases.as_deref().unwrap_or_default(), line_alias) == Some(id);
                let path = format!("{path}.lines[{position}].lineId");
                let mut found = lines.iter().filter(named);
                match (found.next(), found.next()) {
                    (Some(line), None) => line.id.clone().ok_or(Obstacle::NotTold(Untold::LineItems))?,
                    (None, None) if lines.iter().any(|line| line.aliases.is_none()) => {
                        return Err(Obstacle::NotTold(Untold::LineAliases));
                    }
                    (None, None) => Err(Rejection::invalid(&path, "no line item of the order has this alias"))?,
                    (_, Some(_)) => Err(Rejection::invalid(&path, "several line items of the order have this alias"))?,
                }
            }
        };
        let refunded_quantity = line.quantity.map(|amount| RefundedQuantity { amount });
        Ok(RefundedLine { line_item_id: LineItemIdentifier { line_item_id }, refunded_quantity })
    };
    lines.iter().enumerate().map(refunded).collect()
}

fn has_payments(stored: &StoredRefund) -> bool {
    stored.payments.as_ref().is_some_and(|payments| !payments.is_empty())
}

fn refund_for(order_line_items: Vec<RefundedLine>) -> Option<RefundFor> {
    (!order_line_items.is_empty()).then_some(RefundFor { order_line_items })
}

/// Whether a stored line is the wanted one, with as many pieces. An unknown number of pieces does not contradict.
fn is_line(wanted: &RefundedLine, stored: &StoredRefundLine) -> bool {
    let pieces = wanted.refunded_quantity.map(|quantity| quantity.amount.decimal());
    wanted.line_item_id.line_item_id == stored.line_item_id && (stored.quantity.is_none() || pieces == stored.quantity)
}
