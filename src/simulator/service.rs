//! One call, from its arguments to its ending: faults first, then the effect.
//! Not here: HTTP, and the GraphQL engine.

use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value, json};

use super::behaviour::{AliasCheck, UnknownOrder};
use super::engine::RootCall;
use super::events::{CallPhase, Teller};
use super::fault::{CallFacts, Fault};
use super::input::{CreateInput, OrderIdentifier, UpdateInput};
use super::names::{Alias, Operation};
use super::order::Order;
use super::refusal::{Refusal, Shape};
use super::rules;
use super::state::State;

/// Preferred alias type in events, if an order has several aliases.
const LEADING_ALIAS: &str = "EXTERNAL_ID";

/// Ending of a call.
#[derive(Debug)]
pub(super) enum Ending {
    /// A GraphQL answer: the field's value, and a refusal.
    Answer { value: Value, refusal: Option<(Refusal, Shape)> },
    /// An HTTP answer that is not GraphQL.
    Http { status: u16, retry_after: Option<u64>, body: HttpBody },
    /// No answer while the connection lasts.
    Hang,
    /// No answer: the connection is closed.
    Drop,
}

#[derive(Debug)]
pub(super) enum HttpBody {
    Json(Value),
    Text(String),
}

/// A call with understood arguments.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) facts: CallFacts,
    command: Command,
}

#[derive(Debug)]
enum Command {
    Create(Box<CreateInput>),
    Update(OrderIdentifier, Box<UpdateInput>),
    Read(OrderIdentifier),
}

impl Call {
    /// Reads the arguments of a root call. They fit the schema already: an error means that schema and program
    /// disagree.
    pub(super) fn read(state: &State, call: RootCall) -> Result<Self, serde_json::Error> {
        let mut arguments = call.arguments;
        let command = match call.field.as_str() {
            "createOrder" => Command::Create(argument(&mut arguments, "input")?),
            "updateOrder" => {
                let mut input: Box<UpdateInput> = argument(&mut arguments, "input")?;
                let identifier = match input.order_id.take() {
                    Some(id) => OrderIdentifier { order_id: Some(id), alias: None },
                    None => argument(&mut arguments, "orderIdentifier")?,
                };
                Command::Update(identifier, input)
            }
            _ => Command::Read(argument(&mut arguments, "orderIdentifier")?),
        };
        Ok(Self { facts: command.facts(state), command })
    }
}

impl Command {
    fn facts(&self, state: &State) -> CallFacts {
        match self {
            Self::Create(input) => CallFacts {
                operation: Operation::CreateOrder,
                aliases: leading_first(&input.aliases),
                products: input.line_items.iter().flat_map(|line| line.product_values()).map(str::to_owned).collect(),
            },
            Self::Update(identifier, _) => facts_of(state, Operation::UpdateOrder, identifier),
            Self::Read(identifier) => facts_of(state, Operation::Order, identifier),
        }
    }
}

/// Executes a call, faults included.
pub(super) async fn perform(state: Arc<State>, call: Call, teller: Teller) -> Ending {
    let fault = chosen_fault(&state, &call);
    if let Some(fault) = &fault {
        state.store().ledger.count_fault(fault.kind());
    }
    if let Some(Fault::Delay { millis }) = fault {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    if fault.as_ref().is_some_and(|fault| !fault.has_effect()) {
        return ending(&state, fault, Value::Null, None);
    }
    match effect(&state, call.command) {
        Ok(value) => {
            teller.tell(CallPhase::TookEffect);
            ending(&state, fault, value, None)
        }
        Err(refusal) => ending(&state, fault, Value::Null, Some(refusal)),
    }
}

/// The HTTP answer of a fault outside GraphQL; `None` without a fault and for a delay.
pub(super) fn http_ending(state: &State, fault: &Fault) -> Option<Ending> {
    match fault {
        Fault::Http { status, retry_after, body, .. } => Some(Ending::Http {
            status: *status,
            retry_after: *retry_after,
            body: HttpBody::Text(body.clone().unwrap_or_else(|| "the simulator answers with this status".to_owned())),
        }),
        Fault::NonJson => Some(Ending::Http {
            status: 200,
            retry_after: None,
            body: HttpBody::Text("<html><body>this is not JSON</body></html>".to_owned()),
        }),
        Fault::Hang { .. } => Some(Ending::Hang),
        Fault::Drop { .. } => Some(Ending::Drop),
        Fault::RevokeTokens => {
            state.tokens().revoke_all();
            Some(flat(&Refusal::codeless("AccessDeniedError"), 401))
        }
        Fault::Refuse { .. } | Fault::DataAndErrors { .. } | Fault::Delay { .. } => None,
    }
}

/// A flat refusal with an HTTP status.
pub(super) fn flat(refusal: &Refusal, status: u16) -> Ending {
    Ending::Http { status, retry_after: None, body: HttpBody::Json(refusal.flat()) }
}

/// The fault of a call. A fault rule comes first; then the alias check, if it is to be first; then magic.
fn chosen_fault(state: &State, call: &Call) -> Option<Fault> {
    let rule = state.faults().fault_for(&call.facts);
    if rule.is_some() {
        return rule;
    }
    let behaviour = state.behaviour();
    if let Command::Create(input) = &call.command
        && behaviour.alias_check == AliasCheck::First
        && state.store().require_free(&input.aliases, behaviour.conflict).is_err()
    {
        return None;
    }
    state.magic().fault_for(&call.facts)
}

fn ending(state: &State, fault: Option<Fault>, value: Value, refusal: Option<Refusal>) -> Ending {
    let shaped = refusal.map(|refusal| (refusal, Shape::default()));
    let Some(fault) = fault else { return Ending::Answer { value, refusal: shaped } };
    if let Some(ending) = http_ending(state, &fault) {
        return ending;
    }
    match fault {
        Fault::Refuse { error_type, code, shape } => {
            let refusal = Refusal { error_type, code };
            match shape {
                Shape::Flat => flat(&refusal, refusal.number()),
                Shape::Classification | Shape::Extensions | Shape::TopLevel => {
                    Ending::Answer { value, refusal: Some((refusal, shape)) }
                }
            }
        }
        Fault::DataAndErrors { error_type, code } => {
            Ending::Answer { value, refusal: shaped.or(Some((Refusal { error_type, code }, Shape::default()))) }
        }
        Fault::Delay { .. }
        | Fault::Http { .. }
        | Fault::NonJson
        | Fault::Hang { .. }
        | Fault::Drop { .. }
        | Fault::RevokeTokens => Ending::Answer { value, refusal: shaped },
    }
}

fn effect(state: &State, command: Command) -> Result<Value, Refusal> {
    let behaviour = state.behaviour();
    let mut store = state.store();
    let wrapped = |order: &Order| json!({ "order": order.shown() });
    match command {
        Command::Create(input) => store.create(*input, behaviour).map(wrapped),
        Command::Update(identifier, input) => store.update(&identifier, *input, behaviour).map(wrapped),
        Command::Read(identifier) => {
            rules::check_identifier(&identifier)?;
            match (store.seen(&identifier, behaviour), behaviour.unknown_order) {
                (Some(order), _) => Ok(order),
                (None, UnknownOrder::Null) => Ok(Value::Null),
                (None, UnknownOrder::AccessDenied) => Err(Refusal::codeless("AccessDeniedError")),
            }
        }
    }
}

fn facts_of(state: &State, operation: Operation, identifier: &OrderIdentifier) -> CallFacts {
    let store = state.store();
    let order = store.find(identifier);
    let mut aliases: Vec<String> = identifier.alias.iter().map(|alias| alias.alias_id.clone()).collect();
    for alias in order.iter().flat_map(|order| leading_first(&order.aliases)) {
        if !aliases.contains(&alias) {
            aliases.push(alias);
        }
    }
    CallFacts { operation, aliases, products: order.map(|order| order.products.clone()).unwrap_or_default() }
}

fn leading_first(aliases: &[Alias]) -> Vec<String> {
    let (leading, others): (Vec<_>, Vec<_>) = aliases.iter().partition(|alias| alias.alias_type == LEADING_ALIAS);
    leading.into_iter().chain(others).map(|alias| alias.alias_id.clone()).collect()
}

fn argument<T: DeserializeOwned>(arguments: &mut Map<String, Value>, name: &str) -> Result<T, serde_json::Error> {
    serde_json::from_value(arguments.remove(name).unwrap_or_default())
}
