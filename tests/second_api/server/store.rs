//! The stored orders, and the checks of creates and updates.
//! Not here: GraphQL.

use super::inputs::{
    CreateOrderInput, DeliveryOfferInput, DeliveryProvider, LineItemInput, OrderIdentifierInput, UpdateOrderInput,
};
use super::order::{Order, new_order};
use super::refunds;
use super::shapes::{Alias, ExecutionState, OrderLink};

/// Most aliases of an order, and most links.
const MOST: usize = 5;

/// Type and code of a refusal.
pub(crate) struct Refusal {
    pub(crate) message: &'static str,
    pub(crate) error_type: &'static str,
    pub(crate) error_code: u16,
    pub(crate) code: Option<&'static str>,
}

const NO_SUCH_ORDER: Refusal =
    Refusal { message: "access denied", error_type: "AccessDeniedError", error_code: 403, code: None };

const TOO_MANY_ALIASES: Refusal =
    Refusal { message: "too many aliases", error_type: "ValidationError", error_code: 400, code: None };

pub(crate) const fn invalid(code: &'static str, message: &'static str) -> Refusal {
    Refusal { message, error_type: "ValidationError", error_code: 400, code: Some(code) }
}

#[derive(Default)]
pub(crate) struct Store {
    orders: Vec<Order>,
}

impl Store {
    pub(crate) fn order(&self, identifier: &OrderIdentifierInput) -> Option<Order> {
        self.orders.iter().find(|order| is_named(order, identifier)).cloned()
    }

    pub(crate) fn create(&mut self, input: CreateOrderInput) -> Result<Order, Refusal> {
        if !input.line_items.iter().all(is_complete) {
            return Err(invalid("MissingItemAttributes", "a Prime item lacks an attribute"));
        }
        self.check_names(&[], &input.aliases)?;
        check_links(input.order_links.len())?;
        let order = new_order(format!("322-ABC1-{:06}", self.orders.len() + 1), input);
        self.orders.push(order.clone());
        Ok(order)
    }

    pub(crate) fn update(
        &mut self,
        identifier: &OrderIdentifierInput,
        input: UpdateOrderInput,
    ) -> Result<Order, Refusal> {
        let at = self.orders.iter().position(|order| is_named(order, identifier)).ok_or(NO_SUCH_ORDER)?;
        let aliases = input.aliases.unwrap_or_default();
        let links: Vec<OrderLink> = input.order_links.unwrap_or_default();
        let order = &self.orders[at];
        let state = next_state(order.metadata.execution_state, input.desired_execution_state)?;
        self.check_names(&order.aliases, &aliases)?;
        check_links(order.order_links.len() + links.len())?;
        let refunds = input.refunds.map(|refunds| refunds::updated(order, refunds)).transpose()?;

        let order = &mut self.orders[at];
        order.metadata.execution_state = state;
        order.aliases.extend(aliases);
        order.order_links.extend(links);
        order.total_price = input.total_price.or(order.total_price.take());
        order.taxes = input.taxes.or(order.taxes.take());
        if let Some(recipient) = input.recipient {
            order.recipient = recipient;
        }
        if let Some(refunds) = refunds {
            order.refunds = refunds;
        }
        Ok(order.clone())
    }

    /// Checks that each alias is given once, and names no other order of the store.
    fn check_names(&self, present: &[Alias], added: &[Alias]) -> Result<(), Refusal> {
        if present.len() + added.len() > MOST {
            return Err(TOO_MANY_ALIASES);
        }
        let taken = |alias: &Alias| self.orders.iter().any(|order| order.aliases.contains(alias));
        if added.iter().any(taken) {
            return Err(invalid("AliasValueAlreadyExists", "the alias is taken"));
        }
        Ok(())
    }
}

fn check_links(links: usize) -> Result<(), Refusal> {
    if links > MOST { Err(invalid("OrderLinkLimitExceeded", "too many links")) } else { Ok(()) }
}

fn is_named(order: &Order, identifier: &OrderIdentifierInput) -> bool {
    match identifier {
        OrderIdentifierInput::OrderId(id) => order.id == *id,
        OrderIdentifierInput::Alias(alias) => order.aliases.contains(alias),
    }
}

/// Whether a line is complete: one with Prime needs its offer, title and price.
fn is_complete(line: &LineItemInput) -> bool {
    let DeliveryOfferInput::Details(offer) = &line.selected_delivery_offer else { return true };
    let prime = offer.delivery_provider == DeliveryProvider::Amazon && offer.delivery_terms.is_prime_eligible;
    !prime
        || (offer.id.is_some()
            && offer.delivery_preview_id.is_some()
            && line.product.title.is_some()
            && line.product.price.is_some())
}

/// The next state of fulfillment, which starts once and never goes back.
fn next_state(now: ExecutionState, desired: Option<ExecutionState>) -> Result<ExecutionState, Refusal> {
    match (now, desired) {
        (now, None) => Ok(now),
        (ExecutionState::NotStarted, Some(desired)) => Ok(desired),
        (ExecutionState::Started, Some(ExecutionState::Started)) => {
            Err(invalid("ExecutionAlreadyStarted", "the execution has started"))
        }
        (ExecutionState::Started, Some(ExecutionState::NotStarted)) => {
            Err(invalid("InvalidOrderExecutionState", "the execution has started"))
        }
    }
}
