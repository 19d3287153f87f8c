//! Refunds of an order: their beginning, their updates, and their view in an answer.
//! Not here: the rest of the order.

use jiff::Timestamp;
use serde_json::{Value, json};
use uuid::Uuid;

use super::input::{LineIdentifier, RefundInput};
use super::ledger::Effect;
use super::names::{Alias, RefundState};
use super::refusal::Refusal;
use super::shown::shown_time;

/// Reason of a refund that a shopper requested.
const RETURNED: &str = "RETURN_RECEIVED";

#[derive(Debug, Clone)]
pub(super) struct Refund {
    pub(super) id: String,
    aliases: Vec<Alias>,
    /// Whether the shop opened the refund, not the shopper at Buy with Prime.
    external: bool,
    state: RefundState,
    total: Value,
    /// Positions of the order's line items, with the number of pieces.
    lines: Vec<(usize, Option<Value>)>,
    request_reason: Option<String>,
    status_reason: Option<String>,
    /// Every payment that was sent, repetitions included.
    payments: Vec<Value>,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// Refunds of an order after an update, with the effects for the ledger.
#[derive(Debug, Default)]
pub(super) struct Updated {
    pub(super) refunds: Vec<Refund>,
    pub(super) effects: Vec<Effect>,
}

impl Refund {
    /// A refund that the shopper requested, of whole lines, with its expected total.
    pub(super) fn requested(lines: &[Value], total: Value, now: Timestamp) -> Self {
        let lines = lines.iter().enumerate().map(|(index, line)| (index, Some(line["amount"]["value"].clone())));
        Self {
            lines: lines.collect(),
            total: json!({ "totalAmount": total }),
            request_reason: Some(RETURNED.to_owned()),
            ..Self::new(false, now)
        }
    }

    fn new(external: bool, now: Timestamp) -> Self {
        Self {
            id: format!("{}{}", Uuid::new_v4().simple(), Uuid::new_v4().simple()),
            aliases: Vec::new(),
            external,
            state: RefundState::Pending,
            total: Value::Null,
            lines: Vec::new(),
            request_reason: None,
            status_reason: None,
            payments: Vec::new(),
            created_at: now,
            updated_at: now,
        }
    }

    /// The view in the shape of the schema's type `RefundDetails`, with the line items as the order shows them.
    pub(super) fn shown(&self, lines: &[Value]) -> Value {
        let shown_line = |(index, pieces): &(usize, Option<Value>)| {
            let refunded = pieces.as_ref().map(|pieces| json!({ "amount": pieces, "unit": "ONE" }));
            let amount = pieces.as_ref().map(|pieces| json!({ "value": pieces, "unit": "ONE" }));
            json!({ "lineItem": lines[*index], "amount": amount, "refundedQuantity": refunded })
        };
        json!({
            "id": self.id,
            "aliases": self.aliases,
            "createdAt": shown_time(self.created_at),
            "paymentDetails": self.payments,
            "refundFor": { "orderLineItems": self.lines.iter().map(shown_line).collect::<Value>() },
            "refundRequestReason": self.request_reason,
            "refundStatusReason": self.status_reason,
            "refundTotal": self.total,
            "state": self.state,
            "updatedAt": shown_time(self.updated_at),
        })
    }

    /// Applies an update, after all of it is checked.
    fn update(&mut self, input: RefundInput, lines: &[Value], now: Timestamp) -> Result<(), Refusal> {
        let state = input.state.unwrap_or(self.state);
        if !may_follow(self.state, state) {
            return Err(Refusal::validation("InvalidRefundStateTransition"));
        }
        let changes_reason =
            input.refund_request_reason.is_some() && input.refund_request_reason != self.request_reason;
        if changes_reason && !self.external {
            return Err(Refusal::validation("InvalidRefundRequestReasonUpdate"));
        }
        if let Some(refund_for) = input.refund_for {
            let found = refund_for.order_line_items.into_iter().map(|line| {
                let index = position(lines, &line.line_item_id).ok_or_else(|| Refusal::codeless("ValidationError"))?;
                Ok((index, line.refunded_quantity.map(|quantity| quantity.amount)))
            });
            self.lines = found.collect::<Result<_, Refusal>>()?;
        }
        for alias in input.aliases {
            self.aliases.retain(|known| known.alias_type != alias.alias_type);
            self.aliases.push(alias);
        }
        self.state = state;
        self.total = input.refund_total;
        self.request_reason = input.refund_request_reason.or(self.request_reason.take());
        self.status_reason = input.refund_status_reason.or(self.status_reason.take());
        self.payments.extend(input.payment_details);
        self.updated_at = now;
        Ok(())
    }
}

/// Applies an update to copies of the refunds: a refused update changes nothing.
pub(super) fn updated(
    order: &str,
    refunds: &[Refund],
    lines: &[Value],
    inputs: Vec<RefundInput>,
    now: Timestamp,
) -> Result<Updated, Refusal> {
    check_aliases(&inputs)?;
    let mut updated = Updated { refunds: refunds.to_vec(), effects: Vec::new() };
    let mut seen = Vec::new();
    for input in inputs {
        let index = meant(&mut updated.refunds, &input, now)?;
        if seen.contains(&index) {
            return Err(Refusal::validation("DuplicateRefundId"));
        }
        seen.push(index);
        let elsewhere = |alias: &Alias| {
            updated.refunds.iter().enumerate().any(|(other, refund)| other != index && refund.aliases.contains(alias))
        };
        if input.aliases.iter().any(elsewhere) {
            return Err(Refusal::validation("InvalidAliasId"));
        }
        let refund = &mut updated.refunds[index];
        updated.effects.extend(effects(order, refund, &input));
        refund.update(input, lines, now)?;
    }
    Ok(updated)
}

/// The refund of an input. An unknown alias opens a refund.
fn meant(refunds: &mut Vec<Refund>, input: &RefundInput, now: Timestamp) -> Result<usize, Refusal> {
    if let Some(id) = &input.id {
        let known = refunds.iter().position(|refund| refund.id == *id);
        return known.ok_or_else(|| Refusal::validation("InvalidRefundId"));
    }
    let [alias] = input.aliases.as_slice() else { return Err(Refusal::validation("MissingRefundId")) };
    if let Some(known) = refunds.iter().position(|refund| refund.aliases.contains(alias)) {
        return Ok(known);
    }
    refunds.push(Refund::new(true, now));
    Ok(refunds.len() - 1)
}

/// Checks that no alias names two refunds of one call.
fn check_aliases(inputs: &[RefundInput]) -> Result<(), Refusal> {
    let aliases: Vec<&Alias> = inputs.iter().flat_map(|input| &input.aliases).collect();
    if aliases.iter().any(|alias| alias.alias_id.is_empty() || alias.alias_type.is_empty()) {
        return Err(Refusal::validation("InvalidAliasId"));
    }
    let repeated = aliases.iter().enumerate().any(|(index, alias)| aliases[..index].contains(alias));
    if repeated { Err(Refusal::validation("DuplicateAliasId")) } else { Ok(()) }
}

/// The documentation gives no transition of `REJECTED`. In the simulator a pending refund can reach it, and stays
/// there.
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

fn position(lines: &[Value], identifier: &LineIdentifier) -> Option<usize> {
    lines.iter().position(|line| match (&identifier.line_item_id, &identifier.alias) {
        (Some(id), None) => line["id"] == id.as_str(),
        (None, Some(alias)) => line["aliases"].as_array().is_some_and(|known| known.contains(&json!(alias))),
        (Some(_), Some(_)) | (None, None) => false,
    })
}

fn effects(order: &str, refund: &Refund, input: &RefundInput) -> Vec<Effect> {
    let (order, refund_id) = (order.to_owned(), refund.id.clone());
    let payments = input.payment_details.iter().map(|payment| Effect::RefundPaid {
        order: order.clone(),
        refund: refund_id.clone(),
        payment: payment["id"].as_str().map(str::to_owned),
        amount: payment["amount"]["amount"].to_string(),
    });
    let updated = Effect::RefundUpdated {
        order: order.clone(),
        refund: refund_id.clone(),
        state: input.state.unwrap_or(refund.state),
        total: input.refund_total["totalAmount"]["amount"].to_string(),
    };
    std::iter::once(updated).chain(payments).collect()
}
