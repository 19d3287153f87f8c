//! `bwp-sync` keeps a shop and Buy with Prime in step.

pub mod api;
pub mod domain;
pub mod ports;
