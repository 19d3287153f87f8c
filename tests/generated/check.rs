//! Comparison of the messages' ends and effects with the plan, and a table of them.
//! Not here: the execution of the plan.

use std::collections::BTreeMap;
use std::time::Duration;

use bwp_sync::ports::Settlement;
use bwp_sync::simulator::{Effect, Ledger, Simulator};
use serde_json::Value;

use crate::broker::Ended;
use crate::lives::{AMENDMENT, REFUND};
use crate::plan::{Effects, End};

/// Most differences that are shown.
const SHOWN: usize = 20;

/// Every difference between the plan and the actual ends and effects, in words.
pub(crate) fn differences(ended: &[Ended], expected: &Effects, simulator: &Simulator) -> Vec<String> {
    let ledger = simulator.ledger();
    let mut found: Vec<String> = ended.iter().filter_map(|one| wrong_end(one, ended)).collect();
    if ledger.creates_without_alias() > 0 {
        found.push(format!("{} orders were created without an alias", ledger.creates_without_alias()));
    }
    let happened = effects(&ledger, simulator);
    found.extend(unlike("orders created", &expected.created, &happened.created));
    found.extend(unlike("starts", &expected.started, &happened.started));
    found.extend(unlike("times told", &expected.payments, &happened.payments));
    found.extend(unlike("total", &expected.totals, &happened.totals));
    found.extend(unlike("refund", &expected.refunds, &happened.refunds));
    let more = found.len().saturating_sub(SHOWN);
    found.truncate(SHOWN);
    found.extend((more > 0).then(|| format!("and {more} more")));
    found
}

/// The end of a message that is not as planned, with those of all messages of its order, in the order of their ends.
fn wrong_end(ended: &Ended, all: &[Ended]) -> Option<String> {
    let Ended { message, last, .. } = ended;
    let right = match (last, message.end) {
        (Settlement::Done(result), End::Done(outcomes)) => {
            let outcome = result.data.outcome.map_or("none", |outcome| outcome.name());
            outcomes.contains(&outcome) || outcome == "superseded" && was_overtaken(ended)
        }
        (Settlement::DeadLetter(letter, _), End::Letter(named)) => {
            format!("{}/{}", letter.error_type, letter.code) == named
        }
        _ => false,
    };
    (!right).then(|| {
        let of_its_order = all.iter().filter(|one| one.message.order == message.order);
        let lives = of_its_order
            .map(|Ended { message, ends, .. }| format!("{:?} {}\n", ends, String::from_utf8_lossy(&message.body)));
        let wrong = format!("{}: expected {:?}, ended {:?}\n", message.order, message.end, ended.ends);
        wrong + &lives.collect::<String>()
    })
}

/// Whether a message waited for its order in a retry queue, where later ones may come before it. On a busy machine a create
/// that is put off again can come back after its followers, which wait so. The last state is demanded all the same.
fn was_overtaken(ended: &Ended) -> bool {
    [AMENDMENT, REFUND].contains(&ended.message.kind) && ended.ends.iter().any(|end| end.contains("OrderNotFound"))
}

fn unlike<T: std::fmt::Debug + PartialEq>(
    what: &str,
    expected: &BTreeMap<String, T>,
    happened: &BTreeMap<String, T>,
) -> Vec<String> {
    let names: std::collections::BTreeSet<_> = expected.keys().chain(happened.keys()).collect();
    let pairs = names.into_iter().map(|name| (name, expected.get(name), happened.get(name)));
    pairs
        .filter(|(_, expected, happened)| expected != happened)
        .map(|(name, expected, happened)| format!("{name}: {what}: expected {expected:?}, got {happened:?}"))
        .collect()
}

/// Effects according to the simulator.
fn effects(ledger: &Ledger, simulator: &Simulator) -> Effects {
    let mut happened = Effects::default();
    let mut names = BTreeMap::new();
    for effect in &ledger.effects {
        match effect {
            Effect::Created { order, aliases, .. } => {
                let name = aliases.iter().find(|alias| alias.alias_type == "EXTERNAL_ID");
                let name = name.map_or_else(|| order.clone(), |alias| alias.alias_id.clone());
                *happened.created.entry(name.clone()).or_default() += 1;
                names.insert(order.clone(), name);
            }
            Effect::Started { order } | Effect::StartRepeated { order } => {
                *happened.started.entry(names[order].clone()).or_default() += 1;
            }
            Effect::Updated { order, total: Some(total), .. } => {
                happened.totals.insert(names[order].clone(), total.clone());
            }
            Effect::RefundPaid { payment, .. } => {
                *happened.payments.entry(payment.clone().unwrap_or_default()).or_default() += 1;
            }
            Effect::Updated { total: None, .. } | Effect::RefundRequested { .. } | Effect::RefundUpdated { .. } => {}
        }
    }
    for name in names.values() {
        let order = simulator.order_by_alias("EXTERNAL_ID", name).unwrap();
        for refund in order.json["refunds"]["details"].as_array().into_iter().flatten() {
            let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let id = format!("{name} {}", text(&refund["aliases"][0]["aliasId"]));
            let total = text(&refund["refundTotal"]["totalAmount"]["amount"]);
            happened.refunds.insert(id, format!("{} {total}", text(&refund["state"])));
        }
    }
    happened
}

/// Messages by kind and by end, faults, and the time of the run.
pub(crate) fn table(ended: &[Ended], simulator: &Simulator, took: Duration) -> String {
    let count = |name: fn(&Ended) -> String| {
        let mut counts = BTreeMap::<String, usize>::new();
        ended.iter().for_each(|one| *counts.entry(name(one)).or_default() += 1);
        counts
    };
    let kinds = count(|one| one.message.kind.to_owned());
    let ends = count(|one| match &one.last {
        Settlement::Done(result) => result.data.outcome.map_or("no outcome", |outcome| outcome.name()).to_owned(),
        Settlement::DeadLetter(letter, _) => format!("letter {}", letter.code),
        Settlement::Later(_) => "not ended".to_owned(),
    });
    let ledger = simulator.ledger();
    let calls: u64 = ledger.calls.values().sum();
    let later: usize = ended.iter().map(|one| one.ends.len() - 1).sum();
    let faults =
        ledger.faults.into_iter().map(|(kind, count)| (format!("fault {kind}"), usize::try_from(count).unwrap()));
    let rows = kinds.into_iter().chain(ends).chain(faults);
    let rows: String = rows.map(|(name, count)| format!("  {name:<48} {count:>6}\n")).collect();
    format!("{rows}  {later} times later, {calls} calls, {:.1} s", took.as_secs_f64())
}
