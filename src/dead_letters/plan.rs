//! A plan: which letters are replayed, in which order, and its file. PURE.
//!
//! Not here: replaying it.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::broker::{BodyHash, Summary};

/// A set of letters, in the order in which they are worked through.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// Facts about the whole plan.
    pub head: Head,
    /// The letters.
    pub letters: Vec<Planned>,
}

/// The first line of a plan's file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Head {
    /// Id of the run, as in `bwp-replay-id` of messages, results and letters.
    pub replay_id: Uuid,
    /// The queue of dead letters.
    pub queue: String,
    /// Letters that were written after this time are not in the plan.
    pub cut_off: Timestamp,
    /// Version of the program that made the plan.
    pub version: String,
    /// How many letters.
    pub letters: usize,
    /// How many of each code.
    pub codes: BTreeMap<String, usize>,
}

/// A letter of a plan: a line of its file.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Planned {
    /// Id of the letter.
    pub letter: Uuid,
    /// SHA-256 of the letter's body.
    pub body: BodyHash,
    /// The operation that failed.
    pub operation: String,
    /// The code of the failure.
    pub code: String,
    /// The order that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<String>,
}

/// A file that is no plan.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// A line cannot be read.
    #[error("line {line}: {error}")]
    Unreadable {
        /// Number of the line, from 1.
        line: usize,
        /// Why.
        error: serde_json::Error,
    },
    /// The file is empty.
    #[error("expected a plan, got an empty file")]
    Empty,
    /// The file was cut off, or edited.
    #[error("expected {expected} letters, as the first line says, got {got}")]
    Incomplete {
        /// Letters by the first line.
        expected: usize,
        /// Letters that follow.
        got: usize,
    },
}

/// The operation that makes orders.
const CREATE: &str = "createOrder";

impl Plan {
    /// A plan of letters that are given in the order of their queue. Of one order the create comes first; apart from
    /// that each letter keeps its place.
    pub fn of(letters: Vec<Summary>, replay_id: Uuid, queue: &str, cut_off: Timestamp) -> Self {
        let mut letters: Vec<Planned> = letters.into_iter().map(planned).collect();
        creates_first(&mut letters);
        let mut codes = BTreeMap::new();
        for letter in &letters {
            *codes.entry(letter.code.clone()).or_default() += 1;
        }
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let head = Head { replay_id, queue: queue.to_owned(), cut_off, version, letters: letters.len(), codes };
        Self { head, letters }
    }

    /// The fewest calls of the API that the plan needs: one for a create, a read and an update for any other letter.
    pub fn calls(&self) -> usize {
        self.letters.iter().map(|letter| if letter.operation == CREATE { 1 } else { 2 }).sum()
    }

    /// The plan as a file: one line of JSON for the whole, then one for each letter.
    ///
    /// # Errors
    /// None in practice: a plan is text and numbers.
    pub fn written(&self) -> serde_json::Result<String> {
        let mut text = serde_json::to_string(&self.head)?;
        for letter in &self.letters {
            text.push('\n');
            text.push_str(&serde_json::to_string(letter)?);
        }
        text.push('\n');
        Ok(text)
    }

    /// Reads a plan's file.
    ///
    /// # Errors
    /// A file that is no plan, or not a whole one.
    pub fn read(text: &str) -> Result<Self, PlanError> {
        let unreadable = |line| move |error| PlanError::Unreadable { line: line + 1, error };
        let mut lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
        let (at, head) = lines.next().ok_or(PlanError::Empty)?;
        let head: Head = serde_json::from_str(head).map_err(unreadable(at))?;
        let letters = lines.map(|(at, line)| serde_json::from_str(line).map_err(unreadable(at)));
        let letters = letters.collect::<Result<Vec<Planned>, _>>()?;
        if letters.len() != head.letters {
            return Err(PlanError::Incomplete { expected: head.letters, got: letters.len() });
        }
        Ok(Self { head, letters })
    }
}

fn planned(letter: Summary) -> Planned {
    Planned {
        letter: letter.id,
        body: letter.body_hash,
        operation: letter.operation.to_string(),
        code: letter.code.to_string(),
        order: letter.order.map(Into::into),
    }
}

/// Puts the creates of each order into the first of the places that the order has.
fn creates_first(letters: &mut [Planned]) {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (at, letter) in letters.iter().enumerate() {
        if let Some(order) = &letter.order {
            places.entry(order).or_default().push(at);
        }
    }
    let several: Vec<Vec<usize>> = places.into_values().filter(|places| places.len() > 1).collect();
    for places in several {
        let mut of_order: Vec<_> = places.iter().map(|at| letters[*at].clone()).collect();
        of_order.sort_by_key(|letter| letter.operation != CREATE);
        for (at, letter) in places.into_iter().zip(of_order) {
            letters[at] = letter;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::filter::tests::letter;
    use super::*;

    fn plan(letters: Vec<Summary>) -> Plan {
        Plan::of(letters, Uuid::nil(), "bwp.dead-letters", Timestamp::UNIX_EPOCH)
    }

    #[test]
    fn a_plan_that_was_cut_off_is_refused() {
        let text = plan(vec![letter(1), letter(2)]).written().unwrap();
        let lines: Vec<_> = text.lines().collect();
        let error = Plan::read(&lines[..2].join("\n")).unwrap_err().to_string();
        assert_eq!(error, "expected 2 letters, as the first line says, got 1");
        assert!(Plan::read("").unwrap_err().to_string().contains("empty"));
        let error = Plan::read(&text[..text.len() - 5]).unwrap_err().to_string();
        assert!(error.starts_with("line 3: "), "{error}");
    }

    #[test]
    fn a_create_costs_one_call_and_an_update_two() {
        let update = Summary { operation: "updateOrder".into(), ..letter(1) };
        assert_eq!(plan(vec![letter(1), update]).calls(), 3);
    }

    proptest! {
        #[test]
        fn of_one_order_the_create_comes_first_and_no_letter_is_lost(orders in prop::collection::vec((0_u8..6, any::<bool>()), 0..40)) {
            let letters: Vec<_> = (1..).zip(&orders).map(|(number, (order, create))| Summary {
                order: (*order > 0).then(|| format!("SO-{order}").into()),
                operation: if *create { CREATE } else { "updateOrder" }.into(),
                ..letter(number)
            }).collect();
            let plan = plan(letters.clone());
            let mut ids: Vec<_> = plan.letters.iter().map(|it| it.letter).collect();
            for (at, letter) in plan.letters.iter().enumerate() {
                let later = |other: &&Planned| other.order.is_some() && other.order == letter.order;
                if letter.operation != CREATE {
                    prop_assert!(plan.letters[at..].iter().filter(later).all(|other| other.operation != CREATE));
                }
                // a place belongs to the same order as before
                prop_assert_eq!(letter.order.as_deref(), letters[at].order.as_deref());
            }
            ids.sort();
            prop_assert_eq!(ids, letters.iter().map(|it| it.id).collect::<Vec<_>>());
            prop_assert_eq!(Plan::read(&plan.written().unwrap()).unwrap(), plan);
        }
    }
}
