//! Comparison of results, dead letters and ledger with the expected outcomes.
//!
//! Not here: the output.

use bwp_sync::broker::headers::own;
use bwp_sync::simulator::Ledger;
use lapin::message::Delivery;
use lapin::types::AMQPValue;

use crate::batch::Expected;
use crate::report::Row;

/// Statement that is printed if there is no problem.
pub(crate) const HOLDS: &str = "every order created once and under its alias, every fulfillment started once,\n\
    every failure dead-lettered with its own code, the repeated create found to be there";

/// Problems, each a sentence; none if every outcome is as expected.
pub(crate) fn problems(rows: &[Row<'_>], letters: &[Delivery], ledger: &Ledger) -> Vec<String> {
    let mut problems = Vec::new();
    for row in rows {
        let (name, expected, outcome) = (row.message.name, row.message.expected.outcome(), row.outcome());
        if outcome != expected {
            problems.push(format!("{name}: expected `{expected}`, got `{outcome}`"));
        }
        problems.extend(effect_problem(row, ledger));
        problems.extend(letter_problem(row, letters));
    }
    let created = rows.iter().filter(|row| row.message.expected == Expected::Created).count();
    let failed = rows.iter().filter(|row| row.message.expected.is_failure()).count();
    let totals = [
        ("orders created", created, ledger.orders_created()),
        ("creates without alias", 0, ledger.creates_without_alias()),
        ("dead letters", failed, letters.len()),
    ];
    let wrong = totals.into_iter().filter(|(_, expected, got)| expected != got);
    problems.extend(wrong.map(|(what, expected, got)| format!("{what}: expected {expected}, got {got}")));
    problems
}

/// A problem if the API does not hold the message's effect exactly once.
fn effect_problem(row: &Row<'_>, ledger: &Ledger) -> Option<String> {
    let order = row.message.order.as_str();
    let (what, expected, got) = match row.message.expected {
        Expected::Created | Expected::AlreadyExisted => ("times created", 1, ledger.creations_of(order)),
        Expected::Failed(_) | Expected::Ignored => ("times created", 0, ledger.creations_of(order)),
        Expected::Updated => ("times started", 1, ledger.starts_of(order)),
    };
    (got != expected).then(|| format!("{}: order {order}: {what}: expected {expected}, got {got}", row.message.name))
}

/// A problem if the dead letters of a message differ from the expected ones.
fn letter_problem(row: &Row<'_>, letters: &[Delivery]) -> Option<String> {
    let of_row = letters.iter().filter(|letter| header(letter, own::ORDER) == Some(&row.message.order));
    let codes: Vec<_> = of_row.map(|letter| header(letter, own::ERROR_CODE).unwrap_or("no code")).collect();
    let expected: &[&str] = match &row.message.expected {
        Expected::Failed(code) => &[code],
        Expected::Created | Expected::Updated | Expected::AlreadyExisted | Expected::Ignored => &[],
    };
    (codes != expected).then(|| format!("{}: dead letters: expected {expected:?}, got {codes:?}", row.message.name))
}

fn header<'a>(letter: &'a Delivery, name: &str) -> Option<&'a str> {
    match letter.properties.headers().as_ref()?.inner().get(name)? {
        AMQPValue::LongString(text) => std::str::from_utf8(text.as_bytes()).ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bwp_sync::simulator::{Alias, Effect};

    use super::*;
    use crate::batch::Message;
    use crate::collect::ResultData;

    fn message(expected: Expected) -> Message {
        let (path, id, order) = ("a-message.json".into(), "1".into(), "SO-1".into());
        Message { name: "a-message", path, id, order, expected, foreign: None }
    }

    fn result(outcome: &str) -> ResultData {
        let json = serde_json::json!({ "causationId": "1", "outcome": outcome, "attempts": 1 });
        serde_json::from_value(json).unwrap()
    }

    fn created() -> Effect {
        let aliases = vec![Alias { alias_type: "EXTERNAL_ID".into(), alias_id: "SO-1".into() }];
        Effect::Created { order: "322".into(), aliases, has_alias: true }
    }

    fn problems_of(expected: Expected, outcome: &str, effects: &[Effect]) -> Vec<String> {
        let (message, result) = (message(expected), result(outcome));
        let row = Row { message: &message, result: Some(&result), took: Some(Duration::ZERO) };
        let ledger = Ledger { effects: effects.to_vec(), ..Ledger::default() };
        problems(&[row], &[], &ledger)
    }

    #[test]
    fn an_order_that_was_created_once_is_no_problem() {
        assert_eq!(problems_of(Expected::Created, "created", &[created()]), [""; 0]);
    }

    #[test]
    fn an_order_that_was_created_twice_is_a_problem() {
        let problems = problems_of(Expected::Created, "created", &[created(), created()]);
        assert_eq!(problems[0], "a-message: order SO-1: times created: expected 1, got 2");
    }

    #[test]
    fn a_fulfillment_that_was_never_started_is_a_problem() {
        let problems = problems_of(Expected::Updated, "updated", &[created()]);
        assert_eq!(problems[0], "a-message: order SO-1: times started: expected 1, got 0");
    }

    #[test]
    fn another_outcome_and_a_missing_letter_are_problems() {
        let problems = problems_of(Expected::Failed("ItemOutOfStock"), "created", &[]);
        assert_eq!(
            problems,
            [
                "a-message: expected `failed: ItemOutOfStock`, got `created`",
                "a-message: dead letters: expected [\"ItemOutOfStock\"], got []",
                "dead letters: expected 1, got 0",
            ]
        );
    }
}
