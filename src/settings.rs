//! Settings: the environment goes over the files, the files over the built-in defaults.
//!
//! Not here: the effect of a setting.

mod checks;
mod load;
mod mappings;
mod reader;
mod shape;
mod values;

pub use load::DEFAULTS;
pub use shape::{Log, LogFormat, Settings, SettingsError};
