//! All faults of a message: each that the reader or a rule names is mended by a sample value, and the reading goes on.
//!
//! Not here: the reader and the rules, whose words are repeated.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::conventions::Conventions;
use super::envelope::{Kind, RawMessage, open};
use super::rejection::{Rejection, RejectionCode};
use super::rule::Rule;
use super::rules::Rules;
use super::sample::Samples;
use super::schema::of_message;
use super::transform::{check_rules, command_for};

/// Most faults that are looked for.
const MOST: usize = 500;

/// The faults of a message.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Faults {
    /// Each fault, in the order of the reader.
    pub faults: Vec<Fault>,
    /// A fault could not be mended, so that others may be hidden behind it.
    pub more_may_follow: bool,
}

/// A fault of a message.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Fault {
    /// The field, as `lines[2].unitPrice`; below `data`, or an attribute of the event.
    pub path: String,
    /// Why, as in a letter.
    pub reason: String,
    /// The code that a letter would have.
    pub code: RejectionCode,
}

/// A fault, and whether its path begins at `data` or at the event.
struct Found {
    rejection: Rejection,
    is_in_data: bool,
}

/// All faults of a structured event.
pub fn of_event(event: &Value, conventions: &Conventions, now: Timestamp) -> Faults {
    let mut event = event.clone();
    let schema = event["type"].as_str().and_then(Kind::of).map(of_message);
    let mut samples = schema.as_ref().map(Samples::of);
    let (mut all, mut rules) = (Faults::default(), conventions.rules.each());
    let mut samples_at = HashSet::new();
    while let Some(found) = first(&event, conventions, &rules, now) {
        let Rejection { code, message } = &found.rejection;
        let (path, reason) = message.split_once(": ").unwrap_or(("data", message));
        let fault = Fault { path: path.to_owned(), reason: reason.to_owned(), code: *code };
        // a fault that comes again is one that was not mended; one of a sample value is none of the message
        let is_new = !all.faults.contains(&fault) && !is_of_a_sample(&samples_at, &fault);
        if is_new {
            all.faults.push(fault);
        }
        let place = place(path, found.is_in_data);
        let mended = samples.as_mut().is_some_and(|samples| is_new && mend(samples, &mut event, &place, *code));
        if mended && all.faults.len() < MOST {
            samples_at.insert(path.to_owned());
            continue;
        }
        match code {
            // the other rules can be held against it all the same
            RejectionCode::Broken(rule) => rules.retain(|(it, _)| it != rule),
            RejectionCode::InvalidMessage | RejectionCode::UnsupportedMessage => {
                all.more_may_follow = true;
                break;
            }
        }
    }
    all
}

/// Fields that a total is the sum of, by their last step.
const PARTS: [&str; 6] = ["total", "tax", "unitPrice", "quantity", "charge", "amount"];

/// Whether a rule is broken by the values that others were replaced by. A sum tells nothing once one of its parts was.
fn is_of_a_sample(samples_at: &HashSet<String>, fault: &Fault) -> bool {
    match fault.code {
        RejectionCode::Broken(Rule::TotalIsSum) => {
            samples_at.iter().any(|path| path.rsplit('.').next().is_some_and(|step| PARTS.contains(&step)))
        }
        RejectionCode::Broken(_) => samples_at.contains(&fault.path),
        RejectionCode::InvalidMessage | RejectionCode::UnsupportedMessage => false,
    }
}

/// The first fault that a worker would name, of the rules that are left.
fn first(
    event: &Value,
    conventions: &Conventions,
    rules: &[(super::rule::Rule, Rules)],
    now: Timestamp,
) -> Option<Found> {
    let body = serde_json::to_vec(event).unwrap_or_default();
    let envelope = match open(&RawMessage::structured(&body)) {
        Ok(envelope) => envelope,
        Err(refused) => return Some(Found { rejection: refused.rejection, is_in_data: false }),
    };
    let in_data = |rejection| Some(Found { rejection, is_in_data: true });
    match command_for(&envelope, conventions) {
        Err(rejection) => in_data(rejection),
        // without any rule there are still those that cannot be switched off
        Ok(command) => {
            let none: Rules = std::iter::empty().collect();
            let mut each = std::iter::once(&none).chain(rules.iter().map(|(_, rule)| rule));
            each.find_map(|rule| check_rules(&command, rule, now).err()).and_then(in_data)
        }
    }
}

/// The steps to a field.
fn place(path: &str, is_in_data: bool) -> Vec<String> {
    let steps = path.split(['.', '[']).map(|step| step.trim_end_matches(']')).filter(|step| !step.is_empty());
    let steps = steps.map(ToOwned::to_owned);
    if is_in_data && path != "data" {
        std::iter::once("data".to_owned()).chain(steps).collect()
    } else {
        steps.collect()
    }
}

/// Puts a sample into the place of a wrong value. A whole object or list is replaced only for the reader's sake: for a
/// rule's, faults of others would go with it.
fn mend(samples: &mut Samples<'_>, event: &mut Value, place: &[String], code: RejectionCode) -> bool {
    let Some(sample) = samples.at(place.iter().map(String::as_str)) else { return false };
    let is_item = place.last().is_some_and(|last| last.parse::<usize>().is_ok());
    if matches!(code, RejectionCode::Broken(_)) && !is_item && (sample.is_object() || sample.is_array()) {
        return false;
    }
    let Some((last, parents)) = place.split_last() else { return false };
    let parent = parents.iter().try_fold(event, |value, step| match value {
        Value::Array(items) => items.get_mut(step.parse::<usize>().ok()?),
        Value::Object(fields) => fields.get_mut(step),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    });
    match parent {
        Some(Value::Object(fields)) => {
            fields.insert(last.clone(), sample);
            true
        }
        Some(Value::Array(items)) => {
            let item = last.parse::<usize>().ok().and_then(|index| items.get_mut(index));
            item.map(|item| *item = sample).is_some()
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) | None => false,
    }
}
