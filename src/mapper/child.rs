//! The child: compiles the mappings that it is told of, and maps one body after the other until its input ends.
//!
//! Not here: who starts it.

use std::io::{self, Read, Write};

use super::definition::Mapping;
use super::frame::{self, ANSWER, FAILURE, Request};
use super::limits::{limit_memory, limit_next};
use crate::mapping::{Input, Program};

/// Serves the worker that started this process, by standard input and output, until the input ends.
///
/// # Errors
/// A limit cannot be set, a pipe is broken, or the mappings cannot be compiled.
pub fn serve_parent() -> io::Result<()> {
    serve(io::stdin().lock(), io::stdout().lock())
}

fn serve(mut input: impl Read, mut output: impl Write) -> io::Result<()> {
    limit_memory()?;
    let Some(setup) = frame::read(&mut input)? else { return Ok(()) };
    let mappings: Vec<Mapping> = serde_json::from_slice(&setup)?;
    let compiled = mappings.iter().map(|mapping| Program::compile(&mapping.source));
    let programs: Vec<Program> =
        compiled.collect::<Result<_, _>>().map_err(|_| io::Error::other("a mapping cannot be compiled"))?;
    // says that it is ready
    frame::write(&mut output, &[])?;
    while let Some(request) = frame::read(&mut input)? {
        let request: Request = serde_json::from_slice(&request)?;
        let Some(body) = frame::read(&mut input)? else { return Ok(()) };
        let (Some(mapping), Some(program)) = (mappings.get(request.mapping), programs.get(request.mapping)) else {
            return Err(io::Error::other("there is no such mapping"));
        };
        limit_next()?;
        let Request { headers, routing_key, .. } = &request;
        let input = Input { body: &body, headers, routing_key, variables: &mapping.variables };
        let reply = if request.explain {
            serde_json::to_vec(&program.explain(&input))?
        } else {
            match program.run(&input) {
                Ok(json) => [&[ANSWER], json.get().as_bytes()].concat(),
                Err(failure) => [&[FAILURE], failure.to_string().as_bytes()].concat(),
            }
        };
        frame::write(&mut output, &reply)?;
    }
    Ok(())
}
