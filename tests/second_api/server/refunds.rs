//! Refunds: inputs, answers, and the rules of an update.
//! Not here: the rest of an order.

use async_graphql::{Enum, InputObject, SimpleObject};

use super::order::{LineItem, Order, Quantity};
use super::shapes::{Alias, Money};
use super::store::{Refusal, invalid};

#[derive(InputObject)]
pub(crate) struct RefundsInput {
    details: Vec<RefundDetailsInput>,
}

#[derive(InputObject)]
struct RefundDetailsInput {
    id: Option<String>,
    #[graphql(default)]
    aliases: Vec<Alias>,
    state: Option<RefundState>,
    refund_total: RefundTotal,
    refund_for: Option<RefundForInput>,
    refund_request_reason: Option<String>,
    refund_status_reason: Option<String>,
    #[graphql(default)]
    payment_details: Vec<Payment>,
}

#[derive(InputObject)]
struct RefundForInput {
    order_line_items: Vec<RefundedLineInput>,
}

#[derive(InputObject)]
struct RefundedLineInput {
    line_item_id: LineItemIdInput,
    refunded_quantity: Option<RefundedQuantityInput>,
}

#[derive(InputObject)]
struct LineItemIdInput {
    line_item_id: String,
}

#[derive(InputObject)]
struct RefundedQuantityInput {
    amount: i32,
}

#[derive(Clone, Default, SimpleObject)]
pub(crate) struct Refunds {
    details: Vec<RefundDetails>,
}

#[derive(Clone, SimpleObject)]
struct RefundDetails {
    id: String,
    aliases: Vec<Alias>,
    state: RefundState,
    refund_total: RefundTotal,
    refund_for: Option<RefundFor>,
    refund_request_reason: Option<String>,
    refund_status_reason: Option<String>,
    payment_details: Vec<Payment>,
}

#[derive(Clone, SimpleObject)]
struct RefundFor {
    order_line_items: Vec<RefundedLine>,
}

#[derive(Clone, SimpleObject)]
struct RefundedLine {
    line_item: LineItem,
    amount: Option<Quantity>,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "RefundTotalInput")]
struct RefundTotal {
    total_amount: Money,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "PaymentDetailsInput")]
struct Payment {
    id: Option<String>,
    amount: Money,
    payment_method: PaymentMethod,
    state: Option<String>,
}

#[derive(Clone, InputObject, SimpleObject)]
#[graphql(input_name = "PaymentMethodInput")]
struct PaymentMethod {
    display_string: Option<String>,
    #[graphql(name = "type")]
    kind: Option<String>,
}

#[derive(Clone, Copy, Enum, Eq, PartialEq)]
enum RefundState {
    Pending,
    Partial,
    Success,
    Failure,
    Rejected,
}

/// The refunds of an order after an update, if all of it is valid.
pub(crate) fn updated(order: &Order, input: RefundsInput) -> Result<Refunds, Refusal> {
    let mut refunds = order.refunds.clone();
    let mut seen = Vec::new();
    for update in input.details {
        let at = position(&mut refunds, &order.id, &update)?;
        if seen.contains(&at) {
            return Err(invalid("DuplicateRefundId", "a refund stands there twice"));
        }
        seen.push(at);
        apply(&mut refunds.details[at], update, &order.line_items)?;
    }
    Ok(refunds)
}

/// Position of the refund of an update. An unknown alias opens a refund.
fn position(refunds: &mut Refunds, order_id: &str, update: &RefundDetailsInput) -> Result<usize, Refusal> {
    let details = &mut refunds.details;
    if let Some(id) = &update.id {
        let known = details.iter().position(|refund| refund.id == *id);
        return known.ok_or(invalid("InvalidRefundId", "the order has no such refund"));
    }
    let [alias] = update.aliases.as_slice() else {
        return Err(invalid("MissingRefundId", "a refund has neither an id nor one alias"));
    };
    if let Some(known) = details.iter().position(|refund| refund.aliases.contains(alias)) {
        return Ok(known);
    }
    let order_in_hex: String = order_id.bytes().map(|byte| format!("{byte:02x}")).collect();
    details.push(RefundDetails {
        id: format!("{order_in_hex}{:0>1$x}", details.len() + 1, 64 - order_in_hex.len()),
        aliases: vec![alias.clone()],
        state: RefundState::Pending,
        refund_total: update.refund_total.clone(),
        refund_for: None,
        refund_request_reason: None,
        refund_status_reason: None,
        payment_details: Vec::new(),
    });
    Ok(details.len() - 1)
}

/// Applies an update: the total is replaced, payments are added.
fn apply(refund: &mut RefundDetails, update: RefundDetailsInput, lines: &[LineItem]) -> Result<(), Refusal> {
    let state = update.state.unwrap_or(refund.state);
    if !may_follow(refund.state, state) {
        return Err(invalid("InvalidRefundStateTransition", "the refund cannot get into that state"));
    }
    if let Some(refund_for) = update.refund_for {
        let found = refund_for.order_line_items.into_iter().map(|line| refunded_line(line, lines));
        refund.refund_for = Some(RefundFor { order_line_items: found.collect::<Result<_, _>>()? });
    }
    for alias in update.aliases {
        refund.aliases.retain(|known| known.alias_type != alias.alias_type);
        refund.aliases.push(alias);
    }
    refund.state = state;
    refund.refund_total = update.refund_total;
    refund.refund_request_reason = update.refund_request_reason.or(refund.refund_request_reason.take());
    refund.refund_status_reason = update.refund_status_reason.or(refund.refund_status_reason.take());
    refund.payment_details.extend(update.payment_details);
    Ok(())
}

fn refunded_line(line: RefundedLineInput, lines: &[LineItem]) -> Result<RefundedLine, Refusal> {
    let line_item = lines.iter().find(|known| known.id == line.line_item_id.line_item_id).cloned();
    Ok(RefundedLine {
        line_item: line_item.ok_or(invalid("InvalidItemIdentifier", "the order has no such line item"))?,
        amount: line.refunded_quantity.map(|quantity| Quantity { unit: "ONE".into(), value: quantity.amount }),
    })
}

fn may_follow(now: RefundState, next: RefundState) -> bool {
    use RefundState::{Failure, Partial, Pending, Rejected, Success};
    match now {
        Pending => true,
        Failure => matches!(next, Partial | Failure | Success),
        Partial => matches!(next, Partial | Success),
        Success => next == Success,
        Rejected => next == Rejected,
    }
}
