//! Orders of the simulated store, and the only place where they change. Each method is one transaction.
//! Not here: rules that depend on one call alone (`rules`), GraphQL, faults.

use std::collections::HashMap;
use std::mem;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::behaviour::{AliasCheck, Behaviour, Conflict};
use super::input::{CreateInput, ExecutionState, OrderIdentifier, UpdateInput};
use super::ledger::{Effect, Ledger};
use super::magic::Fate;
use super::names::Alias;
use super::order::{Order, PackageState};
use super::refund::{self, Refund};
use super::refusal::Refusal;
use super::rules;

#[derive(Debug, Default)]
pub(super) struct Store {
    orders: Vec<Order>,
    by_alias: HashMap<Alias, usize>,
    /// Ids of the first orders.
    given_ids: Vec<String>,
    pub(super) ledger: Ledger,
}

impl Store {
    pub(super) fn new(given_ids: Vec<String>) -> Self {
        Self { given_ids, ..Self::default() }
    }

    pub(super) fn create(&mut self, input: CreateInput, behaviour: Behaviour) -> Result<&Order, Refusal> {
        let free = self.require_free(&input.aliases, behaviour.conflict);
        match behaviour.alias_check {
            AliasCheck::First => free.and_then(|()| rules::check_create(&input))?,
            AliasCheck::Last => rules::check_create(&input).and(free)?,
        }
        let index = self.orders.len();
        let id = self.given_ids.get(index).cloned().unwrap_or_else(|| order_id(index));
        let mut order = Order::new(id, input, Timestamp::now());
        order.remember(Value::Null, behaviour.settle());
        self.ledger.record(Effect::Created {
            order: order.id.clone(),
            aliases: order.aliases.clone(),
            has_alias: !order.aliases.is_empty(),
        });
        if order.started {
            self.ledger.record(Effect::Started { order: order.id.clone() });
        }
        self.by_alias.extend(order.aliases.iter().cloned().map(|alias| (alias, index)));
        let fates: Vec<Fate> = order.products.iter().filter_map(|product| Fate::named(product)).collect();
        self.orders.push(order);
        for fate in fates {
            match fate {
                Fate::ReturnRequested => drop(self.open_refund(index)),
                Fate::Cancelled => self.orders[index].package_state = Some(PackageState::Cancelled),
            }
        }
        Ok(&self.orders[index])
    }

    pub(super) fn update(
        &mut self,
        identifier: &OrderIdentifier,
        mut input: UpdateInput,
        behaviour: Behaviour,
    ) -> Result<&Order, Refusal> {
        rules::check_identifier(identifier)?;
        let index = self.index_of(identifier).ok_or_else(|| Refusal::codeless("AccessDeniedError"))?;
        self.require_free(&input.aliases, Conflict::AliasValueAlreadyExists)?;
        let order = &mut self.orders[index];
        rules::check_aliases(&order.aliases, &input.aliases)?;
        rules::check_links(order.links.len() + input.order_links.len())?;
        if let Some(desired) = input.desired_execution_state {
            check_transition(order, desired)?;
        }
        let now = Timestamp::now();
        let refunds = mem::take(&mut input.refunds.details);
        let refunded = refund::updated(&order.id, &order.refunds, &order.lines, refunds, now)?;
        order.remember(order.shown(), behaviour.settle());
        let start = input.desired_execution_state == Some(ExecutionState::Started);
        self.by_alias.extend(input.aliases.iter().cloned().map(|alias| (alias, index)));
        let total = input.total_price.as_ref().map(|total| total["value"]["amount"].to_string());
        let fields = order.amend(input, now);
        if !fields.is_empty() {
            self.ledger.record(Effect::Updated { order: order.id.clone(), fields, total });
        }
        order.refunds = refunded.refunds;
        refunded.effects.into_iter().for_each(|effect| self.ledger.record(effect));
        if start {
            let id = order.id.clone();
            let repeated = order.started;
            order.start();
            self.ledger.record(if repeated {
                Effect::StartRepeated { order: id }
            } else {
                Effect::Started { order: id }
            });
        }
        Ok(order)
    }

    pub(super) fn find(&self, identifier: &OrderIdentifier) -> Option<&Order> {
        self.index_of(identifier).map(|index| &self.orders[index])
    }

    /// The order in a query: without effects that have not settled yet.
    pub(super) fn seen(&self, identifier: &OrderIdentifier, behaviour: Behaviour) -> Option<Value> {
        let seen = self.find(identifier)?.seen(behaviour.settle());
        let named = |alias: &Alias| seen["aliases"].as_array().is_some_and(|aliases| aliases.contains(&json!(alias)));
        (!seen.is_null() && identifier.alias.as_ref().is_none_or(named)).then_some(seen)
    }

    pub(super) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Refuses with `conflict` if one of these aliases belongs to an order.
    pub(super) fn require_free(&self, aliases: &[Alias], conflict: Conflict) -> Result<(), Refusal> {
        if !aliases.iter().any(|alias| self.by_alias.contains_key(alias)) {
            return Ok(());
        }
        Err(match conflict {
            Conflict::AliasValueAlreadyExists => Refusal::validation("AliasValueAlreadyExists"),
            Conflict::ConflictError => Refusal::codeless("ConflictError"),
        })
    }

    /// Sets the package state of the order with an alias of this id. Returns whether there is such an order.
    pub(super) fn set_package_state(&mut self, alias_id: &str, state: PackageState) -> bool {
        let index = self.index_of_alias_id(alias_id);
        index.map(|index| self.orders[index].package_state = Some(state)).is_some()
    }

    /// Opens a refund of the whole order with an alias of this id. Returns the refund's id.
    pub(super) fn request_refund(&mut self, alias_id: &str) -> Option<String> {
        self.index_of_alias_id(alias_id).map(|index| self.open_refund(index))
    }

    fn open_refund(&mut self, index: usize) -> String {
        let order = &mut self.orders[index];
        let refund = Refund::requested(&order.lines, order.total(), Timestamp::now());
        let id = refund.id.clone();
        order.refunds.push(refund);
        self.ledger.record(Effect::RefundRequested { order: order.id.clone(), refund: id.clone() });
        id
    }

    fn index_of_alias_id(&self, alias_id: &str) -> Option<usize> {
        self.orders.iter().position(|order| order.aliases.iter().any(|alias| alias.alias_id == alias_id))
    }

    fn index_of(&self, identifier: &OrderIdentifier) -> Option<usize> {
        match (&identifier.order_id, &identifier.alias) {
            (Some(id), _) => self.orders.iter().position(|order| order.id == *id),
            (None, Some(alias)) => self.by_alias.get(alias).copied(),
            (None, None) => None,
        }
    }
}

fn check_transition(order: &Order, desired: ExecutionState) -> Result<(), Refusal> {
    match (desired, order.package_state) {
        (ExecutionState::NotStarted, _) if order.started => Err(Refusal::validation("InvalidOrderExecutionState")),
        (ExecutionState::Started, Some(PackageState::Cancelled)) => {
            Err(Refusal::validation("ExecutionCannotBeStartedDueToCancellation"))
        }
        (ExecutionState::Started, Some(PackageState::InTransit | PackageState::Delivered)) => {
            Err(Refusal::validation("ExecutionAlreadyStarted"))
        }
        (ExecutionState::NotStarted, _) | (ExecutionState::Started, Some(PackageState::Pending) | None) => Ok(()),
    }
}

/// `322-ABC1-AAAAAA`, `322-ABC1-AAAAAB`, …
fn order_id(mut number: usize) -> String {
    let mut letters = ['A'; 6];
    for letter in letters.iter_mut().rev() {
        *letter = char::from(b'A' + (number % 26) as u8);
        number /= 26;
    }
    format!("322-ABC1-{}", letters.iter().collect::<String>())
}
