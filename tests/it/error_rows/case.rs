//! One row of `error_rows.csv`: the worker meets an error, while others pass, and ends.
//! Not here: which rows there are.

use std::fmt;
use std::time::Duration;

use bwp_sync::api::{ApiVersion, Client};
use bwp_sync::policy::catalogue::Row;
use bwp_sync::ports::{Inbound, Settlement};
use bwp_sync::simulator::{CallPhase, Config, Fault, FaultRule, Operation, Shape, Simulator};
use bwp_sync::worker::{Context, Timing, handle};
use serde::Deserialize;
use serde_json::json;
use tokio::time::Instant;

use crate::context::{client, context};
use crate::scenario::{event, plain_checkout};

/// The order that meets the error.
const ORDER: &str = "SO-1";
/// The payment of its refund.
const PAYMENT: &str = "P-1";

/// An error, when it is raised, and what must come of it.
#[derive(Clone, Debug, Deserialize)]
pub(super) struct Expected {
    operation: Operation,
    #[serde(rename = "type")]
    error_type: String,
    code: Option<String>,
    pub(super) when: When,
    message: Message,
    /// How each attempt ends, separated by blanks.
    ends: String,
    /// Calls about the order, from the message's first delivery on.
    creates: usize,
    updates: usize,
    reads: usize,
    /// Type and outcome of the last result.
    result: String,
    letter_type: Option<String>,
    letter_code: Option<String>,
    letter_class: Option<String>,
}

/// When the error is raised.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd)]
#[serde(rename_all = "kebab-case")]
pub(super) enum When {
    /// On the first attempt only.
    First,
    /// On every attempt.
    Always,
    /// Once, after an attempt that took effect with its answer lost.
    AfterEffect,
}

#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum Message {
    Checkout,
    Fulfillment,
    Amendment,
    Refund,
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.code.as_deref().unwrap_or("no code");
        write!(f, "{} {} {code}, {:?}, {:?}", self.operation.name(), self.error_type, self.when, self.message)
    }
}

impl Expected {
    /// Key of the row in the catalogue, where `ValidationError` and `ValidationException` are the same.
    pub(super) fn key(&self) -> (String, String, Option<String>) {
        let stem = self.error_type.trim_end_matches("Error").trim_end_matches("Exception");
        (self.operation.name().to_owned(), stem.to_owned(), self.code.clone())
    }

    /// The faults that raise the error at its time.
    fn faults(&self, version: ApiVersion) -> Vec<FaultRule> {
        let error_type = spelled(&self.error_type, version);
        let refuse = Fault::Refuse { error_type, code: self.code.clone(), shape: Shape::default() };
        let error = FaultRule::always(refuse).on(self.operation).for_alias(ORDER);
        let once = |rule: FaultRule| FaultRule { times: Some(1), ..rule };
        match self.when {
            When::First => vec![once(error)],
            When::Always => vec![error],
            When::AfterEffect => {
                let lost = FaultRule::first(1, Fault::Drop { after_effect: true }).for_alias(ORDER);
                // an update is read for first, and that read passes
                let passes = FaultRule::first(1, Fault::Delay { millis: 0 }).on(Operation::Order).for_alias(ORDER);
                vec![passes, lost.on(self.message.write()), once(error)]
            }
        }
    }
}

impl Message {
    fn write(self) -> Operation {
        match self {
            Self::Checkout => Operation::CreateOrder,
            Self::Fulfillment | Self::Amendment | Self::Refund => Operation::UpdateOrder,
        }
    }

    fn about(self, order: &str) -> Inbound {
        match self {
            Self::Checkout => event(&format!("checkout {order}"), "checkout-completed", &plain_checkout(order)),
            Self::Fulfillment => {
                let data = json!({ "order": { "id": order } });
                event(&format!("fulfillment {order}"), "fulfillment-triggered", &data)
            }
            Self::Amendment => {
                let data = json!({
                    "order": { "id": order }, "currency": "USD", "total": "12.00",
                    "addAliases": [{ "type": "ERP_ID", "id": order }],
                    "addLinks": [{ "kind": "EXTERNAL_ORDER_TRACKING", "url": "https://shop.example/orders/1/track" }],
                });
                event(&format!("amendment {order}"), "order-amended", &data)
            }
            Self::Refund => {
                let payment = json!({ "id": PAYMENT, "amount": "5.00", "label": "Visa ending in 1234" });
                let refund = json!({ "externalId": "R-1", "state": "PARTIAL", "total": "5.00", "payments": [payment] });
                let data = json!({ "order": { "id": order }, "currency": "USD", "refunds": [refund] });
                event(&format!("refund {order}"), "refund-updated", &data)
            }
        }
    }
}

/// Its end, in the words of the file.
#[derive(Debug, Eq, PartialEq)]
struct Ended {
    ends: String,
    creates: usize,
    updates: usize,
    reads: usize,
    result: String,
    /// Type, code, class.
    letter: [Option<String>; 3],
}

/// Runs a case in one version of the API, with these rows as the catalogue, and says what was not as expected.
pub(super) async fn run(expected: &Expected, version: ApiVersion, rows: Vec<Row>) -> Result<(), String> {
    let simulator = Simulator::start(Config::default()).await.unwrap();
    let context = impatient(&simulator, version, rows);
    // others pass before, and an order that is to be changed is there
    others_pass(&context, 0).await;
    if expected.message != Message::Checkout {
        handle(&context, &Message::Checkout.about(ORDER)).await;
    }
    let mut calls = simulator.subscribe();
    expected.faults(version).into_iter().for_each(|rule| simulator.add_fault(rule));

    let (ends, last) = attempts(expected, &context).await;
    let mut counts = [Operation::CreateOrder, Operation::UpdateOrder, Operation::Order].map(|operation| (operation, 0));
    while let Ok(call) = calls.try_recv() {
        let of_order = call.phase == CallPhase::Opened && call.alias.as_deref() == Some(ORDER);
        counts.iter_mut().filter(|(operation, _)| of_order && *operation == call.operation).for_each(|(_, n)| *n += 1);
    }
    let [(_, creates), (_, updates), (_, reads)] = counts;
    let (result, letter) = described(&last);
    let ended = Ended { ends: ends.join(" "), creates, updates, reads, result, letter };
    let (expected_end, file) = (expected.end(version), expected.message);
    if ended != expected_end {
        return Err(format!("expected {expected_end:?}\n     got {ended:?}"));
    }
    once(&simulator, file, &last)
}

impl Expected {
    fn end(&self, version: ApiVersion) -> Ended {
        let spelled = |name: &Option<String>| name.as_deref().map(|name| spelled(name, version));
        Ended {
            ends: self.ends.clone(),
            creates: self.creates,
            updates: self.updates,
            reads: self.reads,
            result: self.result.clone(),
            letter: [spelled(&self.letter_type), spelled(&self.letter_code), self.letter_class.clone()],
        }
    }
}

/// Handles the message again and again, as the retry queues would, while others pass in between.
async fn attempts(expected: &Expected, context: &Context<Client>) -> (Vec<&'static str>, Settlement) {
    let mut inbound = expected.message.about(ORDER);
    let mut ends = Vec::new();
    loop {
        let settlement = handle(context, &inbound).await;
        ends.push(match &settlement {
            Settlement::Done(result) => result.data.outcome.unwrap().name(),
            Settlement::Later(_) => "later",
            Settlement::DeadLetter(..) => "letter",
        });
        let Settlement::Later(later) = &settlement else { return (ends, settlement) };
        if ends.len() > expected.ends.split(' ').count() {
            return (ends, settlement);
        }
        inbound.history = later.history.clone();
        // as much time goes by as a message waits for its order
        inbound.history.awaited = inbound.history.awaited.map(|_| context.limits.wait_for_create);
        inbound.failed_by = Some(Instant::now());
        others_pass(context, ends.len()).await;
    }
}

/// Every operation works for another order.
async fn others_pass(context: &Context<Client>, round: usize) {
    let order = format!("OTHER-{round}");
    for message in [Message::Checkout, Message::Fulfillment] {
        let settlement = handle(context, &message.about(&order)).await;
        assert!(matches!(settlement, Settlement::Done(_)), "{order}: {settlement:?}");
    }
}

/// Type and outcome of the result, and what stands in the letter.
fn described(settlement: &Settlement) -> (String, [Option<String>; 3]) {
    match settlement {
        Settlement::Done(result) => {
            let outcome = result.data.outcome.unwrap().name();
            (format!("{}/{outcome}", result.kind.name()), [None, None, None])
        }
        Settlement::DeadLetter(letter, result) => {
            let letter = [&letter.error_type, &letter.code, &letter.class];
            (result.kind.name().to_owned(), letter.map(|text| Some(text.clone())))
        }
        Settlement::Later(_) => ("none".to_owned(), [None, None, None]),
    }
}

/// Checks that there is at most one order, started and refunded at most once, and none beside the letter of its create. The
/// letter says which action an operator can take and which operation was asked for.
fn once(simulator: &Simulator, message: Message, last: &Settlement) -> Result<(), String> {
    let ledger = simulator.ledger();
    let (orders, starts, payments) = (ledger.creations_of(ORDER), ledger.starts_of(ORDER), ledger.payments_of(PAYMENT));
    let letter = match last {
        Settlement::DeadLetter(letter, _) => Some(letter),
        Settlement::Done(_) | Settlement::Later(_) => None,
    };
    let most = usize::from(letter.is_none() || message != Message::Checkout);
    if orders > most || starts > 1 || payments > 1 {
        return Err(format!("{orders} orders, started {starts} times, refunded {payments} times"));
    }
    match letter {
        Some(letter) if letter.operation != message.write().name() || letter.suggested_action.is_empty() => {
            Err(format!("the letter says {}: {:?}", letter.operation, letter.suggested_action))
        }
        _ => Ok(()),
    }
}

/// In the newer version a type is raised as the documents spell it, in the older one with the other ending.
fn spelled(name: &str, version: ApiVersion) -> String {
    let other = match (name.strip_suffix("Error"), name.strip_suffix("Exception")) {
        (Some(stem), _) => format!("{stem}Exception"),
        (_, Some(stem)) => format!("{stem}Error"),
        (None, None) => name.to_owned(),
    };
    if version == ApiVersion::default() { name.to_owned() } else { other }
}

/// A context that waits little, and whose two budgets differ.
fn impatient(simulator: &Simulator, version: ApiVersion, rows: Vec<Row>) -> Context<Client> {
    let mut context = context(client(simulator, "sim-secret", version));
    context.limits.denied_attempts = context.limits.attempts - 1;
    context.timing = Timing {
        visible_after: Duration::from_millis(2),
        call_ended: Duration::from_millis(2),
        first_wait: Duration::from_millis(1),
        longest_wait: Duration::from_millis(4),
        ..context.timing
    };
    context.rows = rows;
    context
}
