//! A scenario: faults and messages in their order, and what each must come to.
//! Not here: the scenarios; they are data, in `scenarios/`.

use std::collections::BTreeMap;
use std::sync::Arc;

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::ports::{History, Inbound, Settlement};
use bwp_sync::simulator::{
    AliasCheck, Behaviour, Config, Conflict, FaultRule, Operation, PackageState, Simulator, UnknownOrder,
};
use bwp_sync::worker::{Context, handle};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::context;
use crate::output::{assert_settlement_is_clean, listen};

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(crate) struct Scenario {
    /// The claim that it proves, as a sentence.
    pub(crate) about: String,
    #[serde(default)]
    conflict_error: bool,
    #[serde(default)]
    alias_checked_last: bool,
    #[serde(default)]
    unknown_is_denied: bool,
    #[serde(default)]
    wrong_secret: bool,
    /// Fields that the API does not know, as `Type.field`.
    #[serde(default)]
    unknown_fields: Vec<String>,
    steps: Vec<Step>,
    /// Orders that must be there at the end.
    created: usize,
    /// Accepted starts of fulfillment, repeated ones included.
    #[serde(default)]
    started: usize,
    /// Calls that must have been made by operation, where that matters.
    #[serde(default)]
    calls: BTreeMap<String, u64>,
    /// How many times a refund's payment must have been told.
    #[serde(default)]
    payments: BTreeMap<String, usize>,
    /// The total that the last update must have given an order.
    #[serde(default)]
    totals: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
enum Step {
    Fault(FaultRule),
    ClearFaults,
    Cancel(String),
    RevokeTokens,
    /// The cause by which all calls must be paused now, or none.
    Pause(Option<String>),
    Checkout(Message),
    Fulfillment(Message),
    Amendment(Message),
    Refund(Message),
    /// The shopper of this order sends it back, so Buy with Prime opens a refund.
    RequestRefund(String),
    /// For how many milliseconds from now on a read does not show an effect.
    EffectsShowAfter(u64),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Message {
    order: String,
    #[serde(default)]
    display_id: Option<String>,
    #[serde(default)]
    product: Option<String>,
    #[serde(default)]
    aliases: u32,
    /// Contents of the message beside its order; `$refund` stands for the id of the last refund that was opened.
    #[serde(default)]
    data: serde_json::Map<String, Value>,
    /// Which of several messages of its kind it is.
    #[serde(default)]
    id: String,
    #[serde(default)]
    redelivered: bool,
    /// It comes out of a retry queue.
    #[serde(default)]
    hopped: bool,
    /// The second in which it happened and a worker was given it first, where that is known.
    #[serde(default)]
    first_taken: Option<i64>,
    /// In this second, by the message's own time; that of `first_taken` where it is not given.
    happened: Option<i64>,
    /// How each attempt ends, until the last one.
    ends: Vec<String>,
    /// Attempts that were counted when it ended, where that matters.
    #[serde(default)]
    attempts: Option<u32>,
}

/// Runs a scenario in one version of the API, and says what was not as it should be.
pub(crate) async fn run(scenario: &Scenario, version: ApiVersion) -> Result<(), String> {
    listen();
    let simulator = Simulator::start(Config {
        behaviour: Behaviour {
            conflict: if scenario.conflict_error { Conflict::ConflictError } else { Conflict::default() },
            alias_check: if scenario.alias_checked_last { AliasCheck::Last } else { AliasCheck::First },
            unknown_order: if scenario.unknown_is_denied { UnknownOrder::AccessDenied } else { UnknownOrder::Null },
            ..Behaviour::default()
        },
        unknown_fields: scenario.unknown_fields.clone(),
        ..Config::default()
    })
    .await
    .unwrap();
    let secret = if scenario.wrong_secret { "not the secret" } else { "sim-secret" };
    let mut stage = Stage { context: context(&simulator, secret, version), waiting: BTreeMap::new() };
    let mut refund = String::new();
    for (at, step) in scenario.steps.iter().enumerate() {
        match step {
            Step::Fault(rule) => simulator.add_fault(rule.clone()),
            Step::ClearFaults => simulator.clear_faults(),
            Step::Cancel(order) => assert!(simulator.set_package_state(order, PackageState::Cancelled)),
            Step::RevokeTokens => simulator.revoke_tokens(),
            Step::Pause(expected) => {
                let cause = stage.context.pace.pause().map(|pause| pause.cause);
                if cause != expected.as_deref() {
                    return Err(format!("step {at}: paused for {cause:?}, expected {expected:?}"));
                }
            }
            Step::Checkout(message) => {
                stage.check(message, "checkout-completed", checkout(message), at).await?;
            }
            Step::Fulfillment(message) => {
                stage.check(message, "fulfillment-triggered", about(message, &refund), at).await?;
            }
            Step::Amendment(message) => stage.check(message, "order-amended", about(message, &refund), at).await?,
            Step::Refund(message) => stage.check(message, "refund-updated", about(message, &refund), at).await?,
            Step::EffectsShowAfter(settle_millis) => {
                simulator.behave(Behaviour { settle_millis: *settle_millis, ..simulator.behaviour() });
            }
            Step::RequestRefund(order) => refund = simulator.request_refund(order).unwrap(),
        }
    }
    let ledger = simulator.ledger();
    let starts: usize = scenario.orders().iter().map(|order| ledger.starts_of(order)).sum();
    let (created, nameless) = (ledger.orders_created(), ledger.creates_without_alias());
    if (created, nameless, starts) != (scenario.created, 0, scenario.started) {
        return Err(format!("created {created}, {nameless} of them without an alias, started {starts}"));
    }
    for (name, expected) in &scenario.calls {
        let operation: Operation = serde_json::from_value(json!(name)).unwrap();
        let calls = ledger.calls_of(operation);
        if calls != *expected {
            return Err(format!("{name} was called {calls} times, expected {expected}"));
        }
    }
    for (id, expected) in &scenario.payments {
        let told = ledger.payments_of(id);
        if told != *expected {
            return Err(format!("payment {id} was told {told} times, expected {expected}"));
        }
    }
    for (order, expected) in &scenario.totals {
        let total = ledger.last_total_of(order);
        if total != Some(expected) {
            return Err(format!("the total of {order} is {total:?}, expected {expected}"));
        }
    }
    Ok(())
}

impl Scenario {
    fn orders(&self) -> Vec<&str> {
        let mut orders: Vec<_> = self
            .steps
            .iter()
            .filter_map(|step| match step {
                Step::Checkout(message) | Step::Fulfillment(message) => Some(message.order.as_str()),
                Step::Amendment(_) | Step::Refund(_) | Step::RequestRefund(_) | Step::EffectsShowAfter(_) => None,
                Step::Fault(_) | Step::ClearFaults | Step::Cancel(_) | Step::RevokeTokens | Step::Pause(_) => None,
            })
            .collect();
        orders.sort_unstable();
        orders.dedup();
        orders
    }
}

struct Stage {
    context: Arc<Context<Client>>,
    /// Contents of the retry queues: the history of each message that was left waiting.
    waiting: BTreeMap<String, (History, Option<Instant>)>,
}

impl Stage {
    /// Handles a message again and again, as the retry queues would, until its last end. A message that was left waiting
    /// by an earlier step goes on from there.
    async fn check(&mut self, message: &Message, kind: &str, data: Value, at: usize) -> Result<(), String> {
        let id = format!("{kind} {} {}", message.order, message.id);
        let (history, failed_by) = self.waiting.remove(&id).unwrap_or_default();
        let mut inbound = Inbound {
            redelivered: message.redelivered,
            hopped: message.hopped,
            history,
            failed_by,
            ..event(&id, kind, &data)
        };
        if let Some(second) = message.first_taken {
            let at = jiff::Timestamp::from_second(second).unwrap();
            inbound.history.first_taken_at = Some(at);
            let mut body: Value = serde_json::from_slice(&inbound.body).unwrap();
            body["time"] = json!(message.happened.map_or(at, |second| jiff::Timestamp::from_second(second).unwrap()));
            inbound.body = serde_json::to_vec(&body).unwrap();
        }
        let (mut ends, mut attempts) = (Vec::new(), 0);
        while ends.len() < message.ends.len() {
            let settlement = handle(&self.context, &inbound).await;
            assert_settlement_is_clean(&settlement);
            ends.push(end(&settlement));
            inbound.failed_by = matches!(settlement, Settlement::Later(_)).then(Instant::now);
            (inbound.history, attempts) = match settlement {
                Settlement::Later(later) => (later.history.clone(), later.history.attempts),
                Settlement::Done(result) => (History::default(), result.data.attempts),
                Settlement::DeadLetter(letter, _) => (History::default(), letter.attempts),
            };
        }
        self.waiting.insert(id, (inbound.history, inbound.failed_by));
        if ends.len() != message.ends.len() || !ends.iter().zip(&message.ends).all(|(end, expected)| is(end, expected))
        {
            return Err(format!("step {at} ended {ends:?}, expected {:?}", message.ends));
        }
        match message.attempts {
            Some(expected) if expected != attempts => {
                Err(format!("step {at} counted {attempts} attempts, expected {expected}"))
            }
            _ => Ok(()),
        }
    }
}

/// Whether an end is as expected, which may be without its details.
fn is(end: &str, expected: &str) -> bool {
    end.strip_prefix(expected).is_some_and(|details| details.is_empty() || details.starts_with(": "))
}

fn end(settlement: &Settlement) -> String {
    match settlement {
        Settlement::Done(result) => result.data.outcome.map_or("no outcome", |outcome| outcome.name()).into(),
        Settlement::Later(later) => format!("later: {}", later.history.last_error.as_deref().unwrap_or("no error")),
        Settlement::DeadLetter(letter, _) => format!("letter: {}/{} {}", letter.error_type, letter.code, letter.class),
    }
}

/// The data of a message about an order that is there.
fn about(message: &Message, refund: &str) -> Value {
    let mut data = json!({ "order": { "id": message.order }, "currency": "USD" });
    data.as_object_mut().unwrap().extend(message.data.clone());
    serde_json::from_str(&data.to_string().replace("$refund", refund)).unwrap()
}

fn checkout(message: &Message) -> Value {
    let aliases: Vec<_> =
        (0..message.aliases).map(|n| json!({ "type": format!("ERP_{n}"), "id": message.order })).collect();
    let mut data = plain_checkout(&message.order);
    data["order"]["displayId"] = json!(message.display_id);
    data["order"]["aliases"] = json!(aliases);
    if let Some(product) = &message.product {
        data["lines"][0]["product"]["sku"] = json!(product);
    }
    data.as_object_mut().unwrap().extend(message.data.clone());
    data
}

/// A checkout of one Prime line.
pub(crate) fn plain_checkout(order: &str) -> Value {
    json!({
        "order": { "id": order },
        "currency": "USD",
        "shopper": { "name": "John Smith", "email": "john.smith@shop.example" },
        "shipTo": {
            "name": "John Smith", "street": "399 Boren Ave N", "city": "Seattle", "region": "WA",
            "postalCode": "98109", "country": "US",
        },
        "lines": [{
            "id": "1", "product": { "sku": "S-1", "title": "Mug" }, "unitPrice": "10.00", "quantity": 1,
            "delivery": { "by": "amazon", "prime": true, "offerId": "1234567890", "previewId": "SIP-0000000-0000000" },
        }],
        "total": "10.00",
    })
}

/// A message of the shop, as it is delivered first.
pub(crate) fn event(id: &str, kind: &str, data: &Value) -> Inbound {
    let event = json!({ "specversion": "1.0", "id": id, "source": "/shops/acme", "type": kind, "data": data });
    Inbound {
        body: serde_json::to_vec(&event).unwrap(),
        content_type: Some("application/cloudevents+json".into()),
        ..Inbound::default()
    }
}

/// A worker over a simulator.
pub(crate) fn context(simulator: &Simulator, secret: &str, version: ApiVersion) -> Arc<Context<Client>> {
    Arc::new(context::context(context::client(simulator, secret, version)))
}
