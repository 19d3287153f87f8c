//! What tests against a real broker stand on: a broker, nodes to kill, a wire to cut, the real binaries.
//! Not here: anything that knows what `bwp-sync` does.

pub(crate) mod amqp;
pub(crate) mod broker;
pub(crate) mod management;
pub(crate) mod node;
pub(crate) mod private;
pub(crate) mod process;
pub(crate) mod relay;
pub(crate) mod until;
