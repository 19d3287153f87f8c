//! A second Buy with Prime Order API, written from the public documentation alone, with another engine.
//! Not here: any knowledge of the calls of `bwp-sync` or the answers of the simulator.

pub(crate) mod http;
mod inputs;
mod order;
mod refunds;
mod schema;
mod shapes;
mod store;
