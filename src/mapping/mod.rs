//! Foreign JSON to our messages: compiles a jq program and runs it on the bytes of a body. PURE.
//!
//! Not here: the process that programs run in (`mapper`), files, settings.

mod answer;
mod decimal;
mod digits;
mod explain;
mod failure;
mod library;
mod origins;
mod parts;
mod path;
mod presets;
mod program;
mod run;
mod value;

pub use answer::{MAX_ANSWER_BYTES, answer};
pub use digits::{Lost, Probe, probes};
pub use explain::Explained;
pub use failure::{Failure, Fault, Place};
pub use origins::{Changed, changes, differs};
pub use path::Path;
pub use presets::PRESETS;
pub use program::Program;
pub use run::Input;
