//! A compiled jq program, and one run of it.
//!
//! Not here: the meaning of its answer.

use std::collections::BTreeMap;

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars};
use serde_json::Value;
use serde_json::value::RawValue;

use super::answer::MAX_ANSWER_BYTES;
use super::failure::{Failure, Fault, undefined, unreadable};
use super::library::{Data, definitions, natives};
use super::value;

/// Variables that a program may use, in the sequence of their values.
const VARIABLES: [&str; 3] = ["$headers", "$routing_key", "$vars"];

/// A jq program, ready to run.
pub struct Program {
    filter: Filter<Data>,
    source: String,
}

impl std::fmt::Debug for Program {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Program").field("source", &self.source).finish_non_exhaustive()
    }
}

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

impl Program {
    /// Compiles a program.
    ///
    /// # Errors
    /// Every fault that can be found at once, with its place.
    pub fn compile(source: &str) -> Result<Self, Vec<Fault>> {
        let arena = Arena::default();
        let program = File { code: source, path: () };
        let modules = Loader::new(definitions()).load(&arena, program).map_err(|errors| unreadable(source, errors))?;
        let compiler = Compiler::<_, Data>::default().with_funs(natives()).with_global_vars(VARIABLES);
        let filter = compiler.compile(modules).map_err(|errors| undefined(source, errors))?;
        Ok(Self { filter, source: source.to_owned() })
    }

    /// Runs the program on a body. A program may loop, or recurse until the process ends: see `mapper`.
    ///
    /// # Errors
    /// The body is no JSON, the program raised an error, or it did not answer one value of a bounded size.
    pub fn run(&self, input: &Input<'_>) -> Result<Box<RawValue>, Failure> {
        // headers that carry an attempt's own state are not the shop's, and differ from attempt to attempt
        let headers = input.headers.iter().filter(|(name, _)| !name.to_ascii_lowercase().starts_with("bwp-"));
        let headers = headers.map(|(name, text)| (name.to_ascii_lowercase(), Value::String(text.clone()))).collect();
        let variables = input.variables.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let given = [
            value::of(Value::Object(headers))?,
            value::of(Value::String(input.routing_key.to_owned()))?,
            value::of(Value::Object(variables))?,
        ];
        let context = Ctx::<Data>::new(&self.filter.lut, Vars::new(given));
        let mut answers = self.filter.id.run((context, value::read(input.body)?));
        let answer = match answers.next() {
            None => return Err(Failure::of("expected one answer, got none: `empty` is no answer, `null` is")),
            Some(Ok(answer)) => answer,
            Some(Err(exception)) => return Err(self.failure(exception)),
        };
        match answers.next() {
            None => value::written(&answer, MAX_ANSWER_BYTES),
            Some(Ok(_)) => Err(Failure::of("expected one answer, got several")),
            Some(Err(exception)) => Err(self.failure(exception)),
        }
    }

    fn failure(&self, exception: jaq_core::Exn<'_, jaq_json::Val>) -> Failure {
        match exception.get_err() {
            Ok(error) => Failure::raised(&error, &self.source),
            Err(_) => Failure::of("the program ended without an answer"),
        }
    }
}

#[cfg(test)]
mod tests;
