//! `bwp-sync` keeps a shop and Buy with Prime in step.

pub mod broker;
pub mod api;
pub mod domain;
pub mod policy;
pub mod ports;
pub mod worker;
