//! The orders of the one store that is simulated, and the only place where they change. Each method is one transaction.
//! Not here: rules that need no other order (`rules`), GraphQL, faults.

use std::collections::HashMap;

use jiff::Timestamp;

use super::input::{CreateInput, ExecutionState, OrderIdentifier, UpdateInput};
use super::ledger::{Alias, Effect, Ledger};
use super::order::{Order, PackageState};
use super::refusal::Refusal;
use super::{AliasCheck, Conflict, rules};

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

    pub(super) fn create(
        &mut self,
        input: CreateInput,
        check: AliasCheck,
        conflict: Conflict,
    ) -> Result<&Order, Refusal> {
        let free = self.require_free(&input.aliases, conflict);
        match check {
            AliasCheck::First => free.and_then(|()| rules::check_create(&input))?,
            AliasCheck::Last => rules::check_create(&input).and(free)?,
        }
        let index = self.orders.len();
        let id = self.given_ids.get(index).cloned().unwrap_or_else(|| order_id(index));
        let order = Order::new(id, input, Timestamp::now());
        self.ledger.record(Effect::Created {
            order: order.id.clone(),
            aliases: order.aliases.clone(),
            has_alias: !order.aliases.is_empty(),
        });
        if order.started {
            self.ledger.record(Effect::Started { order: order.id.clone() });
        }
        self.by_alias.extend(order.aliases.iter().cloned().map(|alias| (alias, index)));
        self.orders.push(order);
        Ok(&self.orders[index])
    }

    pub(super) fn update(&mut self, identifier: &OrderIdentifier, input: UpdateInput) -> Result<&Order, Refusal> {
        rules::check_identifier(identifier)?;
        let index = self.index_of(identifier).ok_or_else(|| Refusal::codeless("AccessDeniedError"))?;
        self.require_free(&input.aliases, Conflict::AliasValueAlreadyExists)?;
        let order = &mut self.orders[index];
        rules::check_aliases(&order.aliases, &input.aliases)?;
        rules::check_links(order.links.len() + input.order_links.len())?;
        if let Some(desired) = input.desired_execution_state {
            check_transition(order, desired)?;
        }
        let start = input.desired_execution_state == Some(ExecutionState::Started);
        self.by_alias.extend(input.aliases.iter().cloned().map(|alias| (alias, index)));
        let fields = order.amend(input, Timestamp::now());
        if !fields.is_empty() {
            self.ledger.record(Effect::Updated { order: order.id.clone(), fields });
        }
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

    pub(super) fn orders(&self) -> &[Order] {
        &self.orders
    }

    /// Refuses with `conflict` when any of these aliases belongs to an order.
    pub(super) fn require_free(&self, aliases: &[Alias], conflict: Conflict) -> Result<(), Refusal> {
        if !aliases.iter().any(|alias| self.by_alias.contains_key(alias)) {
            return Ok(());
        }
        Err(match conflict {
            Conflict::AliasValueAlreadyExists => Refusal::validation("AliasValueAlreadyExists"),
            Conflict::ConflictError => Refusal::codeless("ConflictError"),
        })
    }

    /// Sets where the packages of the order with an alias of this id are; answers whether there is such an order.
    pub(super) fn set_package_state(&mut self, alias_id: &str, state: PackageState) -> bool {
        let order = self.orders.iter_mut().find(|order| order.aliases.iter().any(|alias| alias.alias_id == alias_id));
        order.map(|order| order.package_state = Some(state)).is_some()
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
