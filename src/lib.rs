//! `bwp-sync` keeps a shop and Buy with Prime in step.

pub mod domain;
pub mod ports;
#[cfg(feature = "simulator")]
pub mod simulator;
