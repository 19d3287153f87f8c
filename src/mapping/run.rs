//! One run of a compiled program on a body.
//!
//! Not here: compiling; what is told of an error.

use std::collections::BTreeMap;

use jaq_core::{Ctx, Exn, Filter, Vars};
use jaq_json::Val;
use serde_json::Value;

use super::failure::Failure;
use super::library::Data;
use super::value;

/// Variables that a program may use, in the sequence of their values.
pub(super) const VARIABLES: [&str; 3] = ["$headers", "$routing_key", "$vars"];

/// Input of a program.
#[derive(Clone, Copy, Debug)]
pub struct Input<'a> {
    /// The body, unpacked; `.` in the program.
    pub body: &'a [u8],
    /// Headers of the message, `$headers` in the program, where their names are in lower case.
    pub headers: &'a BTreeMap<String, String>,
    /// Routing key of the shop's publication, `$routing_key`.
    pub routing_key: &'a str,
    /// Variables of the mapping, `$vars`.
    pub variables: &'a BTreeMap<String, Value>,
}

/// A run without an answer.
pub(super) enum Ended {
    /// The program raised an error.
    Raised(jaq_json::Error),
    /// For another reason.
    Failed(Failure),
}

impl From<Failure> for Ended {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// The one answer of a program to a body.
pub(super) fn evaluated(filter: &Filter<Data>, input: &Input<'_>) -> Result<Val, Ended> {
    // headers that carry an attempt's own state are not the shop's, and differ from attempt to attempt
    let headers = input.headers.iter().filter(|(name, _)| !name.to_ascii_lowercase().starts_with("bwp-"));
    let headers = headers.map(|(name, text)| (name.to_ascii_lowercase(), Value::String(text.clone()))).collect();
    let variables = input.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
    let given = [
        value::of(Value::Object(headers))?,
        value::of(Value::String(input.routing_key.to_owned()))?,
        value::of(Value::Object(variables))?,
    ];
    let context = Ctx::<Data>::new(&filter.lut, Vars::new(given));
    let mut answers = filter.id.run((context, value::read(input.body)?));
    let answer = match answers.next() {
        None => return Err(Failure::of("expected one answer, got none: `empty` is no answer, `null` is").into()),
        Some(answer) => answer.map_err(raised)?,
    };
    match answers.next() {
        None => Ok(answer),
        Some(Ok(_)) => Err(Failure::of("expected one answer, got several").into()),
        Some(Err(exception)) => Err(raised(exception)),
    }
}

fn raised(exception: Exn<'_, Val>) -> Ended {
    match exception.get_err() {
        Ok(error) => Ended::Raised(error),
        Err(_) => Failure::of("the program ended without an answer").into(),
    }
}
