//! Settings: the built-in defaults, files over them, the environment over both.
//!
//! Not here: what a setting does.

mod checks;
mod load;
mod reader;
mod shape;
mod values;

pub use load::DEFAULTS;
pub use shape::{Log, LogFormat, Settings, SettingsError};
