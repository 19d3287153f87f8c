//! A compiled jq program: its answer to a body, or why there is none.
//!
//! Not here: the meaning of its answer.

use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Filter};
use serde_json::value::RawValue;

use super::answer::MAX_ANSWER_BYTES;
use super::explain::{Explained, explained};
use super::failure::{Failure, Fault, undefined, unreadable};
use super::library::{Data, definitions, natives};
use super::run::{Ended, Input, VARIABLES, evaluated};
use super::value;

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
        match evaluated(&self.filter, input) {
            Ok(answer) => value::written(&answer, MAX_ANSWER_BYTES),
            Err(Ended::Raised(error)) => Err(Failure::raised(&error, &self.source)),
            Err(Ended::Failed(failure)) => Err(failure),
        }
    }

    #[cfg(test)]
    pub(super) fn evaluated(&self, input: &Input<'_>) -> Result<jaq_json::Val, Ended> {
        evaluated(&self.filter, input)
    }

    /// Where the program raises an error on a body; none where it raises none, or where that cannot be told. It is run
    /// twice for that.
    pub fn explain(&self, input: &Input<'_>) -> Option<Explained> {
        explained(&self.source, &self.filter, input)
    }
}

#[cfg(test)]
mod tests;
