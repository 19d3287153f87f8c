//! Finds amounts that a mapping rounds on their way: one amount of an example gets nineteen digits, twice a little more.
//!
//! Not here: running the mapping, which the caller does.

use serde_json::Value;

use super::decimal::Exact;
use super::path::Path;

/// The amount that stands for others: nineteen digits, more than a float of 64 bits holds.
const BASE: &str = "90071992547409919.11";
/// Added once and twice. Small against the base, so that a float would lose it.
const STEP: &str = "0.01";
/// Base for amounts without a point, which are in the smallest unit.
const WHOLE_BASE: &str = "9007199254740991911";
const WHOLE_STEP: &str = "1";

/// An amount of an example that does not come through with all of its digits.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Lost {
    /// Where it stands in the body, as `line_items[0].price`.
    pub input: String,
    /// Where it is wrong in the answer.
    pub output: String,
}

/// An amount of an example, and the body with three values in its place.
#[derive(Clone, Debug)]
pub struct Probe {
    /// Where the amount stands in the body.
    pub input: String,
    /// The bodies, each a step further.
    pub bodies: [Value; 3],
}

/// A probe for each amount of an example: each number, and each text of a decimal with a point.
pub fn probes(body: &Value) -> Vec<Probe> {
    let probe = |path: Path| {
        let is_whole = path.value(body).is_some_and(|value| !text(value).contains('.'));
        let (base, step) = if is_whole { (WHOLE_BASE, WHOLE_STEP) } else { (BASE, STEP) };
        Some(Probe { bodies: steps(body, &path, base, step)?, input: path.shown() })
    };
    amounts(body).into_iter().filter_map(probe).collect()
}

impl Probe {
    /// Amounts of the answers to the three bodies that did not come through exactly.
    pub fn lost(&self, [one, two, three]: [&Value; 3]) -> Vec<Lost> {
        let mut places = Vec::new();
        compare(one, two, three, &mut String::new(), &mut places);
        places.into_iter().map(|output| Lost { input: self.input.clone(), output }).collect()
    }
}

/// The body with an amount of base, base + step and base + twice the step.
fn steps(body: &Value, path: &Path, base: &str, step: &str) -> Option<[Value; 3]> {
    let (base, step) = (Exact::of(base)?, Exact::of(step)?);
    let two = base.add(step)?;
    let three = two.add(step)?;
    let with = |amount: Exact| {
        let mut body = body.clone();
        let place = path.value_mut(&mut body)?;
        *place = match place {
            Value::String(_) => Value::String(amount.to_string()),
            _ => Value::Number(amount.to_string().parse().ok()?),
        };
        Some(body)
    };
    Some([with(base)?, with(two)?, with(three)?])
}

/// Places where the answers are numbers that do not grow by the same, exact step.
fn compare(one: &Value, two: &Value, three: &Value, at: &mut String, wrong: &mut Vec<String>) {
    let length = at.len();
    match (one, two, three) {
        (Value::Object(a), Value::Object(b), Value::Object(c)) => {
            for (name, one) in a {
                let (Some(two), Some(three)) = (b.get(name), c.get(name)) else { continue };
                if !at.is_empty() {
                    at.push('.');
                }
                at.push_str(name);
                compare(one, two, three, at, wrong);
                at.truncate(length);
            }
        }
        (Value::Array(a), Value::Array(b), Value::Array(c)) => {
            for (index, ((one, two), three)) in a.iter().zip(b).zip(c).enumerate() {
                at.push_str(&format!("[{index}]"));
                compare(one, two, three, at, wrong);
                at.truncate(length);
            }
        }
        _ if one == two && two == three => {
            // far from the base it is another amount, or a word; near it the steps were lost
            if Exact::of(&text(one)).is_some_and(is_near) {
                wrong.push(at.clone());
            }
        }
        _ => {
            let amounts = [one, two, three].map(|value| Exact::of(&text(value)));
            let [Some(one), Some(two), Some(three)] = amounts else { return };
            let steps = [(one, two), (two, three)].map(|(from, to)| to.add(from.neg()?));
            let same =
                matches!(steps, [Some(first), Some(second)] if first.compare(second).is_some_and(|it| it.is_eq()));
            if !same {
                wrong.push(at.clone());
            }
        }
    }
}

/// Whether an amount has the size of a base, and with it may have come from it.
fn is_near(amount: Exact) -> bool {
    let digits = amount.to_string();
    digits.trim_start_matches('-').len() >= BASE.len() - 3
}

/// A number, or the text of one.
fn text(value: &Value) -> String {
    match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => String::new(),
    }
}

/// Paths of all values that may be amounts: numbers, and texts of decimals with a point.
fn amounts(body: &Value) -> Vec<Path> {
    let is_amount = |value: &Value| match value {
        Value::Number(_) => true,
        Value::String(text) => text.contains('.') && Exact::of(text).is_some(),
        Value::Object(_) | Value::Array(_) | Value::Null | Value::Bool(_) => false,
    };
    Path::leaves(body).into_iter().filter(|path| path.value(body).is_some_and(is_amount)).collect()
}
