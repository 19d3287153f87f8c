//! A second Buy with Prime Order API, written from the public documentation alone, on an engine of its own.
//! Not here: anything that knows what `bwp-sync` sends, or what the simulator answers.

pub(crate) mod http;
mod inputs;
mod order;
mod refunds;
mod schema;
mod shapes;
mod store;
